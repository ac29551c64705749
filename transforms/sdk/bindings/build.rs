//! Generates the bindings of the contract, as `bindings.rs` in the build's output folder.

use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

fn main() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit");
    println!("cargo::rerun-if-changed={}", contract.display());
    let output = std::env::var_os("OUT_DIR").expect("cargo names the folder of what is made");
    std::fs::write(Path::new(&output).join("bindings.rs"), generated(&contract)).expect("writes to that folder");
}

/// What the generator makes of the contract.
fn generated(contract: &Path) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(contract).expect("the contract is valid");
    let world = resolve.select_world(&[package], Some("provable-feature")).expect("the contract has the world");
    let options = Opts {
        format: true,
        pub_export_macro: true,
        default_bindings_module: Some("onepath_sdk::wire::bindings".to_owned()),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("the generator knows all of the contract");
    let (_, text) = files.iter().next().expect("the generator writes one file");
    String::from_utf8(text.to_vec()).expect("the generator writes UTF-8")
}
