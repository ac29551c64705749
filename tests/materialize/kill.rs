//! `onepath materialize` is killed at random moments, and what is there afterwards is the old or the new as a whole.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{PROJECT, States, events, history, states};
use crate::support::{Project, Random};

/// How often it is killed; the environment may ask for more.
fn rounds() -> usize {
    std::env::var("ONEPATH_KILL_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(12)
}

fn seed() -> u64 {
    std::env::var("ONEPATH_SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(11)
}

const EVENTS: usize = 20_000;
const CUSTOMERS: usize = 5_000;

/// What an undisturbed run leaves of each variant, and how long one takes.
fn expected(memory: &str) -> (Vec<States>, Duration) {
    let (mut all, mut longest) = (Vec::new(), Duration::ZERO);
    for variant in 0..2 {
        let project = Project::new(PROJECT);
        project.write("events.csv", events(variant, EVENTS, CUSTOMERS));
        let started = Instant::now();
        let ran = project.run(&format!("materialize {memory}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        longest = longest.max(started.elapsed());
        all.push(states(&project));
    }
    assert_ne!(all[0], all[1]);
    (all, longest)
}

/// Starts a run, and kills it after a while, unless it has come to its end.
fn killed(project: &Project, memory: &str, after: Duration) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    command.arg("materialize").args(memory.split_whitespace()).current_dir(project.dir());
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
    std::thread::park_timeout(after);
    let was_alive = child.try_wait().expect("is a child").is_none();
    let _ = child.kill();
    child.wait().expect("ends");
    was_alive
}

/// What a process leaves behind that was killed, beside what every project has.
fn left_over(project: &Project) -> Vec<String> {
    let of = |name: &String| name.contains("spill") || name.contains("partial") || name.contains("tmp");
    project.files().into_iter().filter(of).collect()
}

#[test]
fn killed_at_any_moment_the_old_states_are_there_or_the_new_ones() {
    let seed = seed();
    println!("seed {seed}, {} rounds", rounds());
    for memory in ["", "--memory 1MiB"] {
        let (expected, takes) = expected(memory);
        let project = Project::new(PROJECT);
        project.write("events.csv", events(0, EVENTS, CUSTOMERS));
        assert_eq!(project.run("materialize").code, 0);
        let (mut random, mut old, mut kills, mut ends) = (Random::new(seed), 0, 0, 0);
        for round in 0..rounds() {
            let new = 1 - old;
            project.write("events.csv", events(new, EVENTS, CUSTOMERS));
            let after = Duration::from_micros(random.below(takes.as_micros() as usize * 11 / 10) as u64);
            kills += u32::from(killed(&project, memory, after));
            let found = states(&project);
            let what = format!("seed {seed}, {memory}, round {round}, killed after {after:?}");
            assert!(found == expected[old] || found == expected[new], "{what}: neither the old nor the new");
            history(&project);
            // It is served whatever the files are now: only the new one has the customer of its own.
            let is_new = found == expected[new];
            let ran = project.run(&format!("get --service all --entity customer_id=only-{new} --format json"));
            assert_eq!(
                (ran.code, ran.stdout.contains("NOT_FOUND")),
                (0, !is_new),
                "{what}: {}{}",
                ran.stdout,
                ran.stderr
            );
            if is_new {
                (old, ends) = (new, ends + 1);
            }
        }
        // The next one goes on, and leaves nothing of those before.
        project.write("events.csv", events(1 - old, EVENTS, CUSTOMERS));
        let ran = project.run(&format!("materialize {memory}"));
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(states(&project) == expected[1 - old]);
        assert_eq!(left_over(&project), [""; 0]);
        let kept = format!(".onepath/materialized/{}.json", history(&project));
        let of = |folder: &str| project.files().into_iter().filter(|name| name.starts_with(folder)).collect::<Vec<_>>();
        assert_eq!((of(".onepath/materialized/"), of(".onepath/ids/").len()), (vec![kept], 1));
        println!("{memory}: a run takes {takes:?}; {kills} kills, {ends} runs came to their end");
        assert!(kills > 0, "no run was killed");
    }
}
