//! Makes a failing case small: fewer rows, fewer entities, plainer values and times.

use super::case::{Case, fields};
use super::generate::START_US;
use crate::batch::Value;
use crate::schema::{Description, Field, ValueType};

const DAY_US: i64 = 86_400_000_000;

/// The smallest case found that still fails, after at most `tries` tries.
pub(super) fn shrink(
    description: &Description,
    case: Case,
    mut tries: usize,
    fails: &mut dyn FnMut(&Case) -> bool,
) -> Case {
    let mut fails = |case: &Case| {
        if tries == 0 || !case.is_possible() {
            return false;
        }
        tries -= 1;
        fails(case)
    };
    let mut smallest = case;
    const PASSES_MAX: usize = 4;
    for _ in 0..PASSES_MAX {
        let changed = [
            remove_rows(&mut smallest, &mut fails),
            merge_entities(&mut smallest, &mut fails),
            simplify_times(&mut smallest, &mut fails),
            simplify_values(description, &mut smallest, &mut fails),
        ];
        if changed == [false; 4] {
            break;
        }
    }
    smallest
}

/// Removes runs of rows, from half of all down to single ones.
fn remove_rows(case: &mut Case, fails: &mut dyn FnMut(&Case) -> bool) -> bool {
    let before = case.rows.len();
    let mut length = before / 2;
    while length > 0 {
        let mut from = 0;
        while from < case.rows.len() {
            let mut smaller = case.clone();
            smaller.rows.drain(from..(from + length).min(case.rows.len()));
            if !smaller.rows.is_empty() && fails(&smaller) {
                *case = smaller;
            } else {
                from += length;
            }
        }
        length /= 2;
    }
    case.rows.len() < before
}

/// Gives rows to the first entity, then closes gaps in the numbers.
fn merge_entities(case: &mut Case, fails: &mut dyn FnMut(&Case) -> bool) -> bool {
    let mut changed = false;
    for entity in (0..case.entities()).rev() {
        let used = case.rows.iter().any(|row| row.entity == entity);
        let mut fewer = case.clone();
        for row in &mut fewer.rows {
            row.entity = match used {
                true if row.entity == entity => 0,
                false if row.entity > entity => row.entity - 1,
                _ => row.entity,
            };
        }
        if (!used || entity > 0) && fails(&fewer) {
            *case = fewer;
            changed = true;
        }
    }
    changed
}

fn simplify_times(case: &mut Case, fails: &mut dyn FnMut(&Case) -> bool) -> bool {
    let mut changed = false;
    for at in 0..case.rows.len() {
        let time = case.rows[at].time;
        let before = at.checked_sub(1).map_or(START_US, |before| case.rows[before].time);
        let plainer = [START_US, before, time.saturating_sub(time.rem_euclid(DAY_US))];
        changed |= replace(case, fails, time, plainer.into_iter(), |case, time| case.rows[at].time = time);
    }
    changed
}

fn simplify_values(description: &Description, case: &mut Case, fails: &mut dyn FnMut(&Case) -> bool) -> bool {
    let mut changed = false;
    for at in 0..case.rows.len() {
        for (place, field) in fields(description, case.rows[at].kind).enumerate() {
            // Again and again, as a text or a list is halved.
            loop {
                let value = case.rows[at].values[place].clone();
                let plainer = plainer(&value, field).into_iter().map(Same);
                let put = |case: &mut Case, value: Same| case.rows[at].values[place] = value.0;
                if !replace(case, fails, Same(value), plainer, put) {
                    break;
                }
                changed = true;
            }
        }
    }
    changed
}

/// Tries the plainer ones in order, up to the one that is there already.
fn replace<T: Clone + PartialEq>(
    case: &mut Case,
    fails: &mut dyn FnMut(&Case) -> bool,
    current: T,
    plainer: impl Iterator<Item = T>,
    put: impl Fn(&mut Case, T),
) -> bool {
    for candidate in plainer.take_while(|candidate| *candidate != current) {
        let mut plain = case.clone();
        put(&mut plain, candidate);
        if fails(&plain) {
            *case = plain;
            return true;
        }
    }
    false
}

/// A value compared by its bits.
#[derive(Clone)]
struct Same(Value);

impl PartialEq for Same {
    fn eq(&self, other: &Self) -> bool {
        self.0.same_bits(&other.0)
    }
}

/// Plainer values to try, the plainest first.
fn plainer(value: &Value, field: &Field) -> Vec<Value> {
    let mut plainer = match field.value_type {
        ValueType::Bool => vec![Value::Bool(false)],
        ValueType::Int64 => [0, 1, -1].map(Value::Int64).to_vec(),
        ValueType::Float64 => [0.0, 1.0, 0.1].map(Value::Float64).to_vec(),
        ValueType::Text => ["", "a"].map(|text| Value::Text(text.to_owned())).to_vec(),
        ValueType::Time => vec![Value::Time(START_US)],
        ValueType::Float64List => vec![Value::Float64List(Vec::new()), Value::Float64List(vec![0.0])],
    };
    match value {
        Value::Float64(number) if number.is_finite() => plainer.push(Value::Float64(number.trunc())),
        Value::Text(text) if text.len() > 1 => {
            let half = text.char_indices().nth(text.chars().count() / 2).map_or(0, |(at, _)| at);
            plainer.push(Value::Text(text[..half].to_owned()));
        }
        Value::Float64List(numbers) if numbers.len() > 1 => {
            plainer.push(Value::Float64List(numbers[..numbers.len() / 2].to_vec()));
        }
        _ => {}
    }
    plainer
}
