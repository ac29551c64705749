//! From Feast, without Feast: what the commands do with what the reader says, be it strange, and where there is none.
//!
//! `tests/feast/import.sh` does the same with Feast itself.

use std::path::Path;
use std::process::{Command, Stdio};

use expect_test::expect;

use crate::support::Ran;

/// The command line in a folder.
fn run(folder: &Path, words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    command.args(words).current_dir(folder).env("COLUMNS", "120").stdin(Stdio::null());
    let output = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command prints UTF-8");
    let code = output.status.code().expect("the command ends by itself");
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A folder with a repository, and a program that stands for Python and says `answer` to each question.
fn folder(answer: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).expect("writes");
    std::fs::create_dir(dir.path().join("repo")).expect("makes a folder");
    write("repo/feature_store.yaml", "project: odd\n");
    write("answer", answer);
    let answers = dir.path().join("answer");
    write("python", &format!("#!/bin/sh\nread -r question && cat '{}'\n", answers.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(dir.path().join("python"), mode).expect("makes it a program");
    }
    dir
}

/// What the reader would say of the odd repository, on one line, with no file of its own where it says that there is one.
fn odd() -> String {
    let text = include_str!("../host/src/feast/tests/odd.json").replace("\"/repo/odd/data.parquet\"", "null");
    let repository: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    format!("{}\n", serde_json::json!({ "answer": repository }))
}

#[test]
fn whatever_a_repository_is_like_its_project_builds_and_keeps_the_laws() {
    let dir = folder(&odd());
    let imported = run(dir.path(), &["import-feast", "repo", "--out", "odd", "--python", "./python"]);
    assert_eq!(imported.code, 0, "{}", imported.stderr);
    let first = imported.stdout.lines().next();
    assert_eq!(first, Some("odd: 10 views with 35 features, 2 services"));
    let built = run(dir.path(), &["--project", "odd", "build"]);
    assert_eq!(built.code, 0, "{}", built.stderr);
    let written = std::fs::read_to_string(dir.path().join("odd/onepath.toml")).expect("is there");
    let checked = run(dir.path(), &["--project", "odd", "check", "conv_rate_2", "--cases", "10"]);
    assert_eq!(checked.code, 0, "{}{}", checked.stdout, checked.stderr);
    // Nothing was missing that a build has to add.
    let json = run(dir.path(), &["import-feast", "repo", "--out", "again", "--python", "./python", "--format", "json"]);
    assert_eq!(json.code, 0, "{}", json.stderr);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("is JSON");
    assert_eq!(json["views"].as_array().map(Vec::len), Some(10));
    assert!(json["left"].as_array().is_some_and(|left| left.len() > 10));
    assert_eq!(std::fs::read_to_string(dir.path().join("again/onepath.toml")).expect("is there"), written);
    // And what is there stays.
    let again = run(dir.path(), &["import-feast", "repo", "--out", "odd", "--python", "./python"]);
    assert_eq!((again.code, again.stdout.as_str()), (2, ""));
    assert_eq!(std::fs::read_to_string(dir.path().join("odd/onepath.toml")).expect("is there"), written);
}

#[test]
fn a_python_that_gives_no_repository_is_told() {
    let nothing = odd().replace("\"views\":[", "\"views\":[],\"unread\":[");
    let mut told = String::new();
    for answer in [
        "{\"problem\": \"ModuleNotFoundError: No module named 'feast'\"}\n",
        "{\"problem\": \"NameError: name 'Entitty' is not defined (/repo/definitions.py:7)\"}\n",
        "Hello.\n",
        "{\"answer\": {\"feast\": \"9.0\"}}\n",
        "",
        &nothing,
    ] {
        let dir = folder(answer);
        let ran = run(dir.path(), &["import-feast", "repo", "--out", "made", "--python", "./python"]);
        assert!(!dir.path().join("made").exists());
        let place = dir.path().canonicalize().expect("is there").display().to_string();
        told += &format!("{} {}", ran.code, ran.stderr.replace(&place, "DIR").replace("/./", "/"));
    }
    let dir = folder("");
    for words in [
        vec!["import-feast", "repo", "--out", "made", "--python", "./nowhere"],
        vec!["import-feast", "answer", "--out", "made"],
        vec!["import-feast", "repo", "--out", "answer"],
        vec!["compare-feast", "repo", "repo", "--spine", "answer"],
    ] {
        let ran = run(dir.path(), &words);
        let place = dir.path().canonicalize().expect("is there").display().to_string();
        told += &format!("{} {}", ran.code, ran.stderr.replace(&place, "DIR").replace("/./", "/"));
    }
    expect![[r#"
        2 error: Feast fails with DIR/repo: ModuleNotFoundError: No module named 'feast'; DIR/python has no Feast: name the Python that has it, --python PATH
        2 error: Feast fails with DIR/repo: NameError: name 'Entitty' is not defined (/repo/definitions.py:7)
        2 error: Feast's answer to "read" is not as expected: expected value at line 1 column 1
        2 error: Feast's answer to "read" is not as expected: missing field `root` at line 1 column 27
        2 error: DIR/python ended without an answer about DIR/repo
        2 error: repo has nothing that can be carried over: no project was written
        2 error: cannot run DIR/nowhere: name the Python that has Feast, --python PATH: No such file or directory (os error 2)
        2 error: answer has no feature_store.yaml: name the folder of a Feast repository
        2 error: answer is a file: name a folder that does not exist yet
        2 error: no onepath.toml in DIR/repo; run the command in a project folder or give --project DIR
    "#]].assert_eq(&told);
}
