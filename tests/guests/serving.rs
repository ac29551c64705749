//! A server's day: good requests between hostile ones, each answered rightly, in memory that does not grow.

use onepath::evaluate::ViewProgram;

use crate::run::{alone, answers, call, runtime, view};
use crate::table::GUESTS;
use crate::{GOOD, made};

/// Rounds in all. Each is one good and one hostile request.
const ROUNDS: usize = 10_000;

/// How much more the process may hold after all rounds than after a fifth of them: half a kilobyte a round is too much.
const GROWTH_BYTES_MAX: u64 = 4 << 20;

#[test]
fn good_requests_between_hostile_ones_are_right_and_memory_does_not_grow() {
    let _alone = alone();
    let runtime = runtime();
    let load = |name: &str| {
        let guest = GUESTS.iter().find(|guest| guest.name == name).expect("a row of the table");
        view(runtime.load_bytes(name, &guest.made.bytes(name)).expect("it loads"))
    };
    let good = view(runtime.load_bytes("churn", &made::good()).expect("churn loads"));
    // Most rounds are cheap; one in a hundred fills memory or output, one in two thousand runs into the limit on time.
    let cheap = ["panics", "traps", "exits", "recursion", "wall_clock", "type_wrong", "failure_row_outside"].map(load);
    let heavy = ["memory_unbounded", "output_gigabyte", "state_huge", "stderr_flood"].map(load);
    let slow = ["endless_process", "endless_cleanup"].map(load);
    let hostile = |round: usize| match round {
        round if round % 2_000 == 1_999 => &slow[round / 2_000 % slow.len()],
        round if round % 100 == 99 => &heavy[round / 100 % heavy.len()],
        round => &cheap[round % cheap.len()],
    };
    let rounds = |from: usize, to: usize| (from..to).for_each(|round| one(&good, hostile(round), round));

    rounds(0, ROUNDS / 5);
    let warm = resident_bytes();
    rounds(ROUNDS / 5, ROUNDS);
    match (warm, resident_bytes()) {
        (Some(warm), Some(after)) => {
            assert!(after < warm + GROWTH_BYTES_MAX, "{warm} bytes after a fifth of the rounds, {after} after all");
        }
        _ => eprintln!("memory is not measured: this system has no /proc/self/status"),
    }
}

#[test]
fn an_endless_call_does_not_hold_up_others() {
    let _alone = alone();
    let runtime = runtime();
    let good = view(runtime.load_bytes("churn", &made::good()).expect("churn loads"));
    let endless = GUESTS.iter().find(|guest| guest.name == "endless_process").expect("a row of the table");
    let endless = view(runtime.load_bytes("endless", &endless.made.bytes("endless_process")).expect("it loads"));
    std::thread::scope(|scope| {
        let calls = [(); 4].map(|()| scope.spawn(|| call(&endless, false).is_err()));
        let mut answered = 0;
        while answered == 0 || calls.iter().any(|call| !call.is_finished()) {
            one_good(&good, answered);
            answered += 1;
        }
        assert!(calls.into_iter().all(|call| call.join().expect("no panic")), "an endless call was answered");
    });
}

#[test]
fn a_transform_that_leaks_is_answered_for() {
    let _alone = alone();
    let runtime = runtime();
    let leaks = GUESTS.iter().find(|guest| guest.name == "leaks").expect("a row of the table");
    let leaks = view(runtime.load_bytes("leaks", &leaks.made.bytes("leaks")).expect("it loads"));
    // Each call leaks a megabyte, and an instance may have 32.
    for round in 0..100 {
        let answer = call(&leaks, false).unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(answers(&leaks, &answer), "answer value: 1 2 1;", "round {round}");
    }
}

fn one(good: &ViewProgram, hostile: &ViewProgram, round: usize) {
    assert!(call(hostile, true).is_err(), "round {round}: a hostile guest was answered");
    one_good(good, round);
}

fn one_good(good: &ViewProgram, round: usize) {
    let answer = call(good, false).unwrap_or_else(|error| panic!("round {round}: {error}"));
    assert_eq!(answers(good, &answer), GOOD, "round {round}");
}

/// What the process holds in memory, where the system says so.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kibibytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kibibytes << 10)
}
