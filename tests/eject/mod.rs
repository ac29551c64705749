//! Declared views ejected as Rust: the crates build as those of a user do, and give the bits that the declared views give.

mod expressions;
mod views;

use std::path::{Path, PathBuf};
use std::process::Command;

use expect_test::expect;
use onepath::time::format_time;
use tempfile::TempDir;

use self::views::{PROJECT, VIEWS, events};
use crate::scaffold;
use crate::support::{HOUR, Ran, Random, at};

/// The command line in a folder.
fn run(dir: &Path, words: &str) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    let output = command.args(words.split_whitespace()).current_dir(dir).env("COLUMNS", "120").output();
    let output = output.expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command prints UTF-8");
    let code = output.status.code().expect("the command ends by itself");
    Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn good(dir: &Path, words: &str) -> String {
    let ran = run(dir, words);
    assert_eq!(ran.code, 0, "{words}\n{}{}", ran.stdout, ran.stderr);
    ran.stdout
}

fn read(path: impl AsRef<Path>) -> String {
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.as_ref().display()))
}

/// A project of `toml`, in a folder that goes when the test ends.
fn declared(toml: &str) -> TempDir {
    let dir = TempDir::new().expect("a temporary folder");
    std::fs::write(dir.path().join("onepath.toml"), toml).expect("writes");
    dir
}

/// A project of `toml` whose views are ejected and built. What an earlier run compiled is taken.
fn ejected(name: &str, toml: &str, views: &[&str]) -> PathBuf {
    let dir = scaffold::project(name, |dir| {
        std::fs::create_dir_all(dir).expect("makes a folder");
        std::fs::write(dir.join("onepath.toml"), toml).expect("writes");
        for view in views {
            good(dir, &format!("eject {view} --in-place"));
        }
    });
    let built = run(&dir, "build");
    assert_eq!(built.code, 0, "{}", built.stderr);
    assert!(!built.stderr.contains("warning"), "{}", built.stderr);
    dir
}

/// Everything that is asked of a project, one answer after the other.
fn answers(dir: &Path, out: &Path) -> Vec<String> {
    let mut answers = Vec::new();
    let out = out.display();
    for (service, way) in [("all", ""), ("all", "--batch-rows 7"), ("offer", "--on-error null")] {
        good(dir, &format!("backfill --service {service} --spine spine.ndjson --out {out} {way}"));
        answers.push(read(out.to_string()));
    }
    good(dir, "materialize --up-to 2024-02-20");
    good(dir, "ingest --source events today.ndjson --arrived-at event-time");
    for customer in ["c0", "c1", "c2", "nobody"] {
        for as_of in ["2024-02-10T05:00:00Z", "2024-03-02T00:00:00Z", "2024-05-01T00:00:00Z"] {
            let asked = format!("--entity customer={customer} --as-of {as_of}");
            answers.push(good(dir, &format!("get --service all {asked}")));
            // The second one fails: an integer overflows.
            for items in [1, 2] {
                let request = format!("--request basket=7.5 --request note=a_GIFT --request items={items}");
                let ran = run(dir, &format!("get --service offer {asked} {request}"));
                answers.push(format!("{} {}{}", ran.code, ran.stdout, ran.stderr));
            }
        }
    }
    let verified = good(dir, "verify");
    assert!(verified.contains(": 0 differences"), "{verified}");
    answers
}

#[test]
fn ejected_views_give_the_bits_of_the_declared_ones() {
    let seed = 11;
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let mut spine = String::new();
    for row in 0..200 {
        let as_of = at("2024-01-01") + random.below(75 * 24) as i64 * HOUR;
        spine += &format!(
            "{{\"customer\":\"c{}\",\"as_of\":\"{}\",\"basket\":{:?},\"note\":\"no {row} gift\",\"items\":{}}}\n",
            random.below(4),
            format_time(as_of),
            random.below(400) as f64 / 8.0,
            random.below(4)
        );
    }
    let history = events(&mut random, 400);
    let today = "{\"customer\":\"c1\",\"at\":\"2024-03-01T10:00:00Z\",\"kind\":\"purchase\",\"price\":2.5,\"quantity\":2}\n\
                 {\"customer\":\"c1\",\"at\":\"2024-03-01T09:00:00Z\",\"kind\":\"return\",\"price\":0.5,\"quantity\":0,\"plan\":\"late\"}\n";
    let declared = declared(PROJECT);
    let crates = ejected("ejected", PROJECT, &VIEWS);
    let mut found = Vec::new();
    for dir in [declared.path(), &crates] {
        for (name, text) in [("events.ndjson", history.as_str()), ("spine.ndjson", &spine), ("today.ndjson", today)] {
            std::fs::write(dir.join(name), text).expect("writes");
        }
        found.push(answers(dir, &dir.join("out.ndjson")));
        for name in ["events.ndjson", "spine.ndjson", "today.ndjson", "out.ndjson", "out.ndjson.manifest.json"] {
            std::fs::remove_file(dir.join(name)).expect("was made");
        }
    }
    let failed = found[0].iter().filter(|answer| answer.contains("integer overflow in 2 * 4611686018427387904"));
    assert!(failed.count() > 5, "some fail: {:?}", found[0].last());
    for (declared, ejected) in found[0].iter().zip(&found[1]) {
        for (declared, ejected) in declared.lines().zip(ejected.lines()) {
            assert_eq!(declared, ejected);
        }
        assert_eq!(declared, ejected);
    }
    assert_eq!(found[0].len(), found[1].len());
}

/// What is printed is pasted, and is a project; what lies there is left alone.
#[test]
fn what_to_paste_is_printed() {
    let project = declared(PROJECT);
    let printed = good(project.path(), "eject offer");
    expect![[r#"
        offer@v1: transforms/offer/src/lib.rs, with a workspace and a copy of the SDK (SDK files)

        Put this in the place of the view in onepath.toml:

        [views.offer]
        inputs = ["churn:avg_purchase_value_90d as usual", "kinds:last_three_1", "request:basket", "request:note", "request:items"]
        transform = "transforms/offer"
        [views.offer.features]
        kept = { owner = "growth" }

        Then:
          onepath build
          onepath check offer@v1
          onepath materialize     # states are of the component that made them
    "#]]
    .assert_eq(&without_count(&printed));
    assert_eq!(read(project.path().join("onepath.toml")), PROJECT, "it is left as it is");
    let refused = run(project.path(), "eject offer");
    assert_eq!(refused.code, 2);
    let expected = "error: ./transforms/offer is there already: name another folder with --out, or remove it\n";
    assert_eq!(refused.stderr, expected);
    let second = good(project.path(), "eject newest --out transforms/rows");
    assert!(second.starts_with("newest@v1: transforms/rows/src/lib.rs\n"), "the workspace is there: {second}");
    let elsewhere = run(project.path(), "eject newest --out ../rows");
    assert!(elsewhere.stderr.contains("does not lie in the project's folder"), "{}", elsewhere.stderr);
    let outside = run(project.path(), "eject newest --out rust/rows");
    assert!(outside.stderr.contains("does not have rust/rows among the members"), "{}", outside.stderr);
}

/// How many files the SDK has changes with it.
fn without_count(printed: &str) -> String {
    let (before, rest) = printed.split_once('(').expect("tells how many files");
    let (_, after) = rest.split_once(" files)").expect("tells how many files");
    format!("{before}(SDK files){after}")
}

/// The crate of the churn example's view reads as one that an author wrote.
#[test]
fn the_crate_is_readable() {
    let project = declared(PROJECT);
    good(project.path(), "eject churn");
    let library = read(project.path().join("transforms/churn/src/lib.rs"));
    let code: String = library
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |all, line| all + line + "\n");
    expect![[r#"

        use onepath_sdk::prelude::*;
        use onepath_sdk::sql;

        #[derive(Event)]
        struct Event<'a> {
            kind: &'a str,
            price: f64,
        }

        #[derive(State, Default)]
        struct Churn {
            purchase_price: Window<f64, Days<90>>,
            purchase_last: Recency,
            is_return: Window<bool, Days<180>>,
        }

        #[derive(Features)]
        struct Features {
            purchase_count_30d: i64,
            avg_purchase_value_90d: Option<f64>,
            days_since_last_purchase: Option<i64>,
            return_rate_180d: Option<f64>,
            trend: Option<f64>,
        }

        #[transform]
        impl Churn {
            fn update(&mut self, event: &Event, at: EventTime) {
                if event.kind == "purchase" {
                    self.purchase_price.push(at, event.price);
                    self.purchase_last.push(at, ());
                }
                if matches!(event.kind, "purchase" | "return") {
                    self.is_return.push(at, event.kind == "return");
                }
            }

            fn read(&self, as_of: AsOf) -> Features {
                let purchase_count_30d = self.purchase_price.closed::<Days<30>>(as_of).count();
                let return_rate_180d = self.is_return.closed::<Days<180>>(as_of).share();
                Features {
                    purchase_count_30d,
                    avg_purchase_value_90d: self.purchase_price.closed::<Days<90>>(as_of).mean(),
                    days_since_last_purchase: self.purchase_last.since(as_of).map(Length::whole_days),
                    return_rate_180d,
                    trend: sql::null_if(Some(return_rate_180d.unwrap_or(0.0)), Some(0.0))
                        .map(|a| (purchase_count_30d as f64) / a),
                }
            }
        }

        #[cfg(test)]
        mod tests {
            use onepath_sdk::testing::{Harness, as_of};

            use super::*;

            #[test]
            fn an_entity_without_events() {
                let entity = Harness::<Churn>::new();
                let features = entity.question(as_of("2024-01-01"));
                assert_eq!(features.purchase_count_30d, 0);
                assert_eq!(features.avg_purchase_value_90d, None);
                assert_eq!(features.days_since_last_purchase, None);
                assert_eq!(features.return_rate_180d, None);
            }
        }
    "#]]
    .assert_eq(&code);
}
