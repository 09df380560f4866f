//! The rules of the house, held by a test: which room may name what, how files are called, how long they may grow.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test says what it expects")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use syn::{UseTree, visit::Visit};

/// Crates that do input and output: no room of the domain and no contract may name them.
const IO_CRATES: [&str; 8] = ["tokio", "hyper", "axum", "fred", "sqlx", "tower", "http", "prometheus"];

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

/// What the code of a file names: crates, and rooms of its own crate as `crate::room`. Its own unit tests are left out.
#[derive(Default)]
struct Names(BTreeSet<String>);

impl Names {
    fn of(path: &Path) -> BTreeSet<String> {
        let file = syn::parse_file(&fs::read_to_string(path).unwrap()).unwrap();
        let mut names = Self::default();
        names.visit_file(&file);
        names.0
    }

    fn note<'a>(&mut self, path: impl IntoIterator<Item = &'a syn::Ident>) {
        let mut path = path.into_iter().map(ToString::to_string);
        let Some(first) = path.next() else { return };
        let rest = path.next();
        self.0.insert(match rest {
            Some(room) if first == "crate" => format!("crate::{room}"),
            _ => first,
        });
    }

    fn note_tree(&mut self, above: &mut Vec<syn::Ident>, tree: &UseTree) {
        match tree {
            UseTree::Path(path) => {
                above.push(path.ident.clone());
                self.note_tree(above, &path.tree);
                above.pop();
            }
            UseTree::Name(name) => self.note(above.iter().chain([&name.ident])),
            UseTree::Rename(rename) => self.note(above.iter().chain([&rename.ident])),
            UseTree::Glob(_) => self.note(above.iter()),
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.note_tree(above, tree)),
        }
    }
}

impl<'ast> Visit<'ast> for Names {
    fn visit_item_mod(&mut self, module: &'ast syn::ItemMod) {
        let for_tests = |attribute: &syn::Attribute| {
            attribute.path().is_ident("cfg")
                && attribute.meta.require_list().is_ok_and(|list| list.tokens.to_string() == "test")
        };
        if !module.attrs.iter().any(for_tests) {
            syn::visit::visit_item_mod(self, module);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        self.note_tree(&mut Vec::new(), &item.tree);
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.segments.len() > 1 {
            self.note(path.segments.iter().map(|segment| &segment.ident));
        }
        syn::visit::visit_path(self, path);
    }
}

/// Holds the files of a room to the rooms of its crate that it may name.
fn assert_names_only(service: &str, name: &str, allowed: &[&str]) {
    for path in room(&format!("{service}/src/{name}")).iter().filter(|path| !path.ends_with("tests.rs")) {
        for named in Names::of(path).iter().filter_map(|named| named.strip_prefix("crate::")) {
            let own = name.split('/').next() == Some(named);
            assert!(own || allowed.contains(&named), "{} names crate::{named}", path.display());
        }
    }
}

fn assert_names_no_io(files: &[PathBuf]) {
    for path in files {
        let names = Names::of(path);
        let found = IO_CRATES.iter().find(|name| names.contains(**name));
        assert!(found.is_none(), "{} names {}", path.display(), found.unwrap());
    }
}

#[test]
fn the_domains_do_no_input_or_output() {
    assert_names_no_io(&room("queue-gateway/src/line"));
    assert_names_no_io(&room("ticketing-api/src/booking"));
}

#[test]
fn no_room_names_one_that_stands_before_it() {
    for (name, allowed) in [
        ("line", &[][..]),
        ("waiting_token", &[]),
        ("engine", &["line"]),
        ("mirror", &["line", "engine"]),
        ("documents", &["line", "waiting_token"]),
        ("streams", &["line", "engine", "documents", "metrics", "mirror"]),
        ("follower", &["line", "engine", "mirror", "streams"]),
        ("promoter", &["line", "engine", "mirror", "follower", "metrics"]),
        ("draw", &["line"]),
        ("waiting_room", &["line", "engine", "follower", "documents", "draw", "members", "metrics", "proof_of_work"]),
    ] {
        assert_names_only("queue-gateway", name, allowed);
    }
    for (name, allowed) in [("booking", &[][..]), ("store", &["booking", "metrics"]), ("fast_store", &["booking"])] {
        assert_names_only("ticketing-api", name, allowed);
    }
}

#[test]
fn the_contract_between_the_services_has_no_server_in_it() {
    assert_names_no_io(&room("shared/contract"));
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
