//! Counts of the values of texts and booleans.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// How many categories are listed by name; the others are counted together.
pub const CATEGORIES_LISTED: usize = 1_000;

/// Distinct values that are counted; a feature with more has no categories.
const CATEGORIES_COUNTED: usize = 10_000;

/// A category with at least this share in the reference has a bin of its own.
const BIN_SHARE_MIN: f64 = 0.01;

/// Bytes of distinct values that are counted; a feature with more has no categories.
const BYTES_COUNTED: usize = 1 << 20;

/// The values of a feature and how often each occurs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Categories {
    /// How many distinct values there are.
    pub distinct: u64,
    /// The most frequent of them, at most [`CATEGORIES_LISTED`]; of equally frequent ones the first in the order of their bytes.
    pub listed: Vec<Category>,
    /// How often the others occur, together.
    pub other: u64,
}

impl Categories {
    /// How many values there are.
    pub(super) fn all(&self) -> u64 {
        self.listed.iter().map(|category| category.count).sum::<u64>() + self.other
    }

    /// Those with a bin of their own.
    pub(super) fn frequent(&self) -> impl Iterator<Item = &Category> {
        let least = self.all() as f64 * BIN_SHARE_MIN;
        self.listed.iter().filter(move |category| category.count as f64 >= least)
    }
}

/// A value and how often it occurs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Category {
    /// The value.
    pub value: String,
    /// How often.
    pub count: u64,
}

/// Categories while they are counted; `None` inside where there were too many.
#[derive(Clone)]
pub(super) struct CategoryCounts(Option<(HashMap<String, u64>, usize)>);

impl CategoryCounts {
    pub(super) fn new() -> Self {
        Self(Some((HashMap::new(), 0)))
    }

    /// Counts `value` so many times.
    pub(super) fn add(&mut self, value: &[u8], times: u64) {
        let Some((counts, bytes)) = &mut self.0 else { return };
        let value = String::from_utf8_lossy(value);
        if let Some(count) = counts.get_mut(&*value) {
            *count += times;
            return;
        }
        *bytes += value.len();
        counts.insert(value.into_owned(), times);
        // Whether there are too many depends on which values there are, not on their order.
        if counts.len() > CATEGORIES_COUNTED || *bytes > BYTES_COUNTED {
            self.0 = None;
        }
    }

    /// The categories; `None` where there were too many to count.
    pub(super) fn finish(self) -> Option<Categories> {
        let (counts, _) = self.0?;
        let distinct = counts.len() as u64;
        let mut all: Vec<Category> = counts.into_iter().map(|(value, count)| Category { value, count }).collect();
        all.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        let other = all.split_off(all.len().min(CATEGORIES_LISTED)).iter().map(|category| category.count).sum();
        Some(Categories { distinct, listed: all, other })
    }
}
