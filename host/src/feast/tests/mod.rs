//! Repositories in, projects out, by golden files; and answers of both, with their reasons.
//!
//! `trips.json` and `kinds.json` are what `reader.py` says of the repositories in `tests/feast/repositories`; `odd.json` was made up.

mod answers;

use std::path::Path;

use expect_test::expect_file;

use super::{ImportOptions, Imported, Repository, import};
use crate::project::{PROJECT_FILE, Project};

const TRIPS: &str = include_str!("trips.json");
const KINDS: &str = include_str!("kinds.json");
const ODD: &str = include_str!("odd.json");

fn imported(json: &str, arrival: bool) -> Imported {
    let repository = Repository::parse(json).expect("the reader says what is read here");
    import(&repository, &ImportOptions { dir: "/repo/features".into(), arrival })
}

/// What was imported, as its file and what is told of it; the file is a project.
fn told(imported: &Imported) -> String {
    let text = imported.toml();
    if let Err(error) = Project::parse(&text, Path::new(PROJECT_FILE)) {
        panic!("{error}\n{text}");
    }
    // A comment of every kind is a comment.
    for line in text.lines() {
        assert!(!line.contains(|c: char| c.is_control() && c != '\t'), "{line:?}");
    }
    text
}

#[test]
fn repositories_become_projects() {
    expect_file!["trips.toml"].assert_eq(&told(&imported(TRIPS, false)));
    expect_file!["kinds.toml"].assert_eq(&told(&imported(KINDS, false)));
}

#[test]
fn whatever_things_are_called_the_project_is_one() {
    expect_file!["odd.toml"].assert_eq(&told(&imported(ODD, false)));
}

#[test]
fn events_arrive_when_they_were_created_where_that_is_asked_for() {
    let (text, plain) = (told(&imported(ODD, true)), told(&imported(ODD, false)));
    let without: String =
        text.lines().filter(|line| *line != "arrival_time = \"made\"").map(|line| format!("{line}\n")).collect();
    // Of the two sources that have a created timestamp; it is declared as a field no more, being the arrival.
    assert_eq!(text.matches("arrival_time = \"made\"").count(), 2);
    assert_eq!(without, plain.replace("made = \"time\"\n", ""));
}

#[test]
fn every_name_leads_back_to_feast() {
    for json in [TRIPS, KINDS, ODD] {
        let repository = Repository::parse(json).expect("reads");
        let imported = imported(json, false);
        assert!(!imported.views.is_empty());
        for view in &imported.views {
            let feast = repository.views.iter().find(|feast| feast.name == view.feast.view).expect("is there");
            for (_, name) in &view.features {
                assert!(feast.features.is_empty() || feast.features.iter().any(|field| field.name == *name), "{name}");
            }
            assert_eq!(view.feast.keys.len(), feast.entities.len());
        }
        for (at, chosen) in imported.services.iter().flat_map(|service| &service.features) {
            assert!(chosen.iter().all(|place| *place < imported.views[*at].features.len()));
        }
    }
}

#[test]
fn what_is_no_repository_is_told() {
    for (json, expected) in [
        ("", "EOF while parsing a value"),
        ("[]", "expected struct Repository"),
        ("{}", "missing field `feast`"),
        (&TRIPS.replace("\"views\"", "\"view\""), "missing field `views`"),
        (
            &TRIPS.replace("\"ttl_us\": 5184000000000", "\"ttl_us\": \"60 days\""),
            "invalid type: string \"60 days\", expected i64",
        ),
        (&TRIPS[..TRIPS.len() / 2], "EOF while parsing"),
    ] {
        let error = Repository::parse(json).expect_err("it is not one").to_string();
        assert!(error.contains(expected), "{error}");
    }
}
