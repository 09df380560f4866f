//! The binary in a process of its own, on free ports and in a temporary folder.

use std::{
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use testkit::HttpClient;

/// A running system; killed when dropped.
pub(crate) struct System {
    folder: TempDir,
    pub(crate) gateway: SocketAddr,
    pub(crate) ticketing: SocketAddr,
    operations: [SocketAddr; 2],
    child: Child,
}

impl System {
    /// Starts a system whose demo queue admits `rate` visitors a second, and waits until it is ready.
    pub(crate) async fn start(rate: f64) -> Self {
        let free = || SocketAddr::from((Ipv4Addr::LOCALHOST, testkit::free_port()));
        let (gateway, ticketing, operations) = (free(), free(), [free(), free()]);
        let folder = TempDir::new().unwrap();
        let settings = format!(
            "data = '{data}'
[queue_gateway]
public_url = 'http://{gateway}'
listen.address = '{gateway}'
operations.address = '{}'
[queue_gateway.queues.demo]
redirect_to = 'http://{ticketing}/'
admission = {{ mode = 'fixed', rate_per_second = {rate:?}, active_cap = 100 }}
[queue_gateway.queues.presale]
redirect_to = 'http://{ticketing}/'
members.jwks_url = 'http://{ticketing}/.well-known/jwks.json'
admission = {{ mode = 'fixed', rate_per_second = {rate:?}, active_cap = 100 }}
[ticketing_api]
public_url = 'http://{ticketing}'
listen.address = '{ticketing}'
operations.address = '{}'
gateway.internal_url = 'http://{}'
gateway.public_url = 'http://{gateway}'
",
            operations[0],
            operations[1],
            operations[0],
            data = folder.path().join("data").display(),
        );
        fs::write(folder.path().join("settings.toml"), settings).unwrap();
        let child = spawn(&folder.path().join("settings.toml"));
        let mut system = Self { folder, gateway, ticketing, operations, child };
        system.until_ready().await;
        system
    }

    /// Ends the process as a power cut of its own would, and starts it again.
    pub(crate) async fn kill_and_start_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = spawn(&self.folder.path().join("settings.toml"));
        self.until_ready().await;
    }

    /// Rewrites the settings file, as an operator does while the system runs.
    pub(crate) fn change_settings(&self, change: impl FnOnce(String) -> String) {
        let file = self.folder.path().join("settings.toml");
        fs::write(&file, change(fs::read_to_string(&file).unwrap())).unwrap();
    }

    /// A client of the waiting room.
    pub(crate) fn waiting_room(&self) -> HttpClient {
        HttpClient::new(self.gateway)
    }

    /// A client of the waiting room's internal listener: what operators and services call.
    pub(crate) fn waiting_room_internal(&self) -> HttpClient {
        HttpClient::new(self.operations[0])
    }

    /// A client of the shop.
    pub(crate) fn shop(&self) -> HttpClient {
        HttpClient::new(self.ticketing)
    }

    /// A secret of the data folder.
    pub(crate) fn secret(&self, name: &str) -> String {
        let secrets: toml::Table = fs::read_to_string(self.secrets_file()).unwrap().parse().unwrap();
        secrets[name].as_str().unwrap().to_owned()
    }

    /// Where the secrets are.
    pub(crate) fn secrets_file(&self) -> PathBuf {
        self.folder.path().join("data/secrets.toml")
    }

    /// The end of a polite stop: its exit status.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap()
    }

    async fn until_ready(&mut self) {
        for operations in self.operations {
            let client = HttpClient::new(operations);
            let ready = async {
                while !client.get("/readyz").try_send().await.is_ok_and(|reply| reply.status == 200) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            let in_time = tokio::time::timeout(Duration::from_secs(30), ready).await;
            assert!(in_time.is_ok(), "not ready within 30 s; ended: {:?}", self.child.try_wait());
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The binary with a settings file.
pub(crate) fn command(settings: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_standalone"));
    command.arg("--config").arg(settings);
    command
}

fn spawn(settings: &Path) -> Child {
    command(settings).stdout(Stdio::null()).spawn().unwrap()
}
