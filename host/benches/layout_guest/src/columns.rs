//! The work over a list of columns.

use super::bindings::exports::onepath::layout::columns::{Column, Guest, Output, Rows, Texts, Values};
use super::{add_lengths, first_numbers};

impl Guest for super::Guest {
    fn process(_parameters: Vec<Column>, input: Rows) -> Result<Output, String> {
        let mut totals = first_numbers(input.groups.into_iter(), &input.states.ends, &input.states.bytes);
        for column in &input.request_fields {
            add(&mut totals, column)?;
        }
        let of_columns = input.request_fields.iter().cycle().take(input.features as usize);
        let features = of_columns.map(|column| feature(&totals, column)).collect::<Result<_, _>>()?;
        Ok(Output { features, states: None })
    }
}

fn add(totals: &mut [f64], column: &Column) -> Result<(), String> {
    match &column.values {
        Values::Float64s(values) => totals.iter_mut().zip(values).for_each(|(total, value)| *total += value),
        Values::Int64s(values) => totals.iter_mut().zip(values).for_each(|(total, value)| *total += *value as f64),
        Values::Texts(texts) => add_lengths(totals, texts.ends.iter().copied()),
        _ => return Err("a column of another type".to_owned()),
    }
    Ok(())
}

fn feature(totals: &[f64], column: &Column) -> Result<Column, String> {
    let values = match &column.values {
        Values::Float64s(values) => {
            Values::Float64s(totals.iter().zip(values).map(|(total, value)| total + value).collect())
        }
        Values::Int64s(values) => {
            let whole = totals.iter().zip(values).map(|(total, value)| value.wrapping_add(*total as i64));
            Values::Int64s(whole.collect())
        }
        Values::Texts(texts) => Values::Texts(Texts { ends: texts.ends.clone(), bytes: texts.bytes.clone() }),
        _ => return Err("a column of another type".to_owned()),
    };
    Ok(Column { values, nulls: column.nulls.clone() })
}
