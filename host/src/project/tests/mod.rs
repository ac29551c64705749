//! Text cases: a project file, and what it means or what is wrong with it.

mod faults_of_declarations;
mod faults_of_declared_windows;
mod faults_of_expectations;
mod faults_of_limits;
mod faults_of_references;
mod faults_of_schemas;
mod faults_of_several_entities;
mod faults_of_sources;
mod faults_of_toml;
mod faults_of_views;
mod identity;
mod projects;

use std::path::Path;

use expect_test::Expect;

use super::{Project, ProjectError};

/// What each case goes before, so that it shows only what it is about.
const REST: &str = r#"
[project]
name = "churn"

[entities.customer]
keys = { customer_id = "text" }

[entities.merchant]
keys = { merchant_id = "int64" }

[sources.events]
entity = "customer"
event_time = "time"

[sources.sales]
entity = "merchant"
event_time = "time"

[views.activity]
sources = ["events"]
transform = "transforms/activity"
"#;

/// The error of `case`, a part of a project file.
#[track_caller]
fn check(case: &str, expected: &Expect) {
    check_whole(&format!("{case}{REST}"), expected);
}

/// The error of `text`, a whole project file.
#[track_caller]
fn check_whole(text: &str, expected: &Expect) {
    let error = Project::parse(text, Path::new("onepath.toml")).expect_err("the project is at fault");
    let ProjectError::Invalid(invalid) = &error else { panic!("a fault without a place: {error}") };
    let place = format!("onepath.toml:{}:{}: {}\n", invalid.line(), invalid.column(), invalid.message());
    assert!(error.to_string().starts_with(&place), "{error}");
    expected.assert_eq(&error.to_string());
}

#[test]
fn the_rest_of_each_case_is_valid() {
    let project = Project::parse(REST, Path::new("onepath.toml")).expect("a valid project");
    assert_eq!(project.root, Path::new("."));
}
