//! A headless Chromium, driven over `WebDriver`.

use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;

use fantoccini::error::{CmdError, NewSessionError};
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use tempfile::TempDir;

use crate::port::free_port;
use crate::process::{Supervised, log_of, off_runtime};
use crate::program;
use crate::start_error::{StartError, or_panic};

const DRIVER: &str = "chromedriver";

/// Names of browsers that the driver can drive.
const BROWSERS: [&str; 6] =
    ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "Chromium", "Google Chrome"];

/// Debian keeps browser and driver here as well; macOS keeps applications off PATH.
const FOLDERS: [&str; 4] = [
    "/usr/lib/chromium",
    "/usr/lib/chromium-browser",
    "/Applications/Chromium.app/Contents/MacOS",
    "/Applications/Google Chrome.app/Contents/MacOS",
];

/// A browser of its own with an empty profile; it ends with this guard.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    _driver: Supervised,
    folder: TempDir,
}

impl Browser {
    /// Starts the driver and, through it, the browser.
    ///
    /// # Panics
    /// When Chromium or its driver is not installed, or does not start: in one sentence that says so.
    pub async fn start() -> Self {
        let (driver, port, folder) = or_panic(off_runtime(start_driver).await);
        let binary = or_panic(program::find(&BROWSERS, &FOLDERS));
        let profile = folder.path().join("profile");
        let options = json!({ "binary": binary, "args": arguments(&profile) });
        let capabilities = [("goog:chromeOptions".to_owned(), options)].into_iter().collect();
        let session: Result<Client, NewSessionError> = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{port}"))
            .await;
        let client = session.unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        Self { client, _driver: driver, folder }
    }

    /// The `WebDriver` session: go to pages, find elements, run scripts.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The folder with profile and log.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Saves what is to be seen as a PNG file.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub async fn screenshot(&self, path: &Path) -> Result<(), CmdError> {
        let image = self.client.screenshot().await?;
        std::fs::write(path, image).unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
        Ok(())
    }
}

fn arguments(profile: &Path) -> Vec<String> {
    let fixed = [
        "--headless=new",
        // The sandbox needs rights that root and most containers do not give; only our own pages are opened.
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        // Containers have a tiny /dev/shm, and the browser crashes when it is full.
        "--disable-dev-shm-usage",
        // Its crash handler would outlive a killed browser.
        "--disable-breakpad",
        "--disable-crash-reporter",
        "--window-size=1280,900",
    ];
    let profile = format!("--user-data-dir={}", profile.display());
    fixed.into_iter().map(ToOwned::to_owned).chain([profile]).collect()
}

fn start_driver() -> Result<(Supervised, u16, TempDir), StartError> {
    let program = program::find(&[DRIVER], &FOLDERS)?;
    let folder = tempfile::Builder::new().prefix("testkit-browser-").tempdir()?;
    let port = free_port();
    let mut driver = Supervised::start(&program, &[format!("--port={port}")], folder.path(), None)?;
    driver.wait_until(DRIVER, &log_of(folder.path()), || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok((driver, port, folder))
}
