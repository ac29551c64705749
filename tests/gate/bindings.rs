//! The SDK's bindings are those of the contract.

use std::path::Path;
use std::process::Command;

use crate::support::repository;

/// The bindings are generated anew by a package of its own, in a cargo of its own: in this one the generator would change the
/// features that wasmtime is compiled with. `UPDATE_EXPECT=1` writes them here, too.
#[test]
fn the_sdk_has_the_bindings_of_the_contract() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("it lies in the target folder").join("onepath");
    let mut cargo = Command::new("cargo");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let is_kept = matches!(&*text, "CARGO_HOME" | "RUSTUP_HOME" | "CARGO_NET_OFFLINE");
        if !is_kept && (text.starts_with("CARGO") || text.starts_with("RUST")) {
            cargo.env_remove(&name);
        }
    }
    cargo.args(["test", "--release", "--locked", "--package", "onepath-sdk-bindings", "--lib", "--target-dir"]);
    let output = cargo.arg(target).current_dir(repository()).output().expect("cargo is there");
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stdout}\n{stderr}");
    assert!(stdout.contains("test result: ok. 1 passed"), "{stdout}");
}
