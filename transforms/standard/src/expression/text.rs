//! Functions of texts, by code points.

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns::{self as sql, TEXT_BYTES_MAX};

use super::Answer;
use super::view::{Cell, View, by_row, strict, texts_by_row, total};

pub(super) fn of_texts(function: Function, views: &[View], rows: usize) -> Answer {
    match function {
        Function::Length => number_of(views, rows, |text, _| text.chars().count() as i64),
        Function::Position => number_of(views, rows, sql::position),
        Function::StartsWith => whether(views, rows, |text, other| text.starts_with(other)),
        Function::EndsWith => whether(views, rows, |text, other| text.ends_with(other)),
        Function::Contains => whether(views, rows, |text, other| sql::find(text, other).is_some()),
        Function::Concat => {
            let all: Vec<_> = views.iter().map(View::texts).collect();
            texts_by_row(views, rows, |row, out| {
                // No text is longer than the longest, so that their sum does not overflow.
                let length = all.iter().map(|text| text.bytes(row).len() as u64).sum::<u64>();
                if length > TEXT_BYTES_MAX as u64 {
                    return false;
                }
                all.iter().for_each(|text| out.extend_from_slice(text.bytes(row)));
                true
            })
        }
        _ => made(function, views, rows),
    }
}

fn number_of(views: &[View], rows: usize, of: fn(&str, &str) -> i64) -> Answer {
    let marks = strict(views, rows);
    let Some(first) = views.first() else { return total(Vec::new(), marks, Values::Int64s) };
    let (text, other) = (first.texts(), views.last().unwrap_or(first).texts());
    total((0..rows).map(|row| of(text.at(row), other.at(row))).collect(), marks, Values::Int64s)
}

fn whether(views: &[View], rows: usize, of: fn(&[u8], &[u8]) -> bool) -> Answer {
    let marks = strict(views, rows);
    let [text, other] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let (text, other) = (text.texts(), other.texts());
    total((0..rows).map(|row| u8::from(of(text.bytes(row), other.bytes(row)))).collect(), marks, Values::Booleans)
}

/// Functions that make a text.
fn made(function: Function, views: &[View], rows: usize) -> Answer {
    let Some(first) = views.first() else { return by_row(views, rows, Values::Booleans, |_| Cell::Null) };
    let (last, middle) = (views.last().unwrap_or(first), views.get(1).unwrap_or(first));
    let (text, second, third) = (first.texts(), middle.texts(), last.texts());
    let (from, count) = (middle.integers(), last.integers());
    texts_by_row(views, rows, |row, out| {
        let text = text.at(row);
        match function {
            Function::Lower if text.is_ascii() => out.extend(text.bytes().map(|byte| byte.to_ascii_lowercase())),
            Function::Upper if text.is_ascii() => out.extend(text.bytes().map(|byte| byte.to_ascii_uppercase())),
            Function::Lower => text.chars().for_each(|c| put(out, sql::lower(c))),
            Function::Upper => text.chars().for_each(|c| put(out, sql::upper(c))),
            Function::Reverse => text.chars().rev().for_each(|c| put(out, c)),
            Function::Trim => out.extend_from_slice(sql::trimmed(text, second.at(row), true, true).as_bytes()),
            Function::TrimStart => out.extend_from_slice(sql::trimmed(text, second.at(row), true, false).as_bytes()),
            Function::TrimEnd => out.extend_from_slice(sql::trimmed(text, second.at(row), false, true).as_bytes()),
            Function::Substring => out.extend_from_slice(sql::substring(text, from.at(row), count.at(row)).as_bytes()),
            Function::Left => out.extend_from_slice(sql::left(text, count.at(row)).as_bytes()),
            Function::Right => out.extend_from_slice(sql::right(text, count.at(row)).as_bytes()),
            Function::SplitPart => {
                out.extend_from_slice(sql::split_part(text, second.at(row), count.at(row)).as_bytes())
            }
            _ => return sql::replace(text, second.at(row), third.at(row), out),
        }
        true
    })
}

fn put(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}
