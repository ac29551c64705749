//! Lists of float64, and buckets.

use onepath_definition::Function;
use onepath_sdk::batch::Values;
use onepath_sdk::sql::columns as sql;
use onepath_sdk::{category, embedding};

use super::Answer;
use super::view::{Cell, View, by_row, strict, total};

pub(super) fn of_lists(function: Function, views: &[View], rows: usize) -> Answer {
    let Some(first) = views.first() else { return total(Vec::new(), None, Values::Float64s) };
    let second = views.get(1).unwrap_or(first);
    if function == Function::ListLength {
        let marks = strict(views, rows);
        return total((0..rows).map(|row| first.list(row).len() as i64).collect(), marks, Values::Int64s);
    }
    by_row(views, rows, Values::Float64s, |row| {
        let (a, b) = (first.list(row), second.list(row));
        let found = match function {
            Function::Norm => Some(embedding::norm(a)),
            Function::Dot => embedding::dot(a, b),
            Function::Distance => embedding::distance(a, b),
            Function::Cosine if a.len() == b.len() => return embedding::cosine(a, b).map_or(Cell::Null, Cell::Value),
            Function::ListElement => return sql::element(a, second.integers().at(row)).map_or(Cell::Null, Cell::Value),
            _ => None,
        };
        found.map_or(Cell::Failed, Cell::Value)
    })
}

pub(super) fn hash_bucket(views: &[View], rows: usize) -> Answer {
    let [key, buckets] = views else { return total(Vec::new(), None, Values::Int64s) };
    let buckets = buckets.integers();
    by_row(views, rows, Values::Int64s, |row| {
        let Some(buckets) = u32::try_from(buckets.at(row)).ok().filter(|buckets| *buckets > 0) else {
            return Cell::Failed;
        };
        Cell::Value(match key.values {
            Values::Texts(_) => category::hash_bucket(key.texts().at(row), buckets),
            Values::Booleans(_) => category::hash_bucket(&(key.booleans().at(row) != 0), buckets),
            _ => category::hash_bucket(&key.integers().at(row), buckets),
        })
    })
}
