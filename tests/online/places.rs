//! Where a project lies, and how its files are named, decides nothing.

use std::path::Path;
use std::process::Command;

use super::{ask, lines, plan, toml};
use crate::support::{Project, Session};

/// A folder that holds a project `p` with one file of history, which has several names.
fn with_names() -> Project {
    let files = r#"["data/*.ndjson", "data/1.ndjson", "./data/1.ndjson", "data/../data/1.ndjson", "soft.ndjson"]"#;
    let folder = Project::new(&toml(files, "", "TRACE"));
    std::fs::create_dir_all(folder.path("p/data")).expect("makes a folder");
    std::fs::rename(folder.path("onepath.toml"), folder.path("p/onepath.toml")).expect("moves");
    folder.write("p/data/1.ndjson", lines("1 a w 1 2024-01-01\n2 a w 2 2024-01-02"));
    std::fs::hard_link(folder.path("p/data/1.ndjson"), folder.path("p/data/2.ndjson")).expect("links");
    std::os::unix::fs::symlink("data/1.ndjson", folder.path("p/soft.ndjson")).expect("links");
    folder.write("p/spine.csv", "customer_id,as_of\na,2024-06-01\n");
    folder
}

/// Runs a command in a folder, and gives what it prints.
fn run(folder: &Path, words: &str) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    let ran = command.args(words.split_whitespace()).current_dir(folder).output().expect("runs");
    let text = [ran.stdout, ran.stderr].concat();
    (ran.status.code(), String::from_utf8(text).expect("the command prints UTF-8"))
}

#[test]
fn a_file_under_several_names_is_read_once_however_the_project_is_named() {
    let folder = with_names();
    let root = folder.dir().display().to_string();
    std::os::unix::fs::symlink("p", folder.path("q")).expect("links");
    let backfill = |from: &str, project: &str, spine: &str| {
        let words = format!("backfill --service all --spine {spine}/spine.csv --out {spine}/out.csv");
        let (code, text) = run(&folder.path(from), &format!("{project} {words}"));
        assert_eq!(code, Some(0), "{text}");
        let read = |name: &str| std::fs::read_to_string(folder.path(name)).expect("was written");
        (read("p/out.csv"), read("p/out.csv.manifest.json"))
    };
    let (out, manifest) = backfill("p", "", ".");
    assert!(out.contains("w1;w2;,"), "{out}");
    for line in [r#""path": "data/1.ndjson""#, r#""path": "spine.csv""#, r#""path": "out.csv""#] {
        assert_eq!(manifest.matches(line).count(), 1, "{line} in {manifest}");
    }
    for (from, project, spine) in [
        (".", "--project p", "p"),
        (".", "--project q", "q"),
        ("p/data", "--project ../../q/data/..", ".."),
        (".", &format!("--project {root}/p"), "./p"),
    ] {
        assert_eq!(backfill(from, project, spine), (out.clone(), manifest.clone()), "{project}");
    }
    // Files that are given for a run, too.
    let given = "--source events=data/1.ndjson --source events=./data/2.ndjson --source events=soft.ndjson";
    let (code, text) =
        run(&folder.path("p"), &format!("backfill --service all --spine spine.csv --out given.csv {given}"));
    assert_eq!((code, text.contains("from 2 events of files")), (Some(0), true), "{text}");
    assert_eq!(std::fs::read_to_string(folder.path("p/given.csv")).expect("was written"), out);
    // An output under another name of an input is refused.
    let (code, text) = run(&folder.path("p"), "backfill --service all --spine spine.csv --out data/2.ndjson");
    assert_eq!(code, Some(2), "{text}");
    assert!(text.contains("data/2.ndjson would be replaced"), "{text}");
}

#[test]
fn a_project_that_is_moved_or_copied_reads_its_own_files() {
    let folder = with_names();
    let open = |name: &str| folder.open_at(name);
    let served = |store: &mut Session, expected: &str| {
        let plan = plan(store);
        let vector = store.get_online_features(&plan, &ask("a", None)).expect("answers");
        assert_eq!(vector.values[5].to_string(), expected);
    };
    let verified = |name: &str, vectors: &str| {
        let (code, text) = run(&folder.path("."), &format!("--project {name} verify"));
        assert_eq!(code, Some(0), "{name}: {text}");
        assert!(text.contains(vectors), "{name}: {text}");
    };
    let mut store = open("p");
    store.materialize(&[], None).expect("materializes");
    served(&mut store, "w1;w2;");
    drop(store);
    verified("p", "verified 1 served vector");

    std::fs::rename(folder.path("p"), folder.path("moved")).expect("moves");
    verified("moved", "verified 1 served vector");
    let mut store = open("moved");
    served(&mut store, "w1;w2;");
    drop(store);
    verified("moved", "verified 2 served vectors");

    let (code, text) = (Command::new("cp").args(["-r", "moved", "copied"]).current_dir(folder.dir()).status(), "cp");
    assert!(code.is_ok_and(|code| code.success()), "{text}");
    // What becomes of the original is nothing to the copy, and the other way round.
    folder.write("moved/data/1.ndjson", lines("1 a w 7 2024-01-01"));
    verified("copied", "verified 2 served vectors");
    let (code, text) = run(&folder.path("."), "--project moved verify");
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("the history file moved/data/1.ndjson is not the one that was materialized"), "{text}");
    std::fs::remove_dir_all(folder.path("moved")).expect("removes");
    verified("copied", "verified 2 served vectors");
    folder.write("copied/data/1.ndjson", "");
    assert_eq!(run(&folder.path("."), "--project copied verify").0, Some(1));
}
