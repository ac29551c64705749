//! Cases from a description: typical values, values of the real source, and the edges of every type.

use super::Sample;
use super::case::{Case, CaseRow, fields};
use super::random::Random;
use crate::batch::{Kind, Value, canonical};
use crate::schema::{Description, Field, ValueType};

/// Entities of a case, at most.
const ENTITIES_MAX: usize = 5;
/// Rows of a case, at most.
const ROWS_MAX: usize = 60;
/// Where time starts when nothing says otherwise: 2024-01-01T00:00:00Z.
pub(super) const START_US: i64 = 1_704_067_200_000_000;
const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;
const YEAR_US: i64 = 365 * DAY_US;

/// Words that events are often made of. A transform that asks for others is only reached by a sample of its source.
const WORDS: [&str; 16] = [
    "purchase", "view", "return", "click", "login", "signup", "payment", "refund", "error", "ok", "card", "cash", "DE",
    "US", "a", "b",
];

/// Makes cases, one after the other.
pub(super) struct Generator<'a> {
    description: &'a Description,
    sample: &'a Sample,
    /// Whether events reach the transform at all.
    events: bool,
    random: Random,
}

/// How time passes in a case.
#[derive(Clone, Copy)]
enum Pace {
    /// Minutes to days between rows.
    Ordinary,
    /// All at once.
    Equal,
    /// Microseconds apart, so that many are equal.
    Dense,
    /// Events that arrive up to a year late.
    Late,
    /// Years between rows, and events that arrive up to forty years late.
    Years,
    /// In any order, exactly at, one microsecond before and after whole hours, days, weeks and months since the epoch, and 64 times
    /// as much: where tiles begin, and where the digits of what fades by half-lives do.
    Grid,
    /// Exactly at, one microsecond before and after, whole days, weeks and months.
    Edges,
    /// At the ends of what 64 bits hold, and around the epoch.
    Extreme,
}

/// What the numbers of a case are like.
#[derive(Clone, Copy)]
enum Taste {
    /// Ordinary ones.
    Typical,
    /// Edges of every type, and all exponents.
    Edges,
    /// Few powers of two, of both signs, which fill or empty the digits of what adds them up.
    Powers,
}

const PACES: [Pace; 12] = [
    Pace::Ordinary,
    Pace::Ordinary,
    Pace::Equal,
    Pace::Dense,
    Pace::Late,
    Pace::Late,
    Pace::Years,
    Pace::Grid,
    Pace::Grid,
    Pace::Grid,
    Pace::Edges,
    Pace::Extreme,
];

impl<'a> Generator<'a> {
    pub(super) fn new(description: &'a Description, sample: &'a Sample, events: bool, seed: u64) -> Self {
        let events = events || !description.event_fields.is_empty();
        Self { description, sample, events, random: Random::new(seed) }
    }

    /// The next case.
    pub(super) fn case(&mut self) -> Case {
        // One entity often, so that its state grows long enough for windows to let go of events.
        let entities = *self.random.pick(&[1, 1, 2, 3, ENTITIES_MAX]);
        // Small cases first in size: half of them have few rows, where one row matters most.
        let rows_max = *self.random.pick(&[3, 8, 20, ROWS_MAX]);
        let rows = 1 + self.random.below(rows_max);
        let pace = *self.random.pick(&PACES);
        let taste = *self.random.pick(&[Taste::Typical, Taste::Edges, Taste::Edges, Taste::Powers]);
        let unit = *self.random.pick(&[HOUR_US, DAY_US, 7 * DAY_US, 30 * DAY_US]) * *self.random.pick(&[1, 64, 64]);
        let mut clock = match self.sample.times.as_slice() {
            [] => START_US,
            times => *self.random.pick(times),
        };
        let mut newest = [i64::MIN; ENTITIES_MAX];
        let mut case = Case::default();
        for _ in 0..rows {
            let entity = self.random.below(entities);
            let kind = if self.events && !self.random.once_in(3) { Kind::Event } else { Kind::Question };
            let mut time = self.time(pace, unit, &mut clock);
            if kind == Kind::Question {
                // The host asks no question before what it has applied.
                time = time.max(newest[entity]);
            }
            newest[entity] = newest[entity].max(time);
            let values = self.values(kind, taste);
            case.rows.push(CaseRow { kind, entity: entity as u32, time, values });
        }
        case
    }

    /// The rows of so many entities, from none to a few hundred each, on ordinary values. Each ends with `last` questions at one as-of
    /// that is after all events.
    pub(super) fn entities(&mut self, count: usize, last: usize) -> Vec<Vec<CaseRow>> {
        const LONG: [usize; 3] = [400, 1_200, 4_500];
        const PACES: [Pace; 6] = [Pace::Ordinary, Pace::Ordinary, Pace::Late, Pace::Late, Pace::Dense, Pace::Edges];
        let end = self.sample.times.iter().copied().max().unwrap_or(START_US);
        let mut entities: Vec<Vec<CaseRow>> = Vec::with_capacity(count);
        for at in 0..count {
            let rows = match at % 20 {
                // Three entities whose states are as large as a month of use makes them, in between.
                0 if at < LONG.len() * 20 => LONG[at / 20],
                0 => 0,
                1..=8 => 1 + self.random.below(8),
                9..=15 => 9 + self.random.below(32),
                16..=18 => 41 + self.random.below(80),
                _ => 100 + self.random.below(200),
            };
            let pace = if rows < 400 { *self.random.pick(&PACES) } else { Pace::Ordinary };
            let (mut clock, mut newest) = (START_US, i64::MIN);
            let of_entity = (0..rows).map(|_| {
                let kind = if self.events && !self.random.once_in(4) { Kind::Event } else { Kind::Question };
                let time = self.time(pace, DAY_US, &mut clock);
                let time = if kind == Kind::Question { time.max(newest) } else { time };
                newest = newest.max(time);
                CaseRow { kind, entity: at as u32, time, values: self.values(kind, Taste::Typical) }
            });
            let mut of_entity: Vec<CaseRow> = of_entity.collect();
            // All end within the same month, so that windows hold something at the last as-of; times of day stay as they are.
            let back = self.random.below(30) as i64 * DAY_US;
            let later = end.saturating_sub(newest).saturating_sub(back).div_euclid(DAY_US).saturating_mul(DAY_US);
            of_entity.iter_mut().for_each(|row| row.time = row.time.saturating_add(later));
            entities.push(of_entity);
        }
        let as_of = end.saturating_add(DAY_US);
        for (at, rows) in entities.iter_mut().enumerate() {
            rows.extend((0..last).map(|_| {
                let values = self.values(Kind::Question, Taste::Typical);
                CaseRow { kind: Kind::Question, entity: at as u32, time: as_of, values }
            }));
        }
        entities
    }

    /// An entity with so many rows, `step_us` apart on average: most are events, and now and then one is late. `is_question` says which
    /// are questions. With `many`, texts and integers are mostly ones that did not come before, so that what is kept by key grows.
    pub(super) fn long(
        &mut self,
        rows: usize,
        step_us: i64,
        many: bool,
        is_question: impl Fn(usize) -> bool,
    ) -> Vec<CaseRow> {
        let mut clock = self.sample.times.first().copied().unwrap_or(START_US);
        let mut newest = i64::MIN;
        let row = |at: usize| {
            let kind = if is_question(at) || !self.events { Kind::Question } else { Kind::Event };
            clock = clock.saturating_add(self.random.below(2 * step_us as usize) as i64);
            let is_late = kind == Kind::Event && self.random.once_in(16);
            let late = if is_late { self.random.below(64 * step_us as usize) as i64 } else { 0 };
            let time = if kind == Kind::Question { clock.max(newest) } else { clock.saturating_sub(late) };
            newest = newest.max(time);
            let mut values = self.values(kind, Taste::Typical);
            if many && !self.random.once_in(4) {
                values.iter_mut().for_each(|value| match value {
                    Value::Text(text) => *text = format!("{text}-{at}"),
                    Value::Int64(number) => *number = number.wrapping_add(at as i64 * 1_000),
                    _ => {}
                });
            }
            CaseRow { kind, entity: 0, time, values }
        };
        (0..rows).map(row).collect()
    }

    /// One ordinary case of `rows` rows over `entities` entities, for measuring: an hour between the rows of an entity.
    pub(super) fn typical(&mut self, rows: usize, entities: usize) -> Case {
        let row = |at: usize, generator: &mut Self| {
            let kind = if generator.events && at % 4 != 3 { Kind::Event } else { Kind::Question };
            let time = START_US + (at / entities) as i64 * HOUR_US;
            CaseRow { kind, entity: (at % entities) as u32, time, values: generator.values(kind, Taste::Typical) }
        };
        Case { rows: (0..rows).map(|at| row(at, self)).collect() }
    }

    fn time(&mut self, pace: Pace, unit: i64, clock: &mut i64) -> i64 {
        let step = match pace {
            Pace::Ordinary | Pace::Late => self.random.below(2 * DAY_US as usize) as i64,
            Pace::Years => self.random.below(3 * YEAR_US as usize) as i64,
            Pace::Equal | Pace::Extreme | Pace::Grid => 0,
            Pace::Dense => self.random.below(3) as i64,
            Pace::Edges => {
                let days = *self.random.pick(&[0, 1, 7, 28, 30, 60, 90, 180, 365]) * DAY_US;
                days + *self.random.pick(&[0, 0, -1, 1])
            }
        };
        *clock = clock.saturating_add(step.max(0));
        match pace {
            Pace::Late if self.random.once_in(2) => {
                clock.saturating_sub(self.random.below(400 * DAY_US as usize) as i64)
            }
            Pace::Years if self.random.once_in(2) => {
                clock.saturating_sub(self.random.below(40 * YEAR_US as usize) as i64)
            }
            Pace::Grid => {
                // From the epoch to a while after now, whatever the unit.
                let units = (2 * START_US / unit) as usize;
                self.random.below(units) as i64 * unit + *self.random.pick(&[0, 0, 0, 0, 0, 0, -1, 1])
            }
            Pace::Extreme => *self.random.pick(&[
                i64::MIN,
                i64::MIN + 1,
                i64::MIN + DAY_US,
                -1,
                0,
                1,
                *clock,
                i64::MAX - DAY_US,
                i64::MAX - 1,
                i64::MAX,
            ]),
            _ => *clock,
        }
    }

    fn values(&mut self, kind: Kind, taste: Taste) -> Vec<Value> {
        if kind == Kind::Event && !self.sample.events.is_empty() && !self.random.once_in(4) {
            let mut values = self.random.pick(&self.sample.events).clone();
            if !matches!(taste, Taste::Typical) && !values.is_empty() {
                // A real event with one strange value reaches more code than one of strange values only.
                let at = self.random.below(values.len());
                values[at] = self.value(&self.description.event_fields[at], taste);
            }
            return values;
        }
        let description = self.description;
        fields(description, kind).map(|field| self.value(field, taste)).collect()
    }

    fn value(&mut self, field: &Field, taste: Taste) -> Value {
        if field.nullable && self.random.once_in(6) {
            return Value::Null;
        }
        let taste = if self.random.once_in(3) { Taste::Typical } else { taste };
        let edge = matches!(taste, Taste::Edges);
        match field.value_type {
            ValueType::Bool => Value::Bool(self.random.once_in(2)),
            ValueType::Int64 => Value::Int64(self.int64(edge)),
            ValueType::Float64 => Value::Float64(self.float64(taste)),
            ValueType::Text => Value::Text(self.text(edge)),
            ValueType::Time => Value::Time(match edge {
                true => self.int64(true),
                false => START_US + self.random.below(400 * DAY_US as usize) as i64,
            }),
            ValueType::Float64List => {
                let length = *self.random.pick(if edge { &[0, 1, 3, 1_000] } else { &[3, 8, 8, 8] });
                Value::Float64List((0..length).map(|_| self.float64(taste)).collect())
            }
        }
    }

    fn int64(&mut self, edge: bool) -> i64 {
        const EDGES: [i64; 12] = [
            i64::MIN,
            i64::MIN + 1,
            i64::MAX,
            i64::MAX - 1,
            0,
            -1,
            1,
            1 << 53,
            (1 << 53) + 1,
            i32::MIN as i64,
            i32::MAX as i64,
            u32::MAX as i64,
        ];
        match edge {
            true if self.random.once_in(4) => self.random.next() as i64,
            true => *self.random.pick(&EDGES),
            false => self.random.below(1_000) as i64,
        }
    }

    fn float64(&mut self, taste: Taste) -> f64 {
        const EDGES: [f64; 16] = [
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -0.0,
            0.0,
            5e-324,
            -5e-324,
            f64::MIN_POSITIVE,
            f64::MAX,
            f64::MIN,
            1e308,
            1e16,
            0.1,
            -0.1,
            1.0 + f64::EPSILON,
            9_007_199_254_740_993.0,
        ];
        match taste {
            Taste::Edges if self.random.once_in(3) => self.float64_of_any_size(),
            Taste::Edges => canonical(*self.random.pick(&EDGES)),
            // 1, 2^64 and 2^-64.
            Taste::Powers => {
                *self.random.pick(&[1.0, -1.0, 1.0, -1.0, -18_446_744_073_709_551_616.0, -5.421_010_862_427_522e-20])
            }
            // Amounts in cents: most are not exact in binary, so that the order of a sum shows.
            Taste::Typical => self.random.below(50_000) as f64 / 100.0,
        }
    }

    /// Exponents evenly over the whole range, from subnormal numbers to infinities, of both signs; fractions of no bits and of all more
    /// often than others.
    fn float64_of_any_size(&mut self) -> f64 {
        let exponent = self.random.below(2_048) as u64;
        let fraction = match self.random.below(4) {
            0 => 0,
            1 => u64::MAX >> 12,
            _ => self.random.next() >> 12,
        };
        canonical(f64::from_bits(self.random.next() & 1 << 63 | exponent << 52 | fraction))
    }

    fn text(&mut self, edge: bool) -> String {
        const EDGES: [&str; 10] =
            ["", " ", "\0", "null", "\"quoted\",\n", "é", "e\u{301}", "日本語", "👩‍👩‍👧‍👦", "\u{10ffff}"];
        match edge {
            true if self.random.once_in(12) => {
                let text = *self.random.pick(&["x", "é", "👩‍👩‍👧‍👦"]);
                text.repeat(10_240 / text.len())
            }
            true => (*self.random.pick(&EDGES)).to_owned(),
            false => (*self.random.pick(&WORDS)).to_owned(),
        }
    }
}

/// Parameters for a component that no view configures: small ordinary constants.
pub(super) fn parameter(field: &Field) -> Value {
    match field.value_type {
        ValueType::Bool => Value::Bool(true),
        ValueType::Int64 => Value::Int64(7),
        ValueType::Float64 => Value::Float64(0.5),
        ValueType::Text => Value::Text(WORDS[0].to_owned()),
        ValueType::Time => Value::Time(START_US),
        ValueType::Float64List => Value::Float64List(vec![1.0, 2.0, 3.0]),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CASES, Sample};
    use super::*;

    fn cases(seed: u64) -> Vec<Case> {
        let field = Field {
            name: "amount".to_owned(),
            value_type: ValueType::Float64,
            nullable: false,
            documentation: String::new(),
        };
        let description = Description { event_fields: vec![field], ..Description::default() };
        let sample = Sample::default();
        let mut generator = Generator::new(&description, &sample, true, seed);
        (0..CASES).map(|_| generator.case()).collect()
    }

    /// Time and number of each event of one entity.
    fn events(case: &Case, entity: u32) -> Vec<(i64, f64)> {
        let of = |row: &CaseRow| match row.values.first() {
            Some(&Value::Float64(number)) if row.kind == Kind::Event && row.entity == entity => {
                Some((row.time, number))
            }
            _ => None,
        };
        case.rows.iter().filter_map(of).collect()
    }

    /// What a sum with half-lives of seven days once kept differently when it was encoded between two events: a first number that is
    /// less a power of two and begins a limb of 64 bits, and then one more than 256 half-lives late.
    fn fills_a_limb_and_is_followed_by_a_late_event(events: &[(i64, f64)]) -> bool {
        let half_lives = |time: i64| time.div_euclid(7 * DAY_US);
        let exponent = |number: f64| (number.to_bits() >> 52 & 0x7ff) as i64 - 1_023;
        let Some((&(first, number), rest)) = events.split_first() else { return false };
        let is_power = number < 0.0 && number.is_finite() && number.to_bits() & ((1 << 52) - 1) == 0;
        let limb = exponent(number) + half_lives(first);
        is_power
            && first % (7 * DAY_US) == 0
            && limb % 64 == 0
            && rest.first().is_some_and(|&(time, number)| {
                number.is_finite() && number != 0.0 && exponent(number) + half_lives(time) < limb - 320
            })
    }

    #[test]
    fn numbers_and_times_reach_the_ends_of_what_fades() {
        for seed in 1..4 {
            let cases = cases(seed);
            let entities = cases.iter().flat_map(|case| (0..ENTITIES_MAX as u32).map(|entity| events(case, entity)));
            let count = entities.filter(|events| fills_a_limb_and_is_followed_by_a_late_event(events)).count();
            assert!(count > 0, "seed {seed}");
        }
    }

    #[test]
    fn exponents_are_spread_over_the_whole_range() {
        let cases = cases(1);
        let numbers = cases.iter().flat_map(|case| &case.rows).filter_map(|row| match row.values.first() {
            Some(&Value::Float64(number)) => Some(number),
            _ => None,
        });
        let mut eighths = [[0; 8]; 2];
        for number in numbers {
            eighths[usize::from(number.is_sign_negative())][(number.to_bits() >> 60 & 7) as usize] += 1;
        }
        assert!(eighths.iter().flatten().all(|&count| count > 30), "{eighths:?}");
    }

    #[test]
    fn a_seed_gives_the_same_cases() {
        let shown = |seed| format!("{:?}", cases(seed));
        assert_eq!((shown(1) == shown(1), shown(1) == shown(2)), (true, false));
    }
}
