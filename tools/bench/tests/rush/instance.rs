//! One process of a service.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use testkit::HttpClient;

/// A service's own binary with its settings.
pub(crate) struct Instance {
    binary: PathBuf,
    settings: PathBuf,
    pub(crate) public: SocketAddr,
    pub(crate) internal: SocketAddr,
    child: Option<Child>,
}

impl Instance {
    /// Starts a service on free ports, with the settings that are written for them, and waits until it is ready.
    pub(crate) async fn of(
        name: &str,
        folder: &Path,
        number: usize,
        settings: impl FnOnce(SocketAddr, SocketAddr) -> String,
    ) -> Self {
        let free = || SocketAddr::from((Ipv4Addr::LOCALHOST, testkit::free_port()));
        let (public, internal) = (free(), free());
        let file = folder.join(format!("{name}-{number}.toml"));
        std::fs::write(&file, settings(public, internal)).unwrap();
        let mut instance = Self { binary: binary(name), settings: file, public, internal, child: None };
        instance.start();
        instance.until_ready().await;
        instance
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts the process on its old ports.
    pub(crate) fn start(&mut self) {
        let command = &mut Command::new(&self.binary);
        self.child = Some(command.arg("--config").arg(&self.settings).stdout(Stdio::null()).spawn().unwrap());
    }

    async fn until_ready(&self) {
        let client = HttpClient::new(self.internal);
        let ready = async {
            while !client.get("/readyz").try_send().await.is_ok_and(|reply| reply.status == 200) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("an instance becomes ready");
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A service's binary lies two folders above this test's own; a run of the whole workspace's tests builds it.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(path.exists(), "{} is missing: build it with `cargo build -p {name}`", path.display());
    path
}
