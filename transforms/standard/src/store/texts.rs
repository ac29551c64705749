//! Texts of the last so long, and what questions want of texts.

use onepath_definition::Answer;
use onepath_sdk::dynamic::{Events, decode_len, decode_u64, encode_u64};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};
use onepath_sdk::window::WindowValue;

use super::events::view;
use super::{Kept, Part, units};
use crate::column::Writer;

/// Where a text lies among the texts of an entity.
#[derive(Clone, Copy)]
pub(super) struct Place {
    start: usize,
    length: usize,
}

/// The texts of the last so long. Those that were evicted are left among the others until the state is written.
#[derive(Default)]
pub(super) struct TextEvents {
    events: Events<Place>,
    texts: String,
}

impl TextEvents {
    fn text(&self, place: Place) -> &str {
        self.texts.get(place.start..place.start + place.length).unwrap_or_default()
    }
}

impl Kept for TextEvents {
    type Item<'a> = &'a str;
    type Shape = Length;

    fn empty(_: &Length) -> Self {
        TextEvents::default()
    }

    /// The number of events, all times, the lengths of all texts, then all texts.
    fn decode(bytes: &mut &[u8], kept: &Length) -> Result<Self, StateError> {
        let count = decode_len(bytes)?;
        let times = i64::decode_all(count, bytes)?;
        let (mut places, mut end) = (Vec::with_capacity(count + 1), 0_usize);
        for _ in 0..count {
            let length = decode_u64(bytes)?;
            let length = usize::try_from(length).map_err(|_| StateError::new("the state ends too early"))?;
            places.push(Place { start: end, length });
            end = end.saturating_add(length);
        }
        let (texts, rest) = bytes.split_at_checked(end).ok_or_else(|| StateError::new("the state ends too early"))?;
        *bytes = rest;
        let texts = std::str::from_utf8(texts).map_err(|_| StateError::new("a text is not UTF-8"))?;
        if places.iter().any(|place| !texts.is_char_boundary(place.start)) {
            return Err(StateError::new("a text ends within a character"));
        }
        Ok(TextEvents { events: Events::from_parts(times, places, *kept)?, texts: texts.to_owned() })
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Length) {
        if self.events.is_empty() {
            return;
        }
        encode_u64(self.events.len() as u64, bytes);
        i64::encode_all(self.events.live_times(), bytes);
        self.events.live_values().iter().for_each(|place| encode_u64(place.length as u64, bytes));
        self.events.live_values().iter().for_each(|place| bytes.extend_from_slice(self.text(*place).as_bytes()));
    }

    fn push(&mut self, at: EventTime, text: &str, kept: &Length) {
        let place = Place { start: self.texts.len(), length: text.len() };
        self.texts.push_str(text);
        self.events.push(at, place, *kept);
    }

    fn read(&self, as_of: AsOf, part: &Part, _: &Length, columns: &mut [Writer]) {
        let view = view(&self.events, as_of, part.span);
        read(view.times(), &|at| self.text(view.values()[at]), as_of, part, columns);
    }
}

/// Appends every answer of texts with their times.
pub(super) fn read<'t>(
    times: &[i64],
    text: &dyn Fn(usize) -> &'t str,
    as_of: AsOf,
    part: &Part,
    columns: &mut [Writer],
) {
    let mut counted: Option<Vec<(&str, i64)>> = None;
    let at = |nth: usize| times.get(nth).map(|&time| EventTime(time));
    let last = times.len().wrapping_sub(1);
    for &(column, answer) in &part.answers {
        let column = &mut columns[column];
        let mut put = |place: usize| column.text((place < times.len()).then(|| text(place)));
        match answer {
            Answer::First => put(0),
            Answer::Last => put(last),
            Answer::NthEarliest(nth) => put(nth as usize),
            Answer::NthLatest(nth) => put(last.wrapping_sub(nth as usize)),
            Answer::Count => column.integer(Some(times.len() as i64)),
            Answer::TimeOfFirst => column.integer(at(0).map(EventTime::micros)),
            Answer::TimeOfLast => column.integer(at(last).map(EventTime::micros)),
            Answer::SinceFirst(unit) => column.integer(at(0).map(|at| units(as_of, at, unit))),
            Answer::SinceLast(unit) => column.integer(at(last).map(|at| units(as_of, at, unit))),
            _ => {
                let counted = counted.get_or_insert_with(|| counted_texts((0..times.len()).map(text).collect()));
                match answer {
                    Answer::Distinct => column.integer(Some(counted.len() as i64)),
                    Answer::Top(nth) => column.text(counted.get(nth as usize).map(|&(text, _)| text)),
                    Answer::TopCount(nth) => column.integer(counted.get(nth as usize).map(|&(_, count)| count)),
                    _ => unreachable!("texts have no such answer"),
                }
            }
        }
    }
}

/// The different texts and how often each is there, the most frequent first; of equally frequent ones the smaller.
fn counted_texts(mut texts: Vec<&str>) -> Vec<(&str, i64)> {
    texts.sort_unstable();
    let mut counted: Vec<(&str, i64)> = Vec::new();
    for text in texts {
        match counted.last_mut() {
            Some((last, count)) if *last == text => *count += 1,
            _ => counted.push((text, 1)),
        }
    }
    // Stable, so that of equally frequent texts the smaller stays first.
    counted.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    counted
}
