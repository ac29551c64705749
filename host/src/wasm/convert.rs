//! Between the host's batches and the component's values. Arguments are borrowed; results are checked, never trusted.

use std::collections::HashSet;

use super::Limits;
use super::component::bindings::onepath::feature::types as wit;
use super::error::{CallError, printable};
use crate::batch::{Answers, Column, Float64Lists, Rows, States, Texts, Values, canonical};
use crate::schema::{Description, Field, ValueType};

/// Borrowed columns of a batch, in the component's types.
pub(crate) struct Input<'a> {
    rows: &'a Rows,
    event_fields: Vec<wit::ColumnParam<'a>>,
    request_fields: Vec<wit::ColumnParam<'a>>,
    input_features: Vec<wit::ColumnParam<'a>>,
}

/// Borrows a batch.
pub(crate) fn rows(rows: &Rows) -> Input<'_> {
    Input {
        rows,
        event_fields: rows.event_fields.iter().map(column).collect(),
        request_fields: rows.request_fields.iter().map(column).collect(),
        input_features: rows.input_features.iter().map(column).collect(),
    }
}

impl Input<'_> {
    /// The argument of the call.
    pub(crate) fn as_param(&self) -> wit::Rows<'_> {
        wit::Rows {
            times: &self.rows.times,
            groups: &self.rows.groups,
            kinds: &self.rows.kinds,
            event_fields: &self.event_fields,
            request_fields: &self.request_fields,
            input_features: &self.input_features,
            states: wit::StatesParam { ends: &self.rows.states.ends, bytes: &self.rows.states.bytes },
            want_states: self.rows.want_states,
        }
    }
}

/// Borrows a column.
pub(crate) fn column(column: &Column) -> wit::ColumnParam<'_> {
    let values = match column.values() {
        Values::Booleans(values) => wit::ValuesParam::Booleans(values),
        Values::Int64s(values) => wit::ValuesParam::Int64s(values),
        Values::Float64s(values) => wit::ValuesParam::Float64s(values),
        Values::Texts(texts) => wit::ValuesParam::Texts(wit::TextsParam { ends: &texts.ends, bytes: &texts.bytes }),
        Values::Times(values) => wit::ValuesParam::Times(values),
        Values::Float64Lists(lists) => {
            wit::ValuesParam::Float64Lists(wit::Float64ListsParam { ends: &lists.ends, values: &lists.values })
        }
    };
    wit::ColumnParam { values, nulls: column.nulls() }
}

/// Checks and takes over the answers to `rows`.
pub(crate) fn answers(
    output: wit::Output,
    rows: &Rows,
    description: &Description,
    limits: &Limits,
) -> Result<Answers, CallError> {
    let fields = &description.output_features;
    if output.features.len() != fields.len() {
        return broken(format!("{} feature columns where it describes {}", output.features.len(), fields.len()));
    }
    let questions = rows.questions();
    let features = output.features.into_iter().zip(fields).map(|(column, field)| feature(column, field, questions));
    let features = features.collect::<Result<Vec<_>, _>>()?;
    let states = match (output.states, rows.want_states) {
        (Some(states), true) => {
            let bytes_max = if rows.unbounded_states { usize::MAX } else { limits.state_bytes_max };
            Some(checked_states(states, rows.states.len(), bytes_max)?)
        }
        (None, false) => None,
        (None, true) => return broken("no states where they were wanted".to_owned()),
        (Some(_), false) => return broken("states where none were wanted".to_owned()),
    };
    Ok(Answers { features, states })
}

/// Checks and takes over one feature column.
fn feature(column: wit::ColumnResult, field: &Field, questions: usize) -> Result<Column, CallError> {
    let name = &field.name;
    let mut values = match column.values {
        wit::ValuesResult::Booleans(values) => {
            if values.iter().any(|value| *value > 1) {
                return broken(format!("feature {name}: a boolean that is neither 0 nor 1"));
            }
            Values::Booleans(values)
        }
        wit::ValuesResult::Int64s(values) => Values::Int64s(values),
        wit::ValuesResult::Float64s(mut values) => {
            values.iter_mut().for_each(|value| *value = canonical(*value));
            Values::Float64s(values)
        }
        wit::ValuesResult::Texts(texts) => Values::Texts(checked_texts(texts, name)?),
        wit::ValuesResult::Times(values) => Values::Times(values),
        wit::ValuesResult::Float64Lists(lists) => {
            check_ends(&lists.ends, lists.values.len(), name)?;
            let values = lists.values.into_iter().map(canonical).collect();
            Values::Float64Lists(Float64Lists { ends: lists.ends, values })
        }
    };
    let nulls = match column.nulls {
        None => None,
        Some(nulls) => {
            if nulls.len() != questions {
                return broken(format!("feature {name}: {} null marks for {questions} questions", nulls.len()));
            }
            if nulls.iter().any(|null| *null > 1) {
                return broken(format!("feature {name}: a null mark that is neither 0 nor 1"));
            }
            let any = nulls.contains(&1);
            if any && !field.nullable {
                return broken(format!("feature {name} is null, but it is described as never null"));
            }
            // One spelling: a mask only where a row is null, and 0 under it.
            any.then_some(nulls)
        }
    };
    if let Some(nulls) = &nulls {
        blank_nulls(&mut values, nulls, name)?;
    }
    let rows = Column::from_parts(values, None);
    if rows.value_type() != field.value_type {
        return broken(format!(
            "feature {name} has type {} where it describes {}",
            rows.value_type(),
            field.value_type
        ));
    }
    if rows.len() != questions {
        return broken(format!("feature {name} has {} rows for {questions} questions", rows.len()));
    }
    Ok(match nulls {
        Some(nulls) => Column::from_parts(rows.into_values(), Some(nulls)),
        None => rows,
    })
}

/// Puts 0 under every null; a null text or list must be empty already.
fn blank_nulls(values: &mut Values, nulls: &[u8], name: &str) -> Result<(), CallError> {
    let rows = match values {
        Values::Booleans(values) => values.len(),
        Values::Int64s(values) | Values::Times(values) => values.len(),
        Values::Float64s(values) => values.len(),
        Values::Texts(texts) => texts.ends.len(),
        Values::Float64Lists(lists) => lists.ends.len(),
    };
    for row in (0..rows.min(nulls.len())).filter(|row| nulls[*row] == 1) {
        match values {
            Values::Booleans(values) => values[row] = 0,
            Values::Int64s(values) | Values::Times(values) => values[row] = 0,
            Values::Float64s(values) => values[row] = 0.0,
            Values::Texts(Texts { ends, .. }) | Values::Float64Lists(Float64Lists { ends, .. }) => {
                let start = if row == 0 { 0 } else { ends[row - 1] };
                if ends[row] != start {
                    return broken(format!("feature {name}: a null row that is not empty"));
                }
            }
        }
    }
    Ok(())
}

fn checked_texts(texts: wit::TextsResult, name: &str) -> Result<Texts, CallError> {
    check_ends(&texts.ends, texts.bytes.len(), name)?;
    let Ok(all) = std::str::from_utf8(&texts.bytes) else {
        return broken(format!("feature {name}: text that is not UTF-8"));
    };
    if texts.ends.iter().any(|end| !all.is_char_boundary(*end as usize)) {
        return broken(format!("feature {name}: a text that ends inside a character"));
    }
    Ok(Texts { ends: texts.ends, bytes: texts.bytes })
}

/// Offsets never run backwards and end where the contents end.
fn check_ends(ends: &[u32], length: usize, name: &str) -> Result<(), CallError> {
    if ends.windows(2).any(|pair| pair[0] > pair[1]) {
        return broken(format!("{name}: offsets that run backwards"));
    }
    if ends.last().map_or(0, |end| *end as usize) != length {
        return broken(format!("{name}: offsets that do not end where the contents end"));
    }
    Ok(())
}

fn checked_states(states: wit::StatesResult, groups: usize, bytes_max: usize) -> Result<States, CallError> {
    if states.ends.len() != groups {
        return broken(format!("{} states for {groups} groups", states.ends.len()));
    }
    check_ends(&states.ends, states.bytes.len(), "states")?;
    let states = States { ends: states.ends, bytes: states.bytes };
    if let Some(bytes) = (0..groups).map(|group| states.get(group).len()).find(|bytes| *bytes > bytes_max) {
        return Err(CallError::Limit {
            reason: format!(
                "a state of {bytes} bytes for one entity, where at most {bytes_max} are allowed; keep a shorter or a hopping window"
            ),
            stderr: String::new(),
        });
    }
    Ok(states)
}

/// Takes over a failure. Its message goes into errors and logs, so it is cut and cannot rewrite them.
pub(crate) fn failure(failure: wit::Failure, limits: &Limits) -> CallError {
    let kept = failure.message.floor_char_boundary(limits.stderr_bytes_max);
    let mut message = printable(&failure.message[..kept]);
    if kept < failure.message.len() {
        message.push_str("... (cut)");
    }
    CallError::Failure { row: failure.row, message }
}

/// Checks and takes over a description.
pub(crate) fn description(described: wit::Description) -> Result<Description, CallError> {
    let take = |what: &str, fields: Vec<wit::Field>| {
        let fields: Vec<Field> = fields.into_iter().map(field).collect();
        let mut names = HashSet::with_capacity(fields.len());
        for (at, field) in fields.iter().enumerate() {
            if field.name.is_empty() {
                return broken(format!("{what} {} has no name", at + 1));
            }
            if field.name.contains(char::is_control) {
                return broken(format!("the name of {what} {} holds a control character", at + 1));
            }
            if !names.insert(field.name.as_str()) {
                return broken(format!("two {what}s are named {}", field.name));
            }
        }
        Ok(fields)
    };
    let description = Description {
        parameters: take("parameter", described.parameters)?,
        event_fields: take("event field", described.event_fields)?,
        request_fields: take("request field", described.request_fields)?,
        input_features: take("input feature", described.input_features)?,
        output_features: take("output feature", described.output_features)?,
        state_version: described.state_version,
        author_version: described.author_version,
    };
    if description.output_features.is_empty() {
        return broken("it describes no output feature".to_owned());
    }
    Ok(description)
}

fn field(field: wit::Field) -> Field {
    let value_type = match field.type_ {
        wit::ValueType::Boolean => ValueType::Bool,
        wit::ValueType::Int64 => ValueType::Int64,
        wit::ValueType::Float64 => ValueType::Float64,
        wit::ValueType::Text => ValueType::Text,
        wit::ValueType::Time => ValueType::Time,
        wit::ValueType::Float64List => ValueType::Float64List,
    };
    Field { name: field.name, value_type, nullable: field.nullable, documentation: field.documentation }
}

fn broken<T>(reason: String) -> Result<T, CallError> {
    Err(CallError::Contract { reason })
}
