//! What a project decides of single features, after the call: a time to live of their own, and a default in place of a null.

use super::{ProgramError, Status, status_at};
use crate::batch::{Column, ColumnError, Value};
use crate::schema::{Description, ValueType};
use crate::time::{AsOf, EventTime, Length};

/// The longest default that is a text, in bytes: it takes the place of every null.
const DEFAULT_TEXT_BYTES_MAX: usize = 65_536;

/// The most numbers in a default that is a list.
const DEFAULT_NUMBERS_MAX: usize = 8_192;

/// The integers that a float64 holds exactly lie between this and its negative.
const EXACT_INTEGER_MAX: u64 = 1 << 53;

/// What a project decides of one feature.
#[derive(Clone, Debug)]
pub struct FeatureRule {
    /// The feature.
    pub feature: String,
    /// What replaces a null of it: a value of its type, an integer for a float64, or a text in ISO 8601 for a time.
    pub default: Option<Value>,
    /// How old the newest event may be for the feature to be served; without one, the view's time to live holds.
    pub ttl: Option<Length>,
}

/// The rules of a view.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Rule>);

#[derive(Clone, Debug)]
struct Rule {
    /// The position of the feature.
    feature: usize,
    ttl: Option<Length>,
    /// A column of one row.
    default: Option<Column>,
}

/// The statuses of the features that have a rule: with a default in the place of a null, and a time to live beside the view's, they do
/// not follow from the view's status and the value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuledStatuses(Vec<(usize, Vec<Status>)>);

/// What a question met: the newest event before it, and its as-of.
pub(super) type Met = (Option<EventTime>, AsOf);

impl Rules {
    /// The rules for the features of a component.
    pub(super) fn new(view: &str, description: &Description, given: &[FeatureRule]) -> Result<Self, ProgramError> {
        let rules = given.iter().filter(|rule| rule.default.is_some() || rule.ttl.is_some()).map(|rule| {
            let fields = &description.output_features;
            let Some(feature) = fields.iter().position(|field| field.name == rule.feature) else {
                let known = super::program::names(fields);
                return Err(ProgramError::Feature { view: view.to_owned(), feature: rule.feature.clone(), known });
            };
            let of_type = |value: &Value| {
                default_column(value, fields[feature].value_type).map_err(|reason| ProgramError::Default {
                    view: view.to_owned(),
                    feature: rule.feature.clone(),
                    value_type: fields[feature].value_type,
                    reason,
                })
            };
            Ok(Rule { feature, ttl: rule.ttl, default: rule.default.as_ref().map(of_type).transpose()? })
        });
        Ok(Self(rules.collect::<Result<_, _>>()?))
    }

    /// Whether a feature has a default. Without one, no answer grows.
    pub(super) fn have_defaults(&self) -> bool {
        self.0.iter().any(|rule| rule.default.is_some())
    }

    /// Whether a feature has a time to live of its own.
    pub(super) fn have_ttl(&self) -> bool {
        self.0.iter().any(|rule| rule.ttl.is_some())
    }

    /// The default of a feature.
    pub(super) fn default_of(&self, feature: usize) -> Option<Value> {
        let rule = self.0.iter().find(|rule| rule.feature == feature)?;
        rule.default.as_ref().map(|default| default.value(0))
    }

    /// The time to live of a feature alone.
    pub(super) fn ttl_of(&self, feature: usize) -> Option<Length> {
        self.0.iter().find(|rule| rule.feature == feature)?.ttl
    }

    /// The statuses of no row.
    pub(super) fn no_statuses(&self) -> RuledStatuses {
        RuledStatuses(self.0.iter().map(|rule| (rule.feature, Vec::new())).collect())
    }

    /// Makes the answers of a transform those of the view: expired ones become null, then nulls become defaults. `statuses` are
    /// the view's own, and `met` holds what each question met where a feature has a time to live.
    pub(super) fn apply(
        &self,
        features: &mut [Column],
        statuses: &[Status],
        met: &[Met],
        has_sources: bool,
    ) -> Result<RuledStatuses, ColumnError> {
        let is_expired = |statuses: &[Status]| statuses.contains(&Status::OutsideMaxAge);
        let view_is_expired = is_expired(statuses);
        let mut ruled = Vec::with_capacity(self.0.len());
        for (at, feature) in features.iter_mut().enumerate() {
            let rule = self.0.iter().find(|rule| rule.feature == at);
            let own = rule.and_then(|rule| rule.ttl).map(|ttl| {
                let at = |(newest, as_of): &Met| status_at(has_sources, *newest, *as_of, Some(ttl));
                met.iter().map(at).collect::<Vec<_>>()
            });
            let expired = own.as_deref().map_or(view_is_expired, is_expired);
            let statuses = own.as_deref().unwrap_or(statuses);
            if expired {
                *feature = without_expired(feature, statuses);
            }
            let Some(rule) = rule else { continue };
            let of_rows = statuses.iter().enumerate().map(|(row, status)| status.of(feature, row));
            ruled.push((at, of_rows.collect()));
            if let (Some(default), true) = (&rule.default, feature.null_count() > 0) {
                let answered = std::mem::replace(feature, Column::new(feature.value_type()));
                *feature = with_default(answered, default)?;
            }
        }
        ruled.sort_by_key(|(at, _)| self.0.iter().position(|rule| rule.feature == *at));
        Ok(RuledStatuses(ruled))
    }
}

impl RuledStatuses {
    /// The statuses of a feature, whose view has `of_view` and whose values are `column`.
    pub fn of_feature(&self, feature: usize, column: &Column, of_view: &[Status]) -> Vec<Status> {
        match self.ruled(feature) {
            Some(statuses) => statuses.to_vec(),
            None => of_view.iter().enumerate().map(|(row, status)| status.of(column, row)).collect(),
        }
    }

    /// Of the features that have a rule, the statuses of one row.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = (usize, Status)> {
        self.0.iter().map(move |(feature, statuses)| (*feature, statuses[row]))
    }

    /// The statuses of a feature that has a rule.
    fn ruled(&self, feature: usize) -> Option<&[Status]> {
        self.0.iter().find(|(of, _)| *of == feature).map(|(_, statuses)| &statuses[..])
    }

    /// Appends those of the rows that follow.
    pub(crate) fn append(&mut self, next: &Self) {
        if self.0.is_empty() {
            self.0.clone_from(&next.0);
            return;
        }
        self.0.iter_mut().zip(&next.0).for_each(|((_, all), (_, next))| all.extend_from_slice(next));
    }

    /// Appends a row that has the same status in all of them.
    pub(super) fn push(&mut self, status: Status) {
        self.0.iter_mut().for_each(|(_, statuses)| statuses.push(status));
    }

    /// Those of `rows` rows, of parts that each say which rows theirs are.
    pub(crate) fn assemble<'a>(rows: usize, parts: impl Iterator<Item = (&'a [u32], &'a Self)>) -> Self {
        let mut all: Vec<(usize, Vec<Status>)> = Vec::new();
        for (numbers, part) in parts {
            if all.is_empty() {
                all = part.0.iter().map(|(feature, _)| (*feature, vec![Status::Present; rows])).collect();
            }
            for ((_, all), (_, part)) in all.iter_mut().zip(&part.0) {
                numbers.iter().zip(part).for_each(|(number, status)| all[*number as usize] = *status);
            }
        }
        Self(all)
    }
}

/// A column of one row: a default as a value of its feature's type. The error says what is wrong with it.
fn default_column(value: &Value, value_type: ValueType) -> Result<Column, String> {
    let value = match (value, value_type) {
        (Value::Int64(integer), ValueType::Float64) if integer.unsigned_abs() > EXACT_INTEGER_MAX => {
            return Err(format!("{integer} is not exact as a {value_type}"));
        }
        (Value::Int64(integer), ValueType::Float64) => Value::Float64(*integer as f64),
        (Value::Text(text), ValueType::Time) => match crate::time::parse_time(text) {
            Ok(time) => Value::Time(time),
            Err(_) => return Err(format!("{text:?} is not a time, such as \"2024-02-29T12:00:00Z\"")),
        },
        (Value::Text(text), ValueType::Text) if text.len() > DEFAULT_TEXT_BYTES_MAX => {
            let bytes = text.len();
            return Err(format!("a text of {bytes} bytes is longer than {DEFAULT_TEXT_BYTES_MAX}"));
        }
        (Value::Float64List(numbers), ValueType::Float64List) if numbers.len() > DEFAULT_NUMBERS_MAX => {
            let count = numbers.len();
            return Err(format!("a list of {count} numbers is longer than {DEFAULT_NUMBERS_MAX}"));
        }
        (value, _) => value.clone(),
    };
    let mut column = Column::new(value_type);
    let found = |value: &Value| match value {
        Value::Text(text) => format!("{text:?} is a text"),
        value => match value.value_type() {
            Some(found) => format!("{value} is of type {found}"),
            None => "null is no value".to_owned(),
        },
    };
    match value {
        Value::Null => Err(found(&value)),
        value => column.push(&value).map(|()| column).map_err(|_| found(&value)),
    }
}

/// The column with a null wherever it has expired.
pub(super) fn without_expired(feature: &Column, statuses: &[Status]) -> Column {
    let mut kept = Column::with_capacity(feature.value_type(), feature.len());
    for (row, status) in statuses.iter().enumerate() {
        if *status == Status::OutsideMaxAge {
            kept.push_null();
        } else {
            kept.extend_from(feature, &[row as u32]).expect("a part of a column is no larger than the column");
        }
    }
    kept
}

/// The column with the default wherever it is null: no null is left.
fn with_default(feature: Column, default: &Column) -> Result<Column, ColumnError> {
    let Some(nulls) = feature.nulls().map(<[u8]>::to_vec) else { return Ok(feature) };
    let values = Column::from_parts(feature.into_values(), None);
    let mut filled = Column::with_capacity(values.value_type(), values.len());
    let mut start = 0;
    while start < nulls.len() {
        let rows = nulls[start..].iter().take_while(|null| **null == nulls[start]).count();
        match nulls[start] {
            0 => filled.extend_range(&values, start..start + rows)?,
            _ => filled.extend_from(default, &vec![0; rows])?,
        }
        start += rows;
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
