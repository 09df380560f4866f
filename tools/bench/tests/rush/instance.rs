//! The services' own binaries, as many as wanted, on shared stores.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use contract::tokens::ActiveSigner;
use secrecy::ExposeSecret;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use testkit::HttpClient;

pub(crate) const ADMIN_EMAIL: &str = "admin@example.com";
pub(crate) const ADMIN_PASSWORD: &str = "admin-pass-1!";

/// One process of a service.
pub(crate) struct Instance {
    binary: PathBuf,
    settings: PathBuf,
    pub(crate) public: SocketAddr,
    operations: SocketAddr,
    child: Option<Child>,
}

/// Two gateways and two APIs.
pub(crate) struct System {
    pub(crate) gateways: Vec<Instance>,
    pub(crate) apis: Vec<Instance>,
    database: String,
    _settings: TempDir,
}

impl System {
    /// Starts all four and waits until they are ready.
    pub(crate) async fn start(redis: &str, postgres: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let key = ActiveSigner::generate_pem();
        let gateway = |public: SocketAddr, operations: SocketAddr| {
            format!(
                "engine = 'redis'
redis.url = '{redis}'
trusted_proxies = ['127.0.0.0/8']
listen.address = '{public}'
operations.address = '{operations}'
telemetry.filter = 'error'
[secrets]
waiting_secret = 'a-waiting-secret-for-tests-0123456789'
active_key = '''
{key}'''
service_key = 'a-service-key-for-tests-0123456789abc'
operator_key = 'an-operator-key-for-tests-0123456789a'
[queues.demo]
redirect_to = 'http://127.0.0.1:8081/'
admission = {{ mode = 'fixed', rate_per_second = 40.0, active_cap = 60 }}
",
                key = key.expose_secret(),
            )
        };
        let gateways = start("queue-gateway", folder.path(), gateway);
        until_ready(&gateways).await;
        // Each API knows one of the gateways: the API that lives on loses the one that is killed.
        let mut known = gateways.iter().rev().map(|gateway| gateway.public);
        let api = |public: SocketAddr, operations: SocketAddr| {
            let gateway = known.next().unwrap();
            format!(
                "trusted_proxies = ['127.0.0.0/8']
listen.address = '{public}'
operations.address = '{operations}'
telemetry.filter = 'error'
store.url = '{postgres}'
fast_store = {{ engine = 'redis', redis.url = '{redis}' }}
gateway.url = 'http://{gateway}'
admin = {{ email = '{ADMIN_EMAIL}', password = '{ADMIN_PASSWORD}' }}
[secrets]
session_secret = 'a-session-secret-for-tests-0123456789'
service_key = 'a-service-key-for-tests-0123456789abc'
"
            )
        };
        let apis = start("ticketing-api", folder.path(), api);
        until_ready(&apis).await;
        Self { gateways, apis, database: postgres.to_owned(), _settings: folder }
    }

    /// How many seats have an owner, by the database's own word.
    pub(crate) async fn sold(&self) -> usize {
        let count = self.count("SELECT count(*) FROM tickets WHERE state = 'live'").await;
        usize::try_from(count).unwrap()
    }

    /// Waits until so many seats are sold.
    pub(crate) async fn until_sold(&self, seats: usize) {
        let sold = async {
            while self.sold().await < seats {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(5), sold).await.expect("the sale proceeds");
    }

    /// Money and seats, straight from the tables: none of our code has a say.
    pub(crate) async fn audit(&self) {
        let none = [
            (
                "a seat sold twice",
                "SELECT count(*) FROM (SELECT 1 FROM tickets GROUP BY performance, seat HAVING count(*) > 1) t",
            ),
            (
                "a reservation paid twice",
                "SELECT count(*) FROM (SELECT 1 FROM payments WHERE state = 'completed' GROUP BY reservation HAVING count(*) > 1) t",
            ),
            (
                "a payment without its tickets",
                "SELECT count(*) FROM payments p WHERE state = 'completed' AND NOT EXISTS (SELECT 1 FROM tickets t WHERE t.payment = p.id)",
            ),
            (
                "a confirmed reservation without a payment",
                "SELECT count(*) FROM reservations r WHERE state = 'confirmed' AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.reservation = r.id AND p.state = 'completed')",
            ),
            (
                "a transfer that does not sum to zero",
                "SELECT count(*) FROM (SELECT 1 FROM ledger_entries GROUP BY transfer HAVING sum(amount) <> 0) t",
            ),
            (
                "a balance that is not the sum of its entries",
                "SELECT count(*) FROM accounts a WHERE balance IS NOT NULL AND balance <> (SELECT coalesce(sum(amount), 0) FROM ledger_entries e WHERE e.account = a.id)",
            ),
            (
                "a token that bought twice",
                "SELECT count(*) FROM (SELECT 1 FROM payments WHERE state = 'completed' GROUP BY token HAVING count(*) > 1) t",
            ),
        ];
        for (fault, query) in none {
            assert_eq!(self.count(query).await, 0, "{fault}");
        }
    }

    async fn count(&self, query: &'static str) -> i64 {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap()
    }
}

impl Instance {
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
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
    }
}

fn start(name: &str, folder: &Path, mut settings: impl FnMut(SocketAddr, SocketAddr) -> String) -> Vec<Instance> {
    let mut instance = |number: usize| {
        let free = || SocketAddr::from((Ipv4Addr::LOCALHOST, testkit::free_port()));
        let (public, operations) = (free(), free());
        let file = folder.join(format!("{name}-{number}.toml"));
        std::fs::write(&file, settings(public, operations)).unwrap();
        let mut instance = Instance { binary: binary(name), settings: file, public, operations, child: None };
        instance.start();
        instance
    };
    vec![instance(1), instance(2)]
}

async fn until_ready(instances: &[Instance]) {
    for instance in instances {
        let client = HttpClient::new(instance.operations);
        let ready = async {
            while !client.get("/readyz").try_send().await.is_ok_and(|reply| reply.status == 200) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ready).await.expect("an instance becomes ready");
    }
}

/// A service's binary lies two folders above this test's own; a run of the whole workspace's tests builds it.
fn binary(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let path = test.ancestors().nth(2).unwrap().join(name);
    assert!(path.exists(), "{} is missing: build it with `cargo build -p {name}`", path.display());
    path
}
