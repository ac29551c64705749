//! A transform that comes to a project.

use super::File;
use super::sdk;
use super::template::{SDK, lock};

/// The files of a transform's package in `folder`, but for its source's own text, which is `library`.
pub(crate) fn package_files(folder: &str, package: &str, description: &str, library: String) -> Vec<File> {
    let manifest = include_str!("../../templates/common/transform.toml")
        .replace("{{package}}", package)
        .replace("\"{{description}}\"", &format!("{description:?}"));
    vec![
        File { path: format!("{folder}/Cargo.toml"), text: manifest },
        File { path: format!("{folder}/src/lib.rs"), text: library },
    ]
}

/// What a project without Rust needs beside its first transform, which is `package` in `folder`: the workspace, and the SDK as a copy.
pub(crate) fn workspace_files(folder: &str, package: &str) -> Vec<File> {
    let mut workspace = include_str!("../../templates/common/Cargo.toml").to_owned();
    let is_member = folder.strip_prefix("transforms/").is_some_and(|name| !name.contains('/'));
    if !is_member {
        workspace = workspace.replace("\"transforms/*\"", &format!("\"transforms/*\", {folder:?}"));
    }
    let files = [
        ("Cargo.toml", workspace),
        ("Cargo.lock", lock(package)),
        ("rust-toolchain.toml", include_str!("../../../rust-toolchain.toml").to_owned()),
    ];
    let files = files.into_iter().map(|(path, text)| File { path: path.to_owned(), text });
    files.chain(sdk::files(SDK)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_its_own_becomes_a_member() {
        let text = |folder: &str| {
            let files = workspace_files(folder, "activity");
            files.into_iter().find(|file| file.path == "Cargo.toml").expect("has a workspace").text
        };
        assert!(text("transforms/activity").contains("members = [\"transforms/*\"]"));
        assert!(text("rust/activity").contains("members = [\"transforms/*\", \"rust/activity\"]"));
    }

    #[test]
    fn a_package_is_described_whatever_its_view_is_called() {
        let files = package_files("transforms/a", "a", "the view \"a@v1\"", "// Rust\n".to_owned());
        let manifest: toml::Table = files[0].text.parse().expect("is TOML");
        assert_eq!(manifest["package"]["description"].as_str(), Some("the view \"a@v1\""));
        assert!(!files[0].text.contains("{{"), "{}", files[0].text);
    }
}
