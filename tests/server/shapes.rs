//! The calls that are really made have the shapes that admission tries, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use onepath::batch::{Rows, Shape};
use onepath::evaluate::observe_calls;

use super::{TWO_VIEWS, ask, assert_verified, event, open, prepare, push, texts};
use crate::parity;
use crate::support::{HOUR, Project, at};

/// Shapes that were seen, each with its looks: rows, entities and states, as none, one or more, and whether states are wanted.
static SEEN: Mutex<BTreeMap<Shape, BTreeSet<[usize; 5]>>> = Mutex::new(BTreeMap::new());
/// Calls that had another shape than their callers said.
static MISFITS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn observe(shape: Shape, rows: &Rows) {
    let some = |count: usize| count.min(2);
    let questions = rows.questions();
    let with_state = (0..rows.states.len()).filter(|group| !rows.states.get(*group).is_empty()).count();
    let groups = rows.states.len();
    let look =
        [some(rows.len() - questions), some(questions), some(groups), some(with_state), usize::from(rows.want_states)];
    SEEN.lock().unwrap_or_else(PoisonError::into_inner).entry(shape).or_default().insert(look);
    if let Some(misfit) = shape.misfit(rows) {
        let told = format!("{}: {misfit}, in {} rows", shape.name(), rows.len());
        MISFITS.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
}

/// Backfills in little memory and with rows that fail, pushes of one and of many, questions of one and of many, and the proof of what
/// was served. Whatever other tests call meanwhile is looked at as well.
#[test]
fn the_host_makes_calls_of_the_shapes_that_admission_tries() {
    observe_calls(observe);
    parity::memory::failures_are_told_alike();
    let project = Project::new(TWO_VIEWS);
    let (server, start) = (open(&project), at("2029-12-20"));
    push(&server, &[event("1", "a", "purchase", 10.0, start)]).expect("is taken");
    let more = [event("2", "b", "purchase", 7.0, start + HOUR), event("3", "a", "return", 0.0, start + 2 * HOUR)];
    push(&server, &more).expect("is taken");
    let all = prepare(&server, "all");
    ask(&server, &all, &[texts(["a"])], None).expect("answers");
    ask(&server, &all, &[texts(["b", "a", "x"])], None).expect("answers");
    server.close().expect("closes");
    assert_verified(&project, 4);
    let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner).clone();
    for (shape, looks) in &seen {
        println!("{}: {looks:?}", shape.name());
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), Shape::ALL);
    assert_eq!(*MISFITS.lock().unwrap_or_else(PoisonError::into_inner), [""; 0]);
}
