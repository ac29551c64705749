//! LIKE and ILIKE.

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns::{Pattern, lowered};

use super::Answer;
use super::view::{View, strict, total};

pub(super) fn like(function: Function, views: &[View], rows: usize) -> Answer {
    let marks = strict(views, rows);
    let [text, pattern] = views else { return total(Vec::new(), marks, Values::Booleans) };
    let (texts, patterns) = (text.texts(), pattern.texts());
    let ignores_case = function == Function::LikeIgnoringCase;
    if pattern.is_constant {
        let pattern = if ignores_case { lowered(patterns.at(0)) } else { patterns.at(0).to_owned() };
        let pattern = Pattern::new(&pattern);
        let of = |row: usize| match ignores_case {
            true => pattern.matches(&lowered(texts.at(row))),
            false => pattern.matches(texts.at(row)),
        };
        return total((0..rows).map(|row| u8::from(of(row))).collect(), marks, Values::Booleans);
    }
    let of = |row: usize| match ignores_case {
        true => Pattern::new(&lowered(patterns.at(row))).matches(&lowered(texts.at(row))),
        false => Pattern::new(patterns.at(row)).matches(texts.at(row)),
    };
    total((0..rows).map(|row| u8::from(of(row))).collect(), marks, Values::Booleans)
}
