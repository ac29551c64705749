//! What a guest gives back: a description, an output, a failure, each nearly right or not at all.

use arbitrary::{Result, Unstructured};

use crate::batch::{CANONICAL_NAN, Kind, Rows, Value};
use crate::schema::Description;
use crate::wasm::component::bindings::onepath::feature::types::{
    ColumnResult, Description as Described, Failure, Field, Float64ListsResult, Output, StatesResult, TextsResult,
    ValueType, ValuesResult,
};
use crate::wasm::convert::{answers, description, failure};
use crate::wasm::{CallError, Limits};

/// Gives the host a guest's output made of `data`. What it takes over must be what it promises, to the last row; what it
/// refuses must be told in words without control characters.
pub fn guest_output(data: &[u8]) {
    let _ = try_guest_output(&mut Unstructured::new(data));
}

fn try_guest_output(u: &mut Unstructured<'_>) -> Result<()> {
    let limits = Limits { state_bytes_max: 16, stderr_bytes_max: 8, ..Limits::default() };
    if u.ratio(1, 16)? {
        refused(&failure(Failure { row: u.arbitrary()?, message: u.arbitrary()? }, &limits));
    }
    let described = Described {
        parameters: Vec::new(),
        event_fields: Vec::new(),
        request_fields: fields(u, 2)?,
        input_features: Vec::new(),
        output_features: fields(u, 4)?,
        state_version: u.arbitrary()?,
        author_version: u.arbitrary()?,
    };
    let described = match description(described) {
        Ok(described) => described,
        Err(error) => {
            refused(&error);
            return Ok(());
        }
    };
    let rows = rows(u)?;
    let output = output(u, &described, &rows)?;
    match answers(output, &rows, &described, &limits) {
        Ok(answers) => taken_over(&answers, &rows, &described, &limits),
        Err(error) => refused(&error),
    }
    Ok(())
}

fn refused(error: &CallError) {
    let text = error.to_string();
    let printable = text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t'));
    assert!(!text.is_empty() && printable, "{text:?}");
    assert!(!matches!(error, CallError::Host { .. }), "the guest's fault is told as the host's: {text}");
}

/// Reads every value of what was taken over.
fn taken_over(answers: &crate::batch::Answers, rows: &Rows, description: &Description, limits: &Limits) {
    let questions = rows.questions();
    assert_eq!(answers.features.len(), description.output_features.len());
    for (column, field) in answers.features.iter().zip(&description.output_features) {
        assert_eq!((column.len(), column.value_type()), (questions, field.value_type));
        assert!(field.nullable || column.nulls().is_none());
        let canonical = |number: &f64| !number.is_nan() || number.to_bits() == CANONICAL_NAN;
        for row in 0..questions {
            match column.value(row) {
                Value::Float64(number) => assert!(canonical(&number)),
                Value::Float64List(numbers) => assert!(numbers.iter().all(canonical)),
                Value::Null => assert!(column.is_null(row)),
                value => assert!(!value.to_string().is_empty() || value.value_type().is_some()),
            }
        }
    }
    assert_eq!(answers.states.is_some(), rows.want_states);
    if let Some(states) = &answers.states {
        assert_eq!(states.len(), rows.states.len());
        assert!((0..states.len()).all(|group| states.get(group).len() <= limits.state_bytes_max));
    }
    assert!(answers.first_difference(&answers.clone()).is_none());
}

fn fields(u: &mut Unstructured<'_>, most: usize) -> Result<Vec<Field>> {
    let count = u.int_in_range(0..=most)?;
    (0..count)
        .map(|at| {
            let name = if u.ratio(1, 8)? { u.arbitrary()? } else { format!("field_{at}") };
            let types = [
                ValueType::Boolean,
                ValueType::Int64,
                ValueType::Float64,
                ValueType::Text,
                ValueType::Time,
                ValueType::Float64List,
            ];
            Ok(Field { name, type_: *u.choose(&types)?, nullable: u.arbitrary()?, documentation: String::new() })
        })
        .collect()
}

fn rows(u: &mut Unstructured<'_>) -> Result<Rows> {
    let groups = u.int_in_range(1..=4_u32)?;
    let mut rows = Rows { want_states: u.arbitrary()?, ..Rows::default() };
    for at in 0..u.int_in_range(0..=12)? {
        let kind = if u.arbitrary()? { Kind::Question } else { Kind::Event };
        rows.push(kind, u.int_in_range(0..=groups - 1)?, at);
    }
    rows.states.ends = vec![0; groups as usize];
    Ok(rows)
}

fn output(u: &mut Unstructured<'_>, description: &Description, rows: &Rows) -> Result<Output> {
    let mut features = Vec::new();
    for field in &description.output_features {
        features.push(column(u, field, rows.questions())?);
    }
    if u.ratio(1, 16)? {
        features.pop();
    }
    let wanted = rows.want_states != u.ratio(1, 16)?;
    let states = match wanted {
        true => {
            let ends = ends(u, rows.states.len(), 20)?;
            let bytes = vec![7; contents(u, &ends)?];
            Some(StatesResult { ends, bytes })
        }
        false => None,
    };
    Ok(Output { features, states })
}

/// A column of the field's type and length, but for what the fuzzer spoils.
fn column(u: &mut Unstructured<'_>, field: &crate::schema::Field, rows: usize) -> Result<ColumnResult> {
    use crate::schema::ValueType as Type;
    let types = [Type::Bool, Type::Int64, Type::Float64, Type::Text, Type::Time, Type::Float64List];
    let of = if u.ratio(1, 16)? { *u.choose(&types)? } else { field.value_type };
    let length = length(u, rows)?;
    let nulls = match u.int_in_range(0..=3)? {
        0 => Some((0..self::length(u, rows)?).map(|_| flag(u)).collect::<Result<Vec<u8>>>()?),
        _ => None,
    };
    let values = match of {
        Type::Bool => ValuesResult::Booleans((0..length).map(|_| flag(u)).collect::<Result<_>>()?),
        Type::Int64 => ValuesResult::Int64s(several(u, length)?),
        Type::Time => ValuesResult::Times(several(u, length)?),
        Type::Float64 => ValuesResult::Float64s(several(u, length)?),
        Type::Text => {
            let ends = ends(u, length, 6)?;
            let size = contents(u, &ends)?;
            // Mostly text; cut anywhere by the ends.
            let mut bytes: Vec<u8> = "aé\u{1f9ed}".bytes().cycle().take(size).collect();
            if u.ratio(1, 4)? && size > 0 {
                let at = u.int_in_range(0..=size - 1)?;
                bytes[at] = u.arbitrary()?;
            }
            ValuesResult::Texts(TextsResult { ends, bytes })
        }
        Type::Float64List => {
            let ends = ends(u, length, 3)?;
            let size = contents(u, &ends)?;
            ValuesResult::Float64Lists(Float64ListsResult { ends, values: several(u, size)? })
        }
    };
    Ok(ColumnResult { values, nulls })
}

fn several<'a, T: arbitrary::Arbitrary<'a>>(u: &mut Unstructured<'a>, count: usize) -> Result<Vec<T>> {
    (0..count).map(|_| u.arbitrary()).collect()
}

/// Mostly the right length.
fn length(u: &mut Unstructured<'_>, right: usize) -> Result<usize> {
    if u.ratio(1, 24)? { u.int_in_range(0..=2 * right + 1) } else { Ok(right) }
}

/// Mostly 0 or 1.
fn flag(u: &mut Unstructured<'_>) -> Result<u8> {
    if u.ratio(1, 48)? { u.arbitrary() } else { u.int_in_range(0..=1) }
}

/// Offsets that mostly run forwards.
fn ends(u: &mut Unstructured<'_>, count: usize, longest: u32) -> Result<Vec<u32>> {
    let count = length(u, count)?;
    let mut ends = Vec::with_capacity(count);
    let mut end = 0_u32;
    for _ in 0..count {
        end += u.int_in_range(0..=longest)?;
        ends.push(end);
    }
    if u.ratio(1, 16)? && !ends.is_empty() {
        let at = u.int_in_range(0..=ends.len() - 1)?;
        ends[at] = u.arbitrary()?;
    }
    Ok(ends)
}

/// Mostly where the last offset ends; never more than a little.
fn contents(u: &mut Unstructured<'_>, ends: &[u32]) -> Result<usize> {
    length(u, ends.last().map_or(0, |end| (*end).min(200) as usize))
}
