//! Every kind of aggregate against plain loops over all events: random orders, late data, ties, and batches cut anywhere.

use onepath_sdk::batch::{Column, EVENT, Output, QUESTION, Rows, States, Texts, Values};
use proptest::prelude::*;

#[path = "../../../tests/transforms/kinds/src/lib.rs"]
#[allow(dead_code, missing_docs, reason = "the source of a guest")]
mod kinds;

#[path = "kinds/reference.rs"]
mod reference;

use kinds::TRANSFORM;

/// A row: time, group, event or question, word, amount.
type Line = (i64, u32, u8, &'static str, f64);

const DAYS: i64 = 7;

fn rows(lines: &[Line], states: States) -> Rows {
    let events = || lines.iter().filter(|line| line.2 == EVENT);
    let mut words = Texts::default();
    for line in events() {
        words.bytes.extend(line.3.as_bytes());
        words.ends.push(words.bytes.len() as u32);
    }
    let column = |values| Column { values, nulls: None };
    Rows {
        times: lines.iter().map(|line| line.0).collect(),
        groups: lines.iter().map(|line| line.1).collect(),
        kinds: lines.iter().map(|line| line.2).collect(),
        event_fields: vec![
            column(Values::Texts(words)),
            column(Values::Float64s(events().map(|line| line.4).collect())),
        ],
        states,
        want_states: true,
        ..Rows::default()
    }
}

fn process(lines: &[Line], states: States) -> Output {
    let parameters = [Column { values: Values::Int64s(vec![DAYS]), nulls: None }];
    TRANSFORM.process(&parameters, &rows(lines, states)).expect("no line is refused")
}

/// The answers, a line of text per feature and question, so that those of two batches can be put together.
fn answers(output: &Output) -> Vec<Vec<String>> {
    let names = TRANSFORM.describe().output_features;
    let questions = output.features[0].values.rows();
    let shown = |question: usize| {
        let columns = output.features.iter().zip(names);
        columns.map(|(column, field)| format!("{} = {}", field.name, cell(column, question))).collect()
    };
    (0..questions).map(shown).collect()
}

fn cell(column: &Column, row: usize) -> String {
    let null = column.nulls.as_ref().is_some_and(|nulls| nulls[row] == 1);
    let start = |ends: &[u32]| if row == 0 { 0 } else { ends[row - 1] as usize };
    match &column.values {
        _ if null => "null".to_owned(),
        Values::Booleans(values) => (values[row] == 1).to_string(),
        Values::Int64s(values) | Values::Times(values) => values[row].to_string(),
        Values::Float64s(values) if values[row].is_nan() => "NaN".to_owned(),
        Values::Float64s(values) => format!("{:?}", values[row]),
        Values::Texts(texts) => {
            String::from_utf8_lossy(&texts.bytes[start(&texts.ends)..texts.ends[row] as usize]).into()
        }
        Values::Float64Lists(lists) => format!("{:?}", &lists.values[start(&lists.ends)..lists.ends[row] as usize]),
    }
}

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Times close together and far apart, often equal, at the edges of tiles, windows and sessions and a microsecond beside; in
/// no order, so that much is late.
fn time() -> impl Strategy<Value = i64> {
    let edge = prop_oneof![4 => Just(0), 1 => Just(1_i64), 1 => Just(-1_i64)];
    let base = prop_oneof![
        (0..130_i64).prop_map(|n| n * DAY),
        (0..12_i64).prop_map(|n| n * 6 * HOUR),
        (0..30_i64).prop_map(|n| n * 10 * MINUTE),
        (0..6_i64).prop_map(|n| n * 30 * DAY),
        // Years, and multiples of 64 half-lives of a week.
        (-30..30_i64).prop_map(|n| n * 365 * DAY),
        (-20..20_i64).prop_map(|n| n * 64 * 7 * DAY),
    ];
    (base, edge).prop_map(|(base, edge)| 19_723 * DAY + base + edge)
}

fn amount() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (-5_000..50_000_i64).prop_map(|cents| cents as f64 / 100.0),
        2 => -1e12..1e12_f64,
        1 => prop_oneof![Just(0.0), Just(-0.0), Just(1e-300), Just(1e15)],
    ]
}

/// Exponents evenly over the whole range, both signs, powers of two, and what is not finite.
fn any_size() -> impl Strategy<Value = f64> {
    let fraction = prop_oneof![1 => Just(0_u64), 1 => any::<u64>().prop_map(|bits| bits >> 12)];
    (any::<bool>(), 0..2048_u64, fraction).prop_map(|(is_negative, exponent, fraction)| {
        f64::from_bits(u64::from(is_negative) << 63 | exponent << 52 | fraction)
    })
}

/// Lines of up to three entities in which no question is asked before an event that was applied.
fn lines(amount: impl Strategy<Value = f64>) -> impl Strategy<Value = Vec<Line>> {
    let word = prop::sample::select(vec!["purchase", "view", "return", "a", "b", "é", ""]);
    let ahead = prop::sample::select(vec![0, 1, HOUR, DAY - 1, DAY, 7 * DAY, 30 * DAY, 90 * DAY]);
    let line = (time(), prop_oneof![3 => Just(0_u32), 1 => Just(1), 1 => Just(2)], 0..4_u8, word, amount, ahead);
    prop::collection::vec(line, 0..60).prop_map(|lines| {
        let mut newest = [i64::MIN; 3];
        let mut made: Vec<Line> = Vec::new();
        for (time, group, kind, word, amount, ahead) in lines {
            let newest = &mut newest[group as usize];
            if kind == 3 {
                made.push((time.max(*newest).saturating_add(ahead), group, QUESTION, "", 0.0));
            } else {
                *newest = time.max(*newest);
                made.push((time, group, EVENT, word, amount));
            }
        }
        made
    })
}

/// Of the lines, those of one entity up to a question.
fn seen(lines: &[Line], question: usize) -> Vec<reference::Event> {
    let of_entity = lines[..question].iter().filter(|line| line.1 == lines[question].1 && line.2 == EVENT);
    of_entity.map(|&(at, _, _, word, amount)| reference::Event { at, word, amount }).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn agrees_with_plain_loops(lines in lines(amount())) {
        let found = answers(&process(&lines, States::without_events(3)));
        let questions = (0..lines.len()).filter(|&line| lines[line].2 == QUESTION);
        for (found, question) in found.iter().zip(questions) {
            let events = seen(&lines, question);
            for (found, expected) in found.iter().zip(reference::answers(&events, lines[question].0, DAYS)) {
                prop_assert!(expected.agrees(found), "{found}, but expected {expected:?}\n{events:?}");
            }
        }
    }

    #[test]
    fn a_batch_may_be_cut_anywhere(
        lines in prop_oneof![lines(prop_oneof![9 => amount(), 1 => any_size()].boxed()), lines(any_size().boxed())],
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 1..4),
    ) {
        let whole = process(&lines, States::without_events(3));
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(lines.len() + 1)).collect();
        cuts.sort_unstable();
        cuts.push(lines.len());
        let (mut states, mut start, mut found) = (States::without_events(3), 0, Vec::new());
        for cut in cuts {
            let part = process(&lines[start..cut], states);
            found.extend(answers(&part));
            (states, start) = (part.states.expect("states were wanted"), cut);
        }
        prop_assert_eq!(found, answers(&whole));
        prop_assert_eq!(states, whole.states.expect("states were wanted"));
    }

    #[test]
    fn entities_do_not_see_each_other(lines in lines(amount())) {
        let whole = process(&lines, States::without_events(3));
        let mut found = answers(&whole).into_iter();
        let mut by_group: [Vec<Vec<String>>; 3] = Default::default();
        for line in lines.iter().filter(|line| line.2 == QUESTION) {
            by_group[line.1 as usize].extend(found.next());
        }
        let states = whole.states.expect("states were wanted");
        for group in 0..3 {
            let own: Vec<Line> = lines.iter().filter(|line| line.1 == group).map(|&line| (line.0, 0, line.2, line.3, line.4)).collect();
            let alone = process(&own, States::without_events(1));
            prop_assert_eq!(answers(&alone), &*by_group[group as usize]);
            prop_assert_eq!(&*alone.states.expect("states were wanted").bytes, states.get(group as usize).unwrap_or_default());
        }
    }

    /// Whatever the times and numbers, nothing panics, and states come back as they went.
    #[test]
    fn extremes_do_not_panic(
        lines in prop::collection::vec((any::<i64>(), any_size(), any::<bool>()), 0..30),
        extreme in prop::sample::select(vec![i64::MIN, i64::MAX, 0]),
    ) {
        let mut made: Vec<Line> = Vec::new();
        for (time, amount, is_extreme) in lines {
            made.push((if is_extreme { extreme } else { time }, 0, EVENT, "a", amount));
        }
        let newest = made.iter().map(|line| line.0).max().unwrap_or(0);
        made.push((newest, 0, QUESTION, "", 0.0));
        made.push((i64::MAX, 0, QUESTION, "", 0.0));
        let states = process(&made, States::without_events(1)).states.expect("states were wanted");
        let question = [(i64::MAX, 0, QUESTION, "", 0.0)];
        prop_assert_eq!(process(&question, states.clone()).states, Some(states));
    }
}
