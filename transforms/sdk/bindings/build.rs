//! Generates the bindings of the contract, as `bindings.rs` and `debugging.rs` in the build's output folder.

use std::path::Path;

use wit_bindgen_core::wit_parser::Resolve;
use wit_bindgen_core::{Files, WorldGenerator};
use wit_bindgen_rust::Opts;

fn main() {
    let contract = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../wit");
    println!("cargo::rerun-if-changed={}", contract.display());
    let output = std::env::var_os("OUT_DIR").expect("cargo names the folder of what is made");
    for (world, module) in [("provable-feature", "bindings"), ("debuggable", "debugging")] {
        let file = Path::new(&output).join(format!("{module}.rs"));
        std::fs::write(file, generated(&contract, world, module)).expect("writes to that folder");
    }
}

/// What the generator makes of a world of the contract, for this module of the SDK.
fn generated(contract: &Path, world: &str, module: &str) -> String {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_path(contract).expect("the contract is valid");
    let world = resolve.select_world(&[package], Some(world)).expect("the contract has the world");
    let options = Opts {
        format: true,
        pub_export_macro: true,
        // Of a world without imports nothing need be linked that its export does not name; otherwise every transform would have a part
        // of what those with `debug` export.
        disable_custom_section_link_helpers: module == "debugging",
        default_bindings_module: Some(format!("onepath_sdk::wire::{module}")),
        ..Opts::default()
    };
    let mut files = Files::default();
    options.build().generate(&mut resolve, world, &mut files).expect("the generator knows all of the contract");
    let (_, text) = files.iter().next().expect("the generator writes one file");
    String::from_utf8(text.to_vec()).expect("the generator writes UTF-8")
}
