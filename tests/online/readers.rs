//! Those who only read a project: other users, read-only folders, a process that was killed, and disks that are full.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{BY_ID, lines, pushed_project};
use crate::support::{Project, Served, repository};

const BACKFILL: &str = "backfill --service all --spine spine.csv --out";

/// A project of which some events were pushed and some questions answered, and which is killed thereafter or closed.
fn used(is_killed: bool) -> Project {
    let project = pushed_project(BY_ID);
    project.write("push.ndjson", lines("1 a purchase 5 2024-01-01\n2 b purchase 6 2024-01-02"));
    project.write("spine.csv", "customer_id,as_of\na,2024-01-03\nb,2024-01-03\nc,2030-01-01\n");
    let ran = project.run("ingest --source events push.ndjson --arrived-at event-time");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let served = Served::start(&project, "");
    let mut client = served.client();
    let event = |id: u32| {
        serde_json::json!({"id": id.to_string(), "customer_id": "c", "event_type": "purchase", "amount": 1.0,
            "event_timestamp": "2024-01-01T00:00:00Z"})
    };
    let body = serde_json::json!({"events": (3..40).map(event).collect::<Vec<_>>()}).to_string();
    let reply = client.post("/v1/events/events", body).expect("answers");
    assert_eq!(reply.status, 200, "{}", reply.text());
    match is_killed {
        true => served.kill(),
        false => assert_eq!(served.stop(&project).code, 0),
    }
    project
}

fn set_modes(folder: &Path, of_folders: u32, of_files: u32) {
    for entry in std::fs::read_dir(folder).expect("lists") {
        let path = entry.expect("lists").path();
        match path.is_dir() {
            true => set_modes(&path, of_folders, of_files),
            false => std::fs::set_permissions(&path, PermissionsExt::from_mode(of_files)).expect("sets"),
        }
    }
    std::fs::set_permissions(folder, PermissionsExt::from_mode(of_folders)).expect("sets");
}

/// Runs the command as a user who may write nothing in the project's folder; `None` where this process cannot become one.
fn as_other_user(project: &Project, words: &str) -> Option<Output> {
    let id = Command::new("id").arg("-u").output().expect("runs");
    let mut command = match id.stdout.trim_ascii() {
        b"0" => {
            let mut command = Command::new("setpriv");
            command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", env!("CARGO_BIN_EXE_onepath")]);
            command
        }
        // The folder may not be written by its owner either.
        _ => Command::new(env!("CARGO_BIN_EXE_onepath")),
    };
    command.args(words.split_whitespace()).current_dir(project.dir()).stdin(Stdio::null());
    let output = command.output().ok()?;
    let is_refused = String::from_utf8_lossy(&output.stderr).contains("setpriv:");
    (!is_refused && !matches!(output.status.code(), Some(126 | 127))).then_some(output)
}

/// Whether another user may read what the tests are made of.
fn can_be_other(project: &Project) -> bool {
    let is_able = as_other_user(project, "version").is_some()
        && as_other_user(project, "--version").is_some_and(|output| output.status.success());
    if !is_able {
        println!("skipped: this process cannot run {} as another user", repository().display());
    }
    is_able
}

/// Reads as another user give what the owner is given, from a folder of which nothing may be written.
#[test]
fn who_may_only_read_is_given_what_the_owner_is() {
    for (is_killed, is_index_there, is_cache_there) in
        [(false, false, true), (false, false, false), (true, true, true), (true, false, true)]
    {
        let what = format!("killed {is_killed}, index {is_index_there}, caches {is_cache_there}");
        let project = used(is_killed);
        for name in ["log", "online", "served"] {
            let beside = |ending: &str| project.path(&format!(".onepath/{name}.sqlite-{ending}"));
            if !is_index_there && beside("shm").exists() {
                std::fs::remove_file(beside("shm")).expect("removes");
            }
            let tail = std::fs::metadata(beside("wal")).map_or(0, |found| found.len());
            assert!(name != "log" || (tail > 0) == is_killed, "{what}: a tail of {tail} bytes");
        }
        if !is_cache_there {
            std::fs::remove_dir_all(project.path(".onepath/cache")).expect("removes");
        }
        set_modes(project.dir(), 0o555, 0o444);
        if !can_be_other(&project) {
            set_modes(project.dir(), 0o755, 0o644);
            return;
        }
        let out = tempfile::tempdir().expect("a folder");
        std::fs::set_permissions(out.path(), PermissionsExt::from_mode(0o777)).expect("sets");
        let theirs = out.path().join("theirs.csv");
        let files = project.files();
        for words in ["verify", &format!("{BACKFILL} {}", theirs.display())] {
            let output = as_other_user(&project, words).expect("runs");
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{what}, {words}: {told}");
            assert!(told.lines().filter(|line| line.starts_with("warning")).count() <= 1, "{what}, {words}: {told}");
        }
        let refused = as_other_user(&project, "get --service all --entity customer_id=a").expect("runs");
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(refused.status.code() == Some(3) && told.contains("run as the user who owns"), "{what}: {told}");
        assert_eq!(project.files(), files, "{what}: nothing was written there");
        set_modes(project.dir(), 0o755, 0o644);
        let ran = project.run(&format!("{BACKFILL} ours.csv"));
        assert_eq!(ran.code, 0, "{what}: {}", ran.stderr);
        let ours = std::fs::read_to_string(project.path("ours.csv")).expect("reads");
        assert_eq!(std::fs::read_to_string(theirs).expect("reads"), ours, "{what}");
        assert!(ours.lines().any(|line| line.starts_with("c,") && line.contains(",37,")), "{what}: {ours}");
    }
}

/// A store that may not be looked at is not one that is not there.
#[test]
fn a_store_that_may_not_be_seen_is_not_taken_for_none() {
    let project = used(false);
    set_modes(&project.path(".onepath"), 0o555, 0o444);
    std::fs::set_permissions(project.dir(), PermissionsExt::from_mode(0o555)).expect("sets");
    let able = can_be_other(&project);
    // Files can be opened in there by those who know their names and own them, and by nobody else.
    std::fs::set_permissions(project.path(".onepath"), PermissionsExt::from_mode(0o000)).expect("sets");
    let out = tempfile::tempdir().expect("a folder");
    let words = [format!("{BACKFILL} {}", out.path().join("out.csv").display()), "verify".to_owned()];
    let outputs = able.then(|| words.map(|words| as_other_user(&project, &words).expect("runs")));
    set_modes(project.dir(), 0o755, 0o644);
    for output in outputs.into_iter().flatten() {
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && told.contains("Permission denied"), "{told}");
    }
}

/// On a file system without room, commands say so, and what they say is what is the matter.
#[test]
fn a_disk_without_room_is_told_in_words() {
    let project = used(false);
    project.write("more.ndjson", lines("90 a purchase 5 2024-01-05"));
    let script = "set -e; mount -t tmpfs -o size=4m tmpfs \"$2\"; mkdir -p \"$2/p/.onepath\"
        cp onepath.toml ./*.ndjson \"$2/p\"; cp .onepath/*.sqlite* \"$2/p/.onepath\"; cd \"$2/p\"
        \"$1\" get --service all --entity customer_id=a > /dev/null
        (cat /dev/zero > ../full) 2> /dev/null || true
        for turn in 1 2 3; do
            \"$1\" ingest --source events more.ndjson --arrived-at event-time || echo \"code $?\"
        done
        rm ../full; \"$1\" ingest --source events more.ndjson --arrived-at event-time; \"$1\" verify";
    let mount = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("unshare");
    command.args(["--user", "--map-root-user", "--mount", "sh", "-c", script, "sh", env!("CARGO_BIN_EXE_onepath")]);
    let output = command.arg(mount.path()).current_dir(project.dir()).output();
    let Ok(output) = output else { return println!("skipped: there is no `unshare`") };
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if stderr.contains("unshare:") || stderr.contains("mount:") {
        return println!("skipped: nothing may be mounted here: {stderr}");
    }
    println!("{stdout}{stderr}");
    assert!(output.status.success(), "{stdout}{stderr}");
    assert_eq!(stdout.lines().filter(|line| *line == "code 3").count(), 3, "{stdout}{stderr}");
    let errors: Vec<&str> = stderr.lines().filter(|line| line.starts_with("error")).collect();
    assert!(errors.len() >= 3, "{stderr}");
    for error in errors {
        assert!(error.contains("no space is left") && error.contains("make room"), "{error}");
    }
    assert!(stdout.contains("1 event appended") && stdout.contains("0 differences"), "with room it goes on: {stdout}");
}
