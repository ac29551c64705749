//! The author's guide: its Rust is compiled and run by the SDK's tests, and its project files are read here.

use onepath::feature_store::{FeatureStore, OpenOptions};

use crate::support::repository;

/// The blocks of the guide in a language.
fn blocks(language: &str) -> Vec<String> {
    let guide = std::fs::read_to_string(repository().join("transforms/README.md")).expect("there is a guide");
    let parts = guide.split("```").skip(1).step_by(2);
    parts.filter_map(|block| block.strip_prefix(&format!("{language}\n"))).map(str::to_owned).collect()
}

#[test]
fn its_project_opens() {
    let blocks = blocks("toml");
    let project = blocks.iter().find(|block| block.contains("[project]")).expect("the guide has a project");
    let views =
        blocks.iter().find(|block| block.contains("[views.spend_7d]")).expect("the guide has views by parameter");
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("onepath.toml"), format!("{project}\n{views}")).expect("writes");
    let store = FeatureStore::open(dir.path(), OpenOptions::default()).expect("the project is sound");
    let views: Vec<&str> = store.project().views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(views, ["spending", "spend_7d", "spend_30d"]);
}

#[test]
fn its_commands_are_commands() {
    let commands: Vec<String> = blocks("sh").concat().lines().map(str::to_owned).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        let name = command.split_whitespace().nth(1).expect("a command has a name").to_owned();
        let shown = std::process::Command::new(env!("CARGO_BIN_EXE_onepath")).args([&name, "--help"]).output();
        let help = String::from_utf8(shown.expect("runs").stdout).expect("is UTF-8");
        let options =
            command.split('#').next().unwrap_or_default().split_whitespace().filter(|word| word.starts_with("--"));
        for option in options {
            assert!(help.contains(option), "{command}: {name} has no {option}");
        }
    }
}
