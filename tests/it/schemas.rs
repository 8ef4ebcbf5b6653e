//! The schemas in `schema/` are those that the program prints. `TENURE_BLESS=1 cargo test` writes them anew.

use std::path::Path;

use crate::bench::{Bench, ROOT};

#[test]
fn the_files_are_what_the_program_says() {
    let bench = Bench::empty();
    for (of, file) in [("config", "tenure"), ("plan", "plan"), ("ledger", "ledger")] {
        let said = bench.run(&format!("tenure schema {of}")).ended(0).out;
        let path = Path::new(ROOT).join(format!("schema/{file}.schema.json"));
        if std::env::var_os("TENURE_BLESS").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &said).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == said, "{} is not what `tenure schema {of}` says; TENURE_BLESS=1 writes it", path.display());
    }
}

#[test]
fn the_examples_name_their_schema() {
    for example in std::fs::read_dir(Path::new(ROOT).join("examples")).unwrap() {
        let folder = example.unwrap().path();
        let text = std::fs::read_to_string(folder.join("tenure.toml")).unwrap();
        let named = text.lines().next().and_then(|line| line.strip_prefix("#:schema ")).unwrap();
        assert!(folder.join(named).is_file(), "{}: {named}", folder.display());
    }
}
