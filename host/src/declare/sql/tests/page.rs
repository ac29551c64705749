//! transforms/EXPRESSIONS.md is held to the code.

use std::collections::BTreeSet;

use super::super::function_names;
use super::answers::DIFFERENT;

const PAGE: &str = include_str!("../../../../../transforms/EXPRESSIONS.md");

/// What stands in backticks in the first column of the tables of a section.
fn first_column(section: &str) -> Vec<String> {
    let begin = PAGE.find(&format!("\n## {section}\n")).unwrap_or_else(|| panic!("the page has {section}"));
    let rest = &PAGE[begin + 4..];
    let text = &rest[..rest.find("\n## ").unwrap_or(rest.len())];
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.map(|row| row.trim_start_matches("| ").split(" | ").next().expect("a cell"));
    cells.flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn the_page_has_every_function_and_no_other() {
    let name = |call: String| call.split('(').next().expect("a name").trim().to_owned();
    let listed: Vec<String> = first_column("Functions").into_iter().map(name).collect();
    let set: BTreeSet<&str> = listed.iter().map(String::as_str).collect();
    assert_eq!(set.len(), listed.len(), "a function is on the page twice");
    assert_eq!(set, function_names().collect::<BTreeSet<&str>>());
}

#[test]
fn the_page_has_every_difference_with_its_test() {
    const TESTS: &str = include_str!("differences.rs");
    let tests: BTreeSet<&str> = TESTS.split("#[test]\nfn ").skip(1).filter_map(|rest| rest.split('(').next()).collect();
    let begin = PAGE.find("\n## Differences from DuckDB\n").expect("the section");
    let rows = PAGE[begin..].lines().filter(|line| line.starts_with("| ") && line.ends_with("` |"));
    let listed: BTreeSet<&str> = rows.filter_map(|row| row.trim_end_matches("` |").rsplit('`').next()).collect();
    assert_eq!(listed, tests);
    for (expression, test) in DIFFERENT {
        assert!(tests.contains(test), "{expression} differs for a reason that has no test: {test}");
    }
}
