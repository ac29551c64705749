//! A backfill proves a sample of itself: guests that keep every law in the cases that admission tries, and lie in calls of another
//! shape, do not become a training set. Admission is off, so that nothing else finds them.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::OnceLock;

use expect_test::expect;
use onepath::build::CargoBuild;
use onepath::time::format_time;

use crate::support::{DAY, Project, Ran, Random, at, repository};

/// The component of `lies_by_shape`.
fn guest() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut build = CargoBuild::new(&repository().join("tests/guests"), &mut |_| {}).expect("the guests' package");
        build.cargo.args(["--quiet", "--example", "lies_by_shape"]);
        build.run().expect("builds").join("examples/lies_by_shape.wasm")
    })
}

/// A project whose view has the lie, with as many events as are told for each entity, and a question after each of the last ones.
fn project(lie: &str, limits: &str, events: &[usize]) -> Project {
    let project = Project::new("");
    configure(&project, lie, limits);
    std::fs::copy(guest(), project.path("guest.wasm")).expect("copies");
    let (mut rows, mut spine) = ("customer_id,at,amount\n".to_owned(), "customer_id,as_of\n".to_owned());
    let start = at("2024-01-01");
    for (entity, count) in events.iter().enumerate() {
        for event in 0..*count {
            let time = format_time(start + event as i64 * DAY / 24);
            writeln!(rows, "c{entity},{time},1").expect("writes to a text");
        }
        for back in 0..5.min(*count) {
            let time = format_time(start + (*count - 1 - back) as i64 * DAY / 24 + 1);
            writeln!(spine, "c{entity},{time}").expect("writes to a text");
        }
    }
    project.write("events.csv", rows);
    project.write("spine.csv", spine);
    project
}

fn configure(project: &Project, lie: &str, limits: &str) {
    let lie = if lie.is_empty() { String::new() } else { format!("parameters = {{ lie = \"{lie}\" }}\n") };
    // What lies is to be found by the proof, and not by chance before it.
    project.configure(&format!(
        "[project]\nname = \"proof\"\nadmission = \"off\"\nrepeat_share = 0.0\n[limits]\n{limits}\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.events]\nentity = \"customer\"\nevent_time = \"at\"\nfiles = [\"events.csv\"]\n[views.guest]\n\
         sources = [\"events\"]\ntransform = \"guest.wasm\"\n{lie}[services.all]\nfeatures = [\"guest:*\"]\n"
    ));
}

fn backfill(project: &Project, more: &str) -> Ran {
    project.run(&format!("backfill --service all --spine spine.csv --out out.csv {more}"))
}

/// No training set, no manifest, and nothing that a run keeps for a while.
fn assert_nothing_written(project: &Project) {
    let left: Vec<String> = project.files().into_iter().filter(|name| name.starts_with("out")).collect();
    assert_eq!(left, [""; 0]);
}

/// A few entities with many events, some with hundreds, many with few.
fn sizes(random: &mut Random) -> Vec<usize> {
    let mut sizes = vec![5_000, 1_500, 700, 400];
    sizes.extend((0..60).map(|_| 1 + random.below(40)));
    sizes
}

#[test]
fn whatever_lies_by_the_shape_of_a_call_is_no_training_set() {
    let mut random = Random::new(7);
    let sizes = sizes(&mut random);
    let shapes = ["groups", "rows", "question", "push", "fold", "carried", "trap", "byte", "loop"];
    for shape in shapes {
        let project = project(shape, "call_ms_max = 100", &sizes);
        // Parts of a divided run have no calls of so many rows or entities, and carry what is in a state: there, what is trained is
        // what is served.
        let is_small = |more: &&str| !more.contains("threads") && ["groups", "rows", "fold", "byte"].contains(&shape);
        for more in
            ["--threads 1", "--threads 2", "--memory 100KiB", "--resume"].into_iter().filter(|more| !is_small(more))
        {
            let seed = random.below(1 << 30);
            let ran = backfill(&project, &format!("{more} --proof-seed {seed}"));
            assert_eq!(ran.code, 1, "{shape}, {more}, seed {seed}: {}{}", ran.stdout, ran.stderr);
            assert!(
                ran.stderr.contains("the training set would not be what is served: view guest@v1, "),
                "{}",
                ran.stderr
            );
            assert!(ran.stderr.contains(&format!("seed {seed}")), "{}", ran.stderr);
            println!("{shape} {more}: {}", ran.stderr);
            if more != "--resume" {
                assert_nothing_written(&project);
            }
        }
    }
}

#[test]
fn shapes_that_few_calls_have_are_found_by_chance() {
    let mut random = Random::new(9);
    let sizes = sizes(&mut random);
    for shape in ["many", "company"] {
        let project = project(shape, "", &sizes);
        let found = (0..20).find(|_| backfill(&project, &format!("--proof-seed {}", random.below(1 << 30))).code == 1);
        assert!(found.is_some(), "{shape}: not found in twenty runs");
    }
}

#[test]
fn the_smallest_case_is_told() {
    let project = project("question", "", &[300, 40, 3, 7]);
    let ran = backfill(&project, "--proof-seed 5");
    assert_eq!(ran.code, 1, "{}", ran.stdout);
    expect![[r#"
        error: the training set would not be what is served: view guest@v1, entity c2 as of 2024-01-01T00:00:00.000001Z, feature value: the backfill gives 1 (0x0000000000000001), and serving gives 1000001 (0x00000000000f4241), from a state of 1 event, no event pushed; nothing was written. The transform does not give the same in calls of every shape: `onepath check guest@v1` looks for the smallest such input. The sample was drawn by seed 5
    "#]].assert_eq(&ran.stderr);
}

#[test]
fn a_good_transform_proves_itself() {
    let sizes = sizes(&mut Random::new(8));
    let project = project("", "", &sizes);
    let ran = backfill(&project, "--proof-seed 1");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = ran.stdout.lines().find(|line| line.starts_with("proved ")).expect("a line");
    assert!(line.ends_with(" again as they are served (seed 1)"), "{line}");
    let bytes = std::fs::read(project.path("out.csv")).expect("an output");
    for more in ["", "--threads 2", "--memory 100KiB", "--resume --memory 100KiB", "--batch-rows 7"] {
        let ran = backfill(&project, more);
        assert_eq!(ran.code, 0, "{more}: {}", ran.stderr);
        assert!(std::fs::read(project.path("out.csv")).expect("an output") == bytes, "{more}");
    }
}

#[test]
fn the_proof_keeps_to_its_budget() {
    // Pushed and asked one by one, all of these would take many times the replay.
    let project = project("", "", &[20; 3_000]);
    let ran = backfill(&project, "--format json");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    let seconds = |name: &str| report["times"][name].as_f64().expect("a number");
    let (replay, proof) = (seconds("replay_cpu_s"), seconds("proof_cpu_s"));
    println!("replay {replay} s, proof {proof} s, {}", report["proof"]);
    assert!(report["proof"]["answers"].as_u64().expect("a number") > 10, "{}", report["proof"]);
    // The floor is some hundred calls, which take a tenth of a millisecond each where nothing is optimized.
    assert!(proof < 0.03 * replay + 0.2, "replay {replay} s, proof {proof} s");
}
