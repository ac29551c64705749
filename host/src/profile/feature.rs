//! The profile of one feature, made column by column.

use serde::{Deserialize, Serialize};

use super::bins::Deciles;
use super::categories::{Categories, CategoryCounts};
use super::exact::Moments;
use super::sample::Sample;
use crate::batch::{Column, Float64Lists, Values};
use crate::schema::ValueType;

/// What is known of the values of one feature in some rows.
///
/// Numbers are those of `measure`, of rows that are not null; `min`, `max`, `mean`, `variance`, `deciles` and `sample` are of the
/// finite ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FeatureProfile {
    /// Its reference, with the version of its view: `activity@v1:purchases`.
    pub feature: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Which number stands for a value.
    pub measure: Measure,
    /// How many rows.
    pub rows: u64,
    /// Rows whose value is null.
    pub nulls: u64,
    /// Rows whose entity had no event (`NOT_FOUND`), where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<u64>,
    /// Rows whose newest event was too old (`OUTSIDE_MAX_AGE`), where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outside_max_age: Option<u64>,
    /// Nulls among the rows of these two, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undelivered_nulls: Option<u64>,
    /// Values that are no number.
    pub nan: u64,
    /// Infinite values.
    pub infinite: u64,
    /// The smallest.
    pub min: Option<Number>,
    /// The largest.
    pub max: Option<Number>,
    /// The mean, correctly rounded.
    pub mean: Option<f64>,
    /// The sample variance, correctly rounded; `None` of fewer than two values, and beyond float64.
    pub variance: Option<f64>,
    /// The bins between deciles; `None` without numbers.
    pub deciles: Option<Deciles>,
    /// The values themselves and how often each occurs: of booleans, and of texts where the project allows it.
    pub categories: Option<Categories>,
    /// At most [`SAMPLE_MAX`](super::SAMPLE_MAX) numbers, the smallest first: all, or those of the rows with the smallest hashes.
    pub sample: Vec<f64>,
}

/// Which number stands for a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The value itself, of numbers.
    Value,
    /// Its age: as-of minus value in microseconds, of times. A time itself only grows.
    AgeUs,
    /// Its number of characters, of texts.
    Characters,
    /// Its Euclidean norm, of lists of numbers.
    Norm,
    /// None: booleans have categories alone.
    None,
}

impl Measure {
    /// That of a type.
    pub fn of(value_type: ValueType) -> Self {
        match value_type {
            ValueType::Bool => Self::None,
            ValueType::Int64 | ValueType::Float64 => Self::Value,
            ValueType::Text => Self::Characters,
            ValueType::Time => Self::AgeUs,
            ValueType::Float64List => Self::Norm,
        }
    }
}

/// A whole number, or any other.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Number {
    /// A whole number.
    Whole(i64),
    /// A float64.
    Float(f64),
}

impl Number {
    /// The nearest float64.
    pub fn as_float(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Float(number) => number,
        }
    }
}

/// The rows that some columns have in common.
#[derive(Clone, Copy, Debug)]
pub struct ProfiledRows<'a> {
    /// How many rows were before them.
    pub first: u64,
    /// Per row, what decides whether it is in the sample: [`row_hashes`](super::row_hashes).
    pub hashes: &'a [u64],
    /// Per row, its as-of in microseconds.
    pub as_of: &'a [i64],
}

/// The profile of one feature in the making.
#[derive(Clone)]
pub struct FeatureProfiler {
    feature: String,
    value_type: ValueType,
    rows: u64,
    nulls: u64,
    delivery: Option<[u64; 3]>,
    of_view: Option<[u64; 2]>,
    nan: u64,
    infinite: u64,
    whole: Option<(i64, i64)>,
    float: Option<(f64, f64)>,
    moments: Moments,
    sample: Sample,
    booleans: [u64; 2],
    texts: Option<CategoryCounts>,
}

impl FeatureProfiler {
    /// Of a feature by its reference; the values of texts are kept only with `with_texts`.
    pub fn new(feature: String, value_type: ValueType, with_texts: bool) -> Self {
        Self {
            feature,
            value_type,
            rows: 0,
            nulls: 0,
            delivery: None,
            of_view: None,
            nan: 0,
            infinite: 0,
            whole: None,
            float: None,
            moments: Moments::default(),
            sample: Sample::default(),
            booleans: [0; 2],
            texts: (with_texts && value_type == ValueType::Text).then(CategoryCounts::new),
        }
    }

    /// Adds the values of some rows. A column of another type counts as rows without values.
    pub fn add(&mut self, column: &Column, rows: ProfiledRows<'_>) {
        self.rows += column.len() as u64;
        self.nulls += column.null_count() as u64;
        if column.value_type() != self.value_type {
            return;
        }
        let nulls = column.nulls();
        let is_there = |row: &usize| nulls.is_none_or(|nulls| nulls[*row] == 0);
        let present = (0..column.len()).filter(is_there);
        let place = |row: usize| (rows.hashes[row], rows.first + row as u64);
        match column.values() {
            Values::Booleans(values) => present.for_each(|row| self.booleans[usize::from(values[row] != 0)] += 1),
            Values::Int64s(values) => present.for_each(|row| self.add_whole(values[row], place(row))),
            Values::Times(values) => {
                present.for_each(|row| self.add_whole(rows.as_of[row].saturating_sub(values[row]), place(row)));
            }
            Values::Float64s(values) => present.for_each(|row| self.add_float(values[row], place(row))),
            Values::Float64Lists(lists) => present.for_each(|row| self.add_float(norm(lists, row), place(row))),
            Values::Texts(_) => present.for_each(|row| {
                let text = column.text(row).unwrap_or_default();
                // Every byte but those that go on with a character.
                let characters = text.iter().filter(|byte| (**byte & 0xc0) != 0x80).count();
                self.add_whole(characters as i64, place(row));
                if let Some(texts) = &mut self.texts {
                    texts.add(text, 1);
                }
            }),
        }
    }

    /// Adds what is known of the delivery of rows that were added: how many had no event, or only too old ones, and nulls among them.
    pub fn add_delivery(&mut self, not_found: u64, outside_max_age: u64, undelivered_nulls: u64) {
        let delivery = self.delivery.get_or_insert_default();
        for (all, more) in delivery.iter_mut().zip([not_found, outside_max_age, undelivered_nulls]) {
            *all += more;
        }
    }

    /// Says what is known of its view: rows that had no event, and rows that had only too old ones.
    pub fn add_view(&mut self, not_found: u64, outside_max_age: u64) {
        self.of_view = Some([not_found, outside_max_age]);
    }

    #[inline]
    fn add_whole(&mut self, value: i64, (hash, row): (u64, u64)) {
        let (min, max) = self.whole.unwrap_or((value, value));
        self.whole = Some((min.min(value), max.max(value)));
        self.moments.add_whole(value);
        self.sample.add(hash, row, value as f64);
    }

    #[inline]
    fn add_float(&mut self, value: f64, (hash, row): (u64, u64)) {
        if !value.is_finite() {
            self.nan += u64::from(value.is_nan());
            self.infinite += u64::from(value.is_infinite());
            return;
        }
        let (min, max) = self.float.unwrap_or((value, value));
        // One zero, whatever its sign.
        self.float = Some((min.min(value) + 0.0, max.max(value) + 0.0));
        self.moments.add(value);
        self.sample.add(hash, row, value);
    }

    /// The profile of all that was added.
    pub fn finish(self) -> FeatureProfile {
        let numbers = self.moments.count();
        let sample = self.sample.sorted();
        let number =
            |whole: Option<i64>, float: Option<f64>| whole.map(Number::Whole).or_else(|| float.map(Number::Float));
        let (whole, float) = (self.whole.unzip(), self.float.unzip());
        let [not_found, outside_max_age, undelivered_nulls] = match (self.delivery, self.of_view) {
            (Some(known), _) => known.map(Some),
            (None, Some([not_found, outside_max_age])) => [Some(not_found), Some(outside_max_age), None],
            (None, None) => [None; 3],
        };
        let categories = match self.value_type {
            ValueType::Bool => {
                let mut counts = CategoryCounts::new();
                for (name, count) in ["false", "true"].iter().zip(self.booleans).filter(|(_, count)| *count > 0) {
                    counts.add(name.as_bytes(), count);
                }
                counts.finish()
            }
            _ => self.texts.and_then(CategoryCounts::finish),
        };
        FeatureProfile {
            feature: self.feature,
            value_type: self.value_type,
            measure: Measure::of(self.value_type),
            rows: self.rows,
            nulls: self.nulls,
            not_found,
            outside_max_age,
            undelivered_nulls,
            nan: self.nan,
            infinite: self.infinite,
            min: number(whole.0, float.0),
            max: number(whole.1, float.1),
            mean: self.moments.mean(),
            variance: self.moments.variance(),
            deciles: Deciles::of(&sample, numbers == sample.len() as u64),
            categories,
            sample,
        }
    }
}

fn norm(lists: &Float64Lists, row: usize) -> f64 {
    let start = if row == 0 { 0 } else { lists.ends[row - 1] as usize };
    lists.values[start..lists.ends[row] as usize].iter().map(|value| value * value).sum::<f64>().sqrt()
}
