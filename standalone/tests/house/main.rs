//! The rules of the house, held by a test: which room may name what, how files are called, how long they may grow.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Crates that do input and output: no room of the domain and no contract may name them.
const IO_CRATES: [&str; 8] = ["tokio", "hyper", "axum", "fred", "sqlx", "tower", "http::", "prometheus"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// All Rust files at or under the place `name`: the file `name.rs` and the folder `name/`.
fn room(name: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let file = root().join(format!("{name}.rs"));
    if file.exists() {
        files.push(file);
    }
    collect(&root().join(name), &mut files);
    assert!(!files.is_empty(), "there is no room {name}");
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn all_rust_files() -> Vec<PathBuf> {
    ["queue-gateway", "ticketing-api", "shared", "standalone", "tools"].into_iter().flat_map(room).collect()
}

/// The lines of code before a file's own unit tests, without comments.
fn code(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap();
    let body = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]"));
    body.map(str::to_owned).filter(|line| !line.trim_start().starts_with("//")).collect()
}

fn assert_names_no_io(files: &[PathBuf]) {
    for path in files {
        for line in code(path) {
            let named = IO_CRATES.iter().find(|name| {
                let path = if name.ends_with("::") { (*name).to_string() } else { format!("{name}::") };
                line.contains(&format!(" {path}")) || line.contains(&format!("({path}"))
            });
            assert!(named.is_none(), "{} names {}: {line}", path.display(), named.unwrap());
        }
    }
}

#[test]
fn the_domains_do_no_input_or_output() {
    assert_names_no_io(&room("queue-gateway/src/room"));
    assert_names_no_io(&room("ticketing-api/src/booking"));
}

#[test]
fn the_contracts_name_no_driver() {
    let contract = |name: &str| root().join(name);
    assert_names_no_io(&[
        contract("queue-gateway/src/engine.rs"),
        contract("ticketing-api/src/store.rs"),
        contract("ticketing-api/src/fast_store.rs"),
        contract("ticketing-api/src/payments.rs"),
    ]);
}

#[test]
fn a_file_is_named_after_what_is_in_it() {
    for path in all_rust_files() {
        let name = path.file_stem().unwrap().to_str().unwrap();
        let vague = ["mod", "util", "utils", "common", "helpers", "misc", "types"];
        assert!(!vague.contains(&name), "{} says nothing about its content", path.display());
    }
}

#[test]
fn a_file_stays_short_enough_to_read_in_one_sitting() {
    for path in all_rust_files().iter().filter(|path| !path.components().any(|part| part.as_os_str() == "tests")) {
        let lines = code(path).len();
        assert!(lines <= 400, "{} has {lines} lines of code: split it", path.display());
    }
}
