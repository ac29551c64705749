//! What `onepath check` shows of trial calls.

use expect_test::expect;

use super::{EVENTS, assert_text, project};

#[test]
fn a_check_tells_the_law_the_case_and_the_row_of_each_line() {
    let project = project(EVENTS);
    let ran = project.run("check customers --show-output --cases 5 --format json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 101);
    assert_text(
        &lines[..4].join("\n"),
        expect![[r#"
            customers@v1 law total, case 1, entity 1 event 9223371950454775807us | amount = -0.0
            customers@v1 law total, case 1, entity 1 event 9223371950454775807us | [tests/transforms/says/src/lib.rs:46:9] self.events = 0
            customers@v1 law total, case 1, entity 1 event -9223371950454775808us | amount = -1.2129047596099287e229
            customers@v1 law total, case 1, entity 1 event -9223371950454775808us | [tests/transforms/says/src/lib.rs:46:9] self.events = 1
        "#]],
    );
    let of_line =
        |line: &&str| line.starts_with("customers@v1 law ") && line.contains(", entity ") && line.contains(" | ");
    assert!(lines[..100].iter().all(of_line), "{}", ran.stderr);
    // How many calls are as large as a host makes them is a matter of time.
    let rest = lines[100].strip_prefix("customers@v1: ").and_then(|rest| rest.strip_suffix(" more lines not shown"));
    let rest: Option<u64> = rest.and_then(|count| count.replace(',', "").parse().ok());
    assert!(rest.is_some_and(|rest| rest > 1_000), "{}", lines[100]);
    // The report is that of a check that shows nothing, but for what is measured in time.
    let report = |text: &str| {
        let mut reports: Vec<serde_json::Value> = serde_json::from_str(text).expect("one document");
        for report in &mut reports {
            report["cost"] = serde_json::Value::Null;
            // Large calls are tried for as long as there is time.
            let laws = report["laws"].as_array_mut().expect("a list").iter_mut();
            laws.filter(|law| law["law"] == "shapes").for_each(|law| law["cases"] = serde_json::Value::Null);
        }
        reports
    };
    let silent = project.run("check customers --cases 5 --fresh --format json");
    assert_eq!((silent.code, silent.stderr.as_str()), (0, ""));
    assert_eq!(report(&ran.stdout), report(&silent.stdout));
    // A report that is kept shows nothing, so the check is made anew.
    let again = project.run("check customers --show-output --cases 5 --format json");
    assert!(again.stderr.lines().take(100).eq(lines[..100].iter().copied()), "{}", again.stderr);
}

#[test]
fn a_file_by_itself_is_shown_too() {
    let project = project(EVENTS);
    let file = crate::support::component("tests/transforms/says").display().to_string();
    let ran = project.run(&format!("check {file} --show-output --cases 2"));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("says.wasm law total, case 1, entity 1 "), "{}", ran.stderr);
}
