//! Lists the files of the SDK and of the contract as a Rust array, so that the `onepath` command can write them into a new
//! project: `sdk.rs` in the build's output folder, which `src/scaffold/sdk.rs` includes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// What is kept, relative to the repository, and what it is called in the copy.
const KEPT: [(&str, &str); 5] = [
    ("transforms/sdk/Cargo.toml", "Cargo.toml"),
    ("transforms/sdk/src", "src"),
    ("transforms/sdk/macros/Cargo.toml", "macros/Cargo.toml"),
    ("transforms/sdk/macros/src", "macros/src"),
    ("wit", "wit"),
];

fn main() {
    let host = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").expect("cargo names the folder of the package"));
    let output = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo names the folder of what is made"));
    let repository = host.parent().expect("the host is a folder of the repository");
    let mut files = Vec::new();
    for (path, name) in KEPT {
        // A changed file, and a file that comes or goes, makes the list anew.
        println!("cargo::rerun-if-changed={}", repository.join(path).display());
        collect(&repository.join(path), name, &mut files);
    }
    files.sort();
    let mut text = String::from("&[\n");
    for (name, path) in files {
        writeln!(text, "    ({name:?}, include_str!({path:?})),").expect("writes to a text");
    }
    text.push(']');
    std::fs::write(output.join("sdk.rs"), text).expect("writes to the folder of what is made");
}

/// Adds `path`, a file or all files of a folder, as `name`.
fn collect(path: &Path, name: &str, files: &mut Vec<(String, PathBuf)>) {
    if path.is_file() {
        files.push((name.to_owned(), path.to_owned()));
        return;
    }
    for entry in std::fs::read_dir(path).expect("the folder is in the repository") {
        let entry = entry.expect("lists a folder of the repository");
        let file = entry.file_name().into_string().expect("the repository's files have plain names");
        collect(&entry.path(), &format!("{name}/{file}"), files);
    }
}
