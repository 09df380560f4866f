//! The rules of a waiting room, free of IO: where everybody stands, how long it will take, how many may come in.

pub mod admission;
pub mod estimate;
pub mod place;
pub mod rank;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// Every source file below `folder`.
    fn sources(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let text = |path: &Path| fs::read_to_string(path).unwrap();
        entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![text(&path)] }).collect()
    }

    #[test]
    fn the_domain_names_no_driver() {
        let files = sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/room"));
        assert!(files.len() > 5);
        for driver in ["tokio", "hyper", "axum", "fred"] {
            let uses = |file: &&String| file.contains(&format!("{driver}::"));
            assert_eq!(files.iter().find(uses), None, "{driver} is named in the domain");
        }
    }
}
