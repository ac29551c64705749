//! `onepath new`: each template is made, tested, built, backfilled, served and verified by the commands that it prints, and a
//! clone of a project is the same component.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use expect_test::{Expect, expect, expect_file};

use crate::support::repository;

/// The folder of all projects of these tests. Their cargo builds into one folder, beside the repository's own: packages of
/// the repository may have the names of theirs.
fn folder() -> PathBuf {
    let target =
        Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("cargo's folder for tests lies in the target folder");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("scaffold");
    std::fs::create_dir_all(folder.join(".cargo")).expect("makes a folder");
    let config = format!("[build]\ntarget-dir = {:?}\n", target.join("scaffold").display().to_string());
    std::fs::write(folder.join(".cargo/config.toml"), config).expect("writes");
    folder
}

/// A program in a folder, without anything of the surrounding cargo.
fn run(program: &str, arguments: &[&str], dir: &Path) -> Output {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(dir).env("COLUMNS", "120");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let keeps = matches!(&*text, "CARGO_HOME" | "RUSTUP_HOME");
        if !keeps && (text.starts_with("CARGO") || text.starts_with("RUST")) {
            command.env_remove(&name);
        }
    }
    command.output().expect("the program is there")
}

/// What a program prints when all is well.
fn good(program: &str, arguments: &[&str], dir: &Path) -> String {
    let output = run(program, arguments, dir);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}\n{}\n{stderr}", String::from_utf8_lossy(&output.stdout));
    assert!(!stderr.contains("warning"), "{program} {arguments:?}\n{stderr}");
    String::from_utf8(output.stdout).expect("prints UTF-8")
}

fn onepath(words: &str, dir: &Path) -> String {
    good(env!("CARGO_BIN_EXE_onepath"), &words.split_whitespace().collect::<Vec<_>>(), dir)
}

/// The files of a project, without what its commands made.
fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let (mut files, mut folders) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("lists a folder") {
            let path = entry.expect("lists a folder").path();
            let name = path.strip_prefix(dir).expect("is inside").display().to_string();
            match path.is_dir() {
                _ if [".onepath", ".git", "onepath.lock", "training."].iter().any(|made| name.starts_with(made)) => {}
                true => folders.push(path),
                false => files.push((name, std::fs::read(&path).expect("reads"))),
            }
        }
    }
    files.sort();
    files
}

/// The project `name` as `make` makes it. Where an earlier run left the same files, those are taken, so that cargo does not
/// compile them again.
pub fn project(name: &str, make: impl FnOnce(&Path)) -> PathBuf {
    let (kept, made) = (folder().join(name), folder().join("made").join(name));
    let _ = std::fs::remove_dir_all(&made);
    std::fs::create_dir_all(folder().join("made")).expect("makes a folder");
    make(&made);
    if kept.is_dir() && files(&kept) == files(&made) {
        let _ = std::fs::remove_dir_all(kept.join(".onepath"));
        let _ = std::fs::remove_file(kept.join("onepath.lock"));
    } else {
        let _ = std::fs::remove_dir_all(&kept);
        std::fs::rename(&made, &kept).expect("moves a folder");
    }
    kept
}

/// A new project, on which every command that it names was run.
fn lived_through(template: &str, training: &Expect, vectors: &str) -> PathBuf {
    let mut printed = String::new();
    let dir = project(template, |dir| {
        let parent = dir.parent().expect("has a parent");
        printed = onepath(&format!("new {template} --template {template}"), parent);
    });
    let before = files(&dir);
    let mut commands: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(commands.remove(0), format!("cd {template}"), "{printed}");
    if dir.join("Cargo.toml").exists() {
        assert_eq!(commands.remove(0), "cargo test", "{printed}");
        // The lock file fits, and nothing has to be fetched.
        let tests = good("cargo", &["test", "--release", "--locked", "--offline"], &dir);
        assert!(tests.contains("test result: ok. 2 passed"), "{tests}");
        // As rustfmt formats where nothing is set.
        let format = "fmt --check -- --config max_width=100,use_small_heuristics=Default";
        good("cargo", &format.split(' ').collect::<Vec<_>>(), &dir);
    }
    let mut last = String::new();
    for command in &commands {
        last = onepath(command.strip_prefix("onepath ").expect("a command of onepath"), &dir);
    }
    assert!(commands.last().is_some_and(|command| *command == "onepath verify"), "{commands:?}");
    assert!(last.starts_with(&format!("verified {vectors}: 0 differences\n")), "{last}");
    training.assert_eq(&std::fs::read_to_string(dir.join("training.csv")).expect("was written"));
    let readme = std::fs::read_to_string(dir.join("README.md")).expect("has a README");
    assert!(commands.iter().all(|command| readme.contains(command)), "the README has the commands");
    assert!(files(&dir) == before, "the commands changed nothing that belongs to the project");
    assert!(dir.join("onepath.lock").exists(), "`onepath build` pins the components");
    dir
}

fn digest(dir: &Path) -> String {
    let built = onepath("build --format json", dir);
    let views: serde_json::Value = serde_json::from_str(&built).expect("is JSON");
    views[0]["component"].as_str().expect("has a component").to_owned()
}

#[test]
fn the_churn_template_and_its_clone() {
    let training = expect![[r#"
        customer_id,label_date,churned,purchase_count_30d,avg_purchase_value_90d,days_since_last_purchase,return_rate_180d
        c1,2024-03-31T00:00:00Z,0,1,50.0,12,0.3333333333333333
        c2,2024-03-31T00:00:00Z,0,1,18.75,29,0.0
        c3,2024-03-31T00:00:00Z,0,0,,,0.0
        c1,2024-06-30T00:00:00Z,0,1,50.0,19,0.2
        c2,2024-06-30T00:00:00Z,1,0,18.25,86,0.25
        c3,2024-06-30T00:00:00Z,0,0,9.99,32,0.0
    "#]];
    let dir = lived_through("churn", &training, "2 served vectors (8 values)");
    let git = |words: &str, dir: &Path| good("git", &words.split_whitespace().collect::<Vec<_>>(), dir);
    git("init --quiet", &dir);
    git("add --all", &dir);
    git("-c user.name=a -c user.email=a@b -c commit.gpgsign=false commit --quiet --message=new", &dir);
    let from = dir.display().to_string();
    let clone = project("a-clone-elsewhere", |to| {
        good("git", &["clone", "--quiet", &from, &to.display().to_string()], &folder());
    });
    std::fs::remove_dir_all(dir.join(".git")).expect("was made above");
    assert_eq!(digest(&clone), digest(&dir), "the same source, SDK, crates and compiler are the same component");
}

/// The same features and the same data as those of the churn template, without Rust.
#[test]
fn the_declared_template() {
    let training = expect![[r#"
        customer_id,label_date,churned,purchase_count_30d,avg_purchase_value_90d,days_since_last_purchase,return_rate_180d
        c1,2024-03-31T00:00:00Z,0,1,50.0,12,0.3333333333333333
        c2,2024-03-31T00:00:00Z,0,1,18.75,29,0.0
        c3,2024-03-31T00:00:00Z,0,0,,,0.0
        c1,2024-06-30T00:00:00Z,0,1,50.0,19,0.2
        c2,2024-06-30T00:00:00Z,1,0,18.25,86,0.25
        c3,2024-06-30T00:00:00Z,0,0,9.99,32,0.0
    "#]];
    let dir = lived_through("declared", &training, "2 served vectors (8 values)");
    assert!(!dir.join("Cargo.toml").exists() && !dir.join("vendor").exists());
}

#[test]
fn the_fraud_template() {
    let training = expect![[r#"
        card_id,asked_at,amount,is_fraud,payment_count_10m,payment_sum_10m,payment_count_24h,payment_sum_24h,amount_ratio_24h
        k1,2024-06-29T18:30:00Z,35.0,0,1,35.0,2,47.4,1.4767932489451476
        k1,2024-06-30T20:19:59Z,61.0,0,0,0.0,1,4.2,14.523809523809524
        k2,2024-06-30T09:06:00Z,950.0,1,3,236.5,4,316.5,12.006319115323855
        k2,2024-06-30T12:00:00Z,70.0,0,0,0.0,3,236.5,0.8879492600422834
        k3,2024-06-30T12:00:00Z,15.0,0,0,0.0,0,0.0,
    "#]];
    lived_through("fraud", &training, "2 served vectors (10 values)");
}

#[test]
fn the_sessions_template() {
    let training = expect![[r#"
        visitor_id,asked_at,bought_within_a_day,clicks,purchases,seconds
        v1,2024-06-30T08:05:00Z,1,2,0,300
        v1,2024-06-30T08:20:00Z,1,3,1,1200
        v1,2024-06-30T12:00:00Z,1,0,0,
        v2,2024-06-30T08:40:00Z,0,2,0,2100
        v2,2024-06-30T09:10:00Z,0,3,0,3900
        v3,2024-06-30T09:10:00Z,0,0,0,
    "#]];
    let dir = lived_through("sessions", &training, "2 served vectors (6 values)");
    an_edit_without_a_build_is_told(&dir);
}

/// After an edit that was not built, or that does not compile, no command that makes values to keep goes on as if nothing were.
fn an_edit_without_a_build_is_told(dir: &Path) {
    let readme = std::fs::read_to_string(dir.join("README.md")).expect("has a README");
    let command = |name: &str| {
        let line = readme.lines().map(str::trim).find(|line| line.starts_with(&format!("onepath {name} ")));
        line.expect("the README has it")["onepath ".len()..].to_owned()
    };
    let told = |words: &str| {
        let output = run(env!("CARGO_BIN_EXE_onepath"), &words.split_whitespace().collect::<Vec<_>>(), dir);
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (backfill, get) = (command("backfill"), command("get"));
    let (source, training) = (dir.join("transforms/visits/src/lib.rs"), dir.join("training.csv"));
    let before = std::fs::read_to_string(&source).expect("has a source");
    let set = std::fs::read(&training).expect("was written");
    let changed = "src/lib.rs has changed since it was built: run `onepath build`";
    std::fs::write(&source, format!("{before}// An edit.\n")).expect("writes");
    for command in [&backfill, "materialize"] {
        let (code, stderr) = told(command);
        assert!(code == Some(2) && stderr.contains(changed), "{command}: {stderr}");
        let (code, stderr) = told(&format!("{command} --stale"));
        assert!(code == Some(0) && stderr.contains(changed), "it repeats: {stderr}");
    }
    assert_eq!(std::fs::read(&training).expect("was written"), set);
    let manifest = std::fs::read_to_string(dir.join("training.csv.manifest.json")).expect("was written");
    let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("is JSON");
    let stale = &manifest["views"][0]["stale"];
    assert!(stale["built_from"].is_string() && stale["built_from"] != stale["sources"], "{manifest}");
    for command in [get.as_str(), "verify"] {
        let (code, stderr) = told(command);
        assert!(code == Some(0) && stderr.contains("src/lib.rs has changed"), "{command}: {stderr}");
    }
    std::fs::write(&source, format!("{before}no Rust")).expect("writes");
    let (code, stderr) = told("build");
    assert!(code == Some(2) && stderr.contains("does not compile"), "{stderr}");
    let (code, stderr) = told(&backfill);
    assert!(code == Some(2) && stderr.contains(changed), "after a build that failed: {stderr}");
    std::fs::write(&source, before).expect("writes");
    onepath(&backfill, dir);
    onepath(&get, dir);
    // Another component in its place, which no build has made.
    let components = std::fs::read_dir(dir.join(".onepath/components")).expect("was built");
    let component = components
        .map(|entry| entry.expect("lists").path())
        .find(|path| path.extension().is_some_and(|end| end == "wasm"));
    let component = component.expect("was built");
    let mut bytes = std::fs::read(&component).expect("reads");
    // A custom section, which changes nothing but the digest.
    bytes.extend([0, 2, 1, b'x']);
    std::fs::write(&component, bytes).expect("writes");
    let (code, stderr) = told(&backfill);
    assert!(code == Some(2) && stderr.contains("the component itself has changed since it was built"), "{stderr}");
    onepath("build", dir);
    onepath(&backfill, dir);
}

/// The versions that a new project is locked to are those that this repository is tested with.
#[test]
fn the_lock_file_is_the_repositorys() {
    let dir = project("locked", |dir| {
        onepath("new locked", dir.parent().expect("has a parent"));
        std::fs::copy(repository().join("Cargo.lock"), dir.join("Cargo.lock")).expect("copies");
    });
    good("cargo", &["update", "--quiet", "--workspace", "--offline"], &dir);
    let lock = std::fs::read_to_string(dir.join("Cargo.lock")).expect("reads");
    let parts = lock.trim_end().split("\n\n[[package]]\n").filter(|part| !part.starts_with("name = \"activity\""));
    let lock = parts.collect::<Vec<_>>().join("\n\n[[package]]\n");
    expect_file!["../host/templates/common/Cargo.lock"].assert_eq(&format!("{lock}\n"));
}

#[test]
fn what_is_there_is_not_touched() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(dir.path().join("mine"), "mine").expect("writes");
    let output = run(env!("CARGO_BIN_EXE_onepath"), &["new", "."], dir.path());
    assert_eq!(output.status.code(), Some(2));
    let stderr = String::from_utf8(output.stderr).expect("prints UTF-8");
    let path = dir.path().display();
    expect![[r#"
        error: DIR is not empty: name a folder that does not exist yet, or an empty one
    "#]]
    .assert_eq(&stderr.replace(&path.to_string(), "DIR"));
    assert_eq!(files(dir.path()).len(), 1);
}
