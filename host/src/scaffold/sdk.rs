//! The SDK as a copy within a project.
//!
//! The sources are those of this repository, byte for byte, and so is the contract that their bindings were generated from. The
//! manifests are made to stand by themselves: what they have from the repository's workspace is written out, and what only the
//! SDK's own tests need is left out.

use sha2::{Digest, Sha256};
use toml::{Table, Value};

use super::File;
use crate::digest::hex;

/// The files of the SDK: names relative to its folder, and texts.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/sdk.rs"));

/// The repository's workspace, which the SDK's manifests refer to.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// Where the workspace has the SDK.
const HOME: &str = "transforms/sdk/";

/// Sections of a manifest that a copy for others does without.
const LEFT_OUT: [&str; 5] = ["dev-dependencies", "lints", "bench", "test", "example"];

/// The copy, to lie in `folder`, with a README that says which one it is.
pub(super) fn files(folder: &str) -> Vec<File> {
    let copy = FILES.iter().map(|(name, text)| {
        let text = if name.ends_with("Cargo.toml") { standalone(text) } else { (*text).to_owned() };
        ((*name).to_owned(), text)
    });
    let mut copy: Vec<(String, String)> = copy.collect();
    copy.push(("README.md".to_owned(), readme(&digest(&copy))));
    copy.into_iter().map(|(name, text)| File { path: format!("{folder}/{name}"), text }).collect()
}

/// One digest over all files: each name and text, with its length before it.
fn digest(files: &[(String, String)]) -> String {
    let mut hash = Sha256::new();
    for text in files.iter().flat_map(|(name, text)| [name, text]) {
        hash.update((text.len() as u64).to_le_bytes());
        hash.update(text);
    }
    hex(hash.finalize())
}

fn readme(digest: &str) -> String {
    include_str!("../../templates/sdk.md")
        .replace("{{version}}", env!("CARGO_PKG_VERSION"))
        .replace("{{digest}}", digest)
}

/// A manifest that needs no workspace around it.
fn standalone(manifest: &str) -> String {
    let parse = |text: &str| text.parse::<Table>().expect("the repository's manifests are TOML");
    let (mut manifest, workspace) = (parse(manifest), parse(WORKSPACE));
    let inherited = |section: &str| workspace["workspace"][section].as_table().cloned().unwrap_or_default();
    manifest.retain(|section, _| !LEFT_OUT.contains(&section));
    fill(&mut manifest["package"], &inherited("package"));
    let dependencies = inherited("dependencies");
    if let Some(own) = manifest.get_mut("dependencies") {
        fill(own, &dependencies);
    }
    for (_, target) in manifest.get_mut("target").and_then(Value::as_table_mut).into_iter().flatten() {
        if let Some(own) = target.get_mut("dependencies") {
            fill(own, &dependencies);
        }
    }
    format!("# Made by `onepath new` from the SDK's own manifest.\n{manifest}")
}

/// Replaces every `KEY.workspace = true` by what the workspace has for it, and adds what stands beside.
fn fill(section: &mut Value, inherited: &Table) {
    for (key, value) in section.as_table_mut().into_iter().flatten() {
        let Some(own) = value.as_table_mut().filter(|own| own.contains_key("workspace")) else { continue };
        let mut own = std::mem::take(own);
        own.remove("workspace");
        *value = inherited[key.as_str()].clone();
        if let Some(whole) = value.as_table_mut() {
            whole.extend(own);
            if let Some(Value::String(path)) = whole.get_mut("path") {
                *path = path.strip_prefix(HOME).unwrap_or(path).to_owned();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(name: &str) -> String {
        let files = files("sdk");
        let found = files.into_iter().find(|file| file.path == format!("sdk/{name}"));
        found.expect("the copy has the file").text
    }

    #[test]
    fn the_manifests_stand_by_themselves() {
        for (name, path) in [("Cargo.toml", "macros"), ("macros/Cargo.toml", "")] {
            let manifest = text(name);
            assert!(!manifest.contains("workspace"), "{manifest}");
            assert!(!manifest.contains("dev-dependencies"), "{manifest}");
            assert!(manifest.contains("edition = \"2024\""), "{manifest}");
            let table: Table = manifest.parse().expect("is TOML");
            let macros = table["dependencies"].get("onepath-sdk-macros");
            assert_eq!(macros.map_or("", |macros| macros["path"].as_str().unwrap_or_default()), path);
        }
    }

    #[test]
    fn the_contract_lies_within_the_copy_beside_its_bindings() {
        assert!(text("wit/types.wit").contains("onepath:feature"));
        assert!(text("src/wire/bindings.rs").contains("onepath:feature/transform@0.1.0"));
    }

    /// Their generator is thirty crates, which the first build of every project would compile.
    #[test]
    fn the_copy_generates_nothing() {
        let manifest: Table = text("Cargo.toml").parse().expect("is TOML");
        let bindings = &manifest["target"]["cfg(target_family = \"wasm\")"]["dependencies"]["wit-bindgen"];
        assert_eq!(bindings["default-features"], Value::Boolean(false));
        assert_eq!(bindings["features"], Value::from(vec!["realloc"]));
    }

    #[test]
    fn the_sources_are_those_of_the_repository() {
        let sdk = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../transforms/sdk");
        for name in ["src/lib.rs", "src/wire.rs", "src/wire/bindings.rs", "src/window/mod.rs", "macros/src/row.rs"] {
            assert_eq!(text(name), std::fs::read_to_string(sdk.join(name)).expect("reads"), "{name}");
        }
    }

    #[test]
    fn the_readme_says_which_copy_it_is() {
        let readme = text("README.md");
        assert!(readme.contains(env!("CARGO_PKG_VERSION")) && !readme.contains("{{"), "{readme}");
    }
}
