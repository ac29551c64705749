//! What comes in is read right, or refused: files of every format and writer, spines, pushes, times. The wrong inputs follow
//! public reports about other systems.

mod formats;
mod pass_through;
mod times;

use crate::support::Project;

/// A project of one source and one view, which shows what it was given; `source` is added to its source.
fn project(files: &[&str], source: &str) -> Project {
    Project::new(&format!(
        r#"[project]
name = "reading"
[entities.user]
keys = {{ user_id = "text" }}
[sources.events]
entity = "user"
files = {files:?}
event_time = "ts"
{source}
[views.seen]
sources = ["events"]
transform = "SEEN"
[services.s]
features = ["seen:*"]
"#
    ))
}

/// A backfill of the rows of `spine` with some features, as CSV.
fn backfill(project: &Project, spine: &str, features: &str) -> Result<String, String> {
    let features: Vec<String> = features.split(',').map(|feature| format!("seen:{feature}")).collect();
    let ran = project.run(&format!("backfill --features {} --spine {spine} --out out.csv", features.join(",")));
    match ran.code {
        0 => Ok(std::fs::read_to_string(project.path("out.csv")).expect("was written")),
        _ => {
            assert!(!project.path("out.csv").exists(), "an output was left behind");
            Err(ran.stderr)
        }
    }
}

/// A file of the folder of this test.
fn data(name: &str) -> Vec<u8> {
    let path = crate::support::repository().join("tests/reading/data").join(name);
    std::fs::read(path).expect("a file of the tests")
}
