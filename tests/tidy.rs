//! The shape of the code as tests over its text: who may name what.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::support::repository;

/// One line of the host's code, outside tests and comments.
struct Line {
    /// The file, relative to `host/src`, with `/`.
    file: String,
    number: usize,
    text: String,
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("the folder is there") {
        let path = entry.expect("lists a folder").path();
        match path.is_dir() {
            true => rust_files(&path, files),
            false if path.extension().is_some_and(|extension| extension == "rs") => files.push(path),
            false => {}
        }
    }
}

/// All lines of `host/src` that are code. Comments go, and so does what follows `#[cfg(test)]` where it is a module with a
/// body, and files of tests.
fn lines() -> Vec<Line> {
    let root = repository().join("host/src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    files.sort();
    let mut lines = Vec::new();
    for path in files {
        let file = path.strip_prefix(&root).expect("is inside").to_string_lossy().replace('\\', "/");
        if file.contains("/tests/") || file.ends_with("/tests.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).expect("reads");
        let code = match text.find("#[cfg(test)]\nmod tests {") {
            Some(end) => &text[..end],
            None => &text,
        };
        for (at, line) in code.lines().enumerate() {
            let line = line.split("//").next().unwrap_or_default();
            lines.push(Line { file: file.clone(), number: at + 1, text: line.to_owned() });
        }
    }
    assert!(lines.len() > 5_000, "the code was found");
    lines
}

/// Whether `word` stands in `text` by itself.
fn names(text: &str, word: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + word.len()..]);
        let starts = !word.starts_with(is_part) || !before.ends_with(is_part);
        let ends = !word.ends_with(is_part) || !after.starts_with(is_part);
        starts && ends
    })
}

/// `words` occur only in files that begin with one of `allowed`, and do occur there.
fn only_in(words: &[&str], allowed: &[&str]) {
    let (mut strays, mut found) = (String::new(), 0);
    for Line { file, number, text } in lines() {
        if words.iter().any(|word| names(&text, word)) {
            match allowed.iter().any(|allowed| file.starts_with(allowed)) {
                true => found += 1,
                false => writeln!(strays, "host/src/{file}:{number}: {}", text.trim()).expect("writes to a text"),
            }
        }
    }
    assert!(strays.is_empty(), "{words:?} belong in {allowed:?} only, and are also in\n{strays}");
    assert!(found > 0 || allowed.is_empty(), "{words:?} are nowhere: the rule has lost its object");
}

#[test]
fn the_engine_is_named_only_in_wasm() {
    only_in(&["wasmtime"], &["wasm/"]);
}

#[test]
fn arguments_are_parsed_only_in_cli() {
    only_in(&["clap"], &["cli/"]);
}

#[test]
fn sql_is_spoken_only_in_log_and_store() {
    only_in(&["rusqlite"], &["log/", "store/"]);
    only_in(&["\"SELECT", "\"INSERT", "\"UPDATE", "\"DELETE", "PRAGMA"], &["log/", "store/"]);
}

#[test]
fn expressions_are_parsed_only_in_declare() {
    only_in(&["sqlparser"], &["declare/sql/"]);
    only_in(&["onepath_definition"], &["declare/", "feature_store/"]);
}

#[test]
fn http_is_spoken_only_in_http() {
    only_in(&["axum", "hyper", "tiny_http"], &["http/"]);
}

#[test]
fn now_and_chance_come_from_one_file() {
    only_in(&["SystemTime", "Utc::now", "Local::now"], &["time/mod.rs"]);
    // A command may say how long it took, and a limit on a call's time needs a clock of its own.
    let stopwatch: Vec<Line> = lines().into_iter().filter(|line| names(&line.text, "Instant::now")).collect();
    for Line { file, number, text } in stopwatch {
        assert!(file.starts_with("cli/") || file == "time/mod.rs", "host/src/{file}:{number}: {text}");
    }
    only_in(&["thread_rng", "getrandom", "fastrand", "rand::"], &[]);
    // Which calls are repeated must be chance, for a component that could foresee it would be honest then.
    only_in(&["RandomState"], &["wasm/watch/dice.rs"]);
}

/// The types of times cannot be compared outside `time`; neither are their microseconds, as plain numbers.
#[test]
fn times_are_compared_in_one_function() {
    let compares = |text: &str| {
        text.match_indices(".micros()").any(|(at, found)| {
            let after = text[at + found.len()..].trim_start();
            let is_part = |c: char| c.is_alphanumeric() || "_.*&!".contains(c);
            let before = text[..at].trim_end_matches(is_part).trim_end();
            let is_left = ["<", ">", ".max(", ".min(", ".cmp("].iter().any(|compared| after.starts_with(compared));
            let is_right = ["<", "<=", ">=", " >"].iter().any(|compared| before.ends_with(compared));
            is_left || is_right
        })
    };
    for compared in
        ["if as_of.micros() < at", "if at >= event.event_time.micros() {", "let last = at.micros().max(now);"]
    {
        assert!(compares(compared), "{compared}");
    }
    assert!(!compares("let micros = |at: &AsOf| -> i64 { at.micros() };"));
    for Line { file, number, text } in lines() {
        assert!(!compares(&text) || file.starts_with("time/"), "host/src/{file}:{number}: {text}");
    }
}

#[test]
fn a_component_is_called_only_by_evaluate() {
    only_in(&[".process("], &["evaluate/", "wasm/", "admission/"]);
    only_in(&["evaluate("], &["evaluate/", "replay/", "online/"]);
}

#[test]
fn the_rooms_below_do_not_know_those_above() {
    // From the bottom up: a room knows those before it. A few know less than that.
    let order = [
        "digest",
        "threads",
        "usage",
        "time",
        "schema",
        "batch",
        "entity",
        "profile",
        "files",
        "project",
        "declare",
        "feast",
        "scaffold",
        "build",
        "wasm",
        "admission",
        "evaluate",
        "log",
        "store",
        "events",
        "replay",
        "error",
        "feature_store",
        "monitor",
        "online",
        "http",
        "cli",
    ];
    let less: [(&str, &[&str]); 7] = [
        ("declare", &["files", "entity"]),
        ("feast", &["files", "project"]),
        ("scaffold", &["batch", "files", "project"]),
        ("wasm", &["files", "project"]),
        ("evaluate", &["files", "project"]),
        ("log", &["files", "project", "wasm", "evaluate"]),
        ("store", &["files", "project", "wasm", "evaluate"]),
    ];
    for (at, room) in order.iter().enumerate() {
        let here = |line: &Line| line.file.starts_with(&format!("{room}/")) || line.file == format!("{room}.rs");
        let mut unknown = order[at + 1..].to_vec();
        unknown.extend(less.iter().filter(|(few, _)| few == room).flat_map(|(_, others)| *others));
        for Line { file, number, text } in lines().into_iter().filter(here) {
            let named = unknown.iter().find(|other| text.contains(&format!("crate::{other}::")));
            assert!(named.is_none(), "host/src/{file}:{number} names {}: {text}", named.unwrap_or(&""));
        }
    }
}

/// What a run is given is read through a storage, which tells when it changes; test equipment is named by nobody.
#[test]
fn inputs_are_read_only_through_a_storage() {
    let own = [
        "files/storage/",
        "files/frames.rs",
        "files/spill.rs",
        "files/stale.rs",
        "files/write.rs",
        "files/append.rs",
        "files/known.rs",
        "events/ids/",
        "events/by_entity/",
    ];
    for Line { file, number, text } in lines() {
        let reads = file.starts_with("files/") || file.starts_with("events/");
        let is_own = own.iter().any(|own| file.starts_with(own));
        let is_named = ["std::fs", "File::open"].iter().any(|word| names(&text, word));
        assert!(!reads || is_own || !is_named, "host/src/{file}:{number}: {text}");
    }
    only_in(&["crate::testing", "onepath::testing"], &[]);
}

#[test]
fn nothing_is_unwrapped() {
    only_in(&[".unwrap()", "unreachable!", "todo!", "unimplemented!"], &[]);
}

#[test]
fn errors_start_in_lower_case_and_hold_no_debug_text() {
    for Line { file, number, text } in lines() {
        let Some(message) = text.split("#[error(\"").nth(1) else { continue };
        let starts = message.chars().next().is_some_and(|first| !first.is_uppercase());
        let is_name = message.starts_with("WebAssembly");
        assert!(starts || is_name, "host/src/{file}:{number}: {text}");
        // A text may be quoted; a structure may not be dumped.
        assert!(!message.contains("{0:?}") || file.starts_with("files/"), "host/src/{file}:{number}: {text}");
    }
}

#[test]
fn files_stay_readable_in_one_sitting() {
    let root = repository().join("host/src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    for path in files {
        let lines = std::fs::read_to_string(&path).expect("reads").lines().count();
        assert!(lines <= 450, "{} has {lines} lines: it holds more than one thing", path.display());
    }
}

/// Tests are deterministic: they never wait, and none is switched off.
#[test]
fn tests_do_not_sleep_and_are_not_ignored() {
    let mut files = Vec::new();
    for folder in ["host/src", "tests", "transforms"] {
        rust_files(&repository().join(folder), &mut files);
    }
    // The engine's own clock, which ends calls that take too long, and the wait for a lock are no tests; those who use a server for
    // as long as one likes pause between requests; a hostile guest may try what it likes.
    let guests = repository().join("tests/guests");
    let waits = ["host/src/wasm/engine.rs", "host/src/log/lock.rs", "tests/server/soak.rs"];
    files.retain(|path| !waits.iter().any(|file| path.ends_with(file)) && !path.starts_with(&guests));
    let forbidden = [["thread::", "sleep"].concat(), ["#[ig", "nore"].concat()];
    for path in files {
        let text = std::fs::read_to_string(&path).expect("reads");
        for word in &forbidden {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}
