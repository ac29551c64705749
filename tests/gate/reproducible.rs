//! One source, two folders, one component.

use std::path::{Path, PathBuf};

use onepath::build::build_component;

use crate::support::repository;

/// Copies the churn transform with the SDK and the contract that it is built from, as a workspace of its own, which builds
/// into the folder `target`.
fn copy(root: &Path, target: &Path) -> PathBuf {
    let from = repository();
    for folder in ["wit", "transforms/sdk", "transforms/churn"] {
        copy_folder(&from.join(folder), &root.join(folder));
    }
    let edit = |name: &str, change: &dyn Fn(String) -> String| {
        let text = std::fs::read_to_string(from.join(name)).expect("reads");
        std::fs::write(root.join(name), change(text)).expect("writes");
    };
    edit("Cargo.lock", &|text| text);
    edit("rust-toolchain.toml", &|text| text);
    edit("Cargo.toml", &|text| {
        let (start, end) =
            (text.find("members = [").expect("members"), text.find("[workspace.package]").expect("package"));
        let members = "members = [\"transforms/sdk\", \"transforms/sdk/macros\", \"transforms/churn\"]\n\n";
        format!("{}{members}{}", &text[..start], &text[end..])
    });
    let config = format!("[build]\ntarget-dir = {target:?}\n");
    std::fs::create_dir_all(root.join(".cargo")).expect("makes a folder");
    std::fs::write(root.join(".cargo/config.toml"), config).expect("writes");
    root.join("transforms/churn")
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes a folder");
    for entry in std::fs::read_dir(from).expect("lists a folder") {
        let path = entry.expect("lists a folder").path();
        let copy = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy_folder(&path, &copy),
            false => drop(std::fs::copy(&path, copy).expect("copies")),
        }
    }
}

#[test]
fn the_same_source_in_two_folders_gives_the_same_component() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let built = ["a", "deeper/and deeper/b"].map(|folder| {
        let output = dir.path().join(folder).join("out.wasm");
        build_component(&copy(&dir.path().join(folder), &dir.path().join("target")), &output, &mut |_| {})
            .expect("builds");
        std::fs::read(output).expect("reads")
    });
    assert!(built[0] == built[1], "{} and {} bytes", built[0].len(), built[1].len());
    let folder = dir.path().to_str().expect("is UTF-8").as_bytes();
    assert!(!built[0].windows(folder.len()).any(|bytes| bytes == folder), "a path of this machine is in the component");
}

/// Two workspaces with packages of one name may share a target folder; each gets the component of its own source.
#[test]
fn packages_of_one_name_do_not_take_each_others_place() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let packages = ["a", "b"].map(|folder| copy(&dir.path().join(folder), &dir.path().join("target")));
    let source = packages[1].join("src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("reads");
    assert!(text.contains("Days<30>"), "the transform has a window of 30 days");
    std::fs::write(&source, text.replace("Days<30>", "Days<29>")).expect("writes");
    // In turns, so that each is built after the other, and is fresh the second time.
    let built = [0, 1, 0, 1].map(|at: usize| {
        let output = dir.path().join(format!("{at}.wasm"));
        build_component(&packages[at], &output, &mut |_| {}).expect("builds");
        std::fs::read(output).expect("reads")
    });
    assert!(built[0] == built[2] && built[1] == built[3], "a component is that of its own source");
    assert!(built[0] != built[1], "and the sources differ");
}
