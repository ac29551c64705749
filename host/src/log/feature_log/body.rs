//! The body of a batch: its columns one after the other, as `docs/FORMAT.md` describes them.
//!
//! Each column is one byte for its form, four for its length, and its contents; which columns there are follows from the plan.
//! Numbers are written the lowest byte first. What every row has is written once: most statuses, and the times of a request.

use super::{ServedBatch, ServedPlan};
use crate::batch::{Column, Values};
use crate::log::LogError;
use crate::log::served::status_code;
use crate::schema::ValueType;

/// How the values of a column are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Form {
    /// The value of each row.
    Each = 0,
    /// One value, that of every row.
    Same = 1,
    /// One bit per row, 1 for null, in whole bytes; then as [`Form::Each`], with a zero, or nothing, where a row is null.
    Nulls = 2,
    /// Nothing: every row is null.
    AllNull = 3,
}

/// The bit of a request's flags that says that it was answered by replaying the log.
pub(super) const REPLAYED: u8 = 1;

/// The columns of requests that have one plan.
pub(super) fn encode(plan: &ServedPlan, requests: &[&ServedBatch]) -> Result<Vec<u8>, LogError> {
    let rows: usize = requests.iter().map(|request| request.vectors()).sum();
    let widths = 8 * (plan.keys.len() + plan.request.len() + plan.features.len() + plan.views.len());
    let mut body = Vec::with_capacity(256 + 32 * requests.len() + rows * (widths + plan.features.len()));
    put_requests(&mut body, requests)?;
    let names = [("key", &plan.keys), ("request field", &plan.request), ("feature", &plan.features)];
    let columns: [fn(&ServedBatch) -> &[Column]; 3] =
        [|request| &request.keys, |request| &request.request, |request| &request.values];
    for ((what, fields), columns) in names.into_iter().zip(columns) {
        if requests.iter().any(|request| columns(request).len() != fields.len()) {
            return Err(unfit(format!("the plan has {} columns of kind {what}", fields.len())));
        }
        for (at, field) in fields.iter().enumerate() {
            let parts = requests.iter().map(|request| &columns(request)[at]);
            let written = put_column(&mut body, field.value_type, rows, parts);
            written.map_err(|why| unfit(format!("{what} {}: {why}", field.name)))?;
        }
    }
    put_statuses(&mut body, plan, rows, requests)?;
    put_offsets(&mut body, plan, rows, requests)?;
    Ok(body)
}

fn unfit(what: String) -> LogError {
    LogError::Unfit { what }
}

/// How many rows each request has, its as-of, the offset visible, its flags, and its id.
fn put_requests(body: &mut Vec<u8>, requests: &[&ServedBatch]) -> Result<(), LogError> {
    let rows = |request: &&ServedBatch| u32::try_from(request.vectors()).unwrap_or(u32::MAX);
    if requests.iter().any(|request| rows(request) == u32::MAX) {
        return Err(unfit("a request has more rows than 32 bits count".to_owned()));
    }
    put_fixed(body, requests.iter().map(|request| rows(request).to_le_bytes()));
    put_fixed(body, requests.iter().map(|request| request.as_of.micros().to_le_bytes()));
    put_fixed(body, requests.iter().map(|request| request.offset.to_le_bytes()));
    put_fixed(body, requests.iter().map(|request| [if request.replayed { REPLAYED } else { 0 }]));
    if requests.iter().all(|request| request.request_id.is_none()) {
        put(body, Form::AllNull, |_| {});
        return Ok(());
    }
    let mut ids = Column::with_capacity(ValueType::Text, requests.len());
    for request in requests {
        let id = request.request_id.as_deref();
        let pushed = ids.push(&id.map_or(crate::batch::Value::Null, |id| crate::batch::Value::Text(id.to_owned())));
        pushed.map_err(|error| unfit(format!("request ids: {error}")))?;
    }
    put_column(body, ValueType::Text, requests.len(), std::iter::once(&ids)).map_err(|why| unfit(why.to_owned()))
}

fn put_statuses(body: &mut Vec<u8>, plan: &ServedPlan, rows: usize, requests: &[&ServedBatch]) -> Result<(), LogError> {
    for (at, field) in plan.features.iter().enumerate() {
        let (mut count, mut known) = (0, true);
        let statuses = requests.iter().flat_map(|request| request.statuses.get(at).into_iter().flatten());
        let codes = statuses.map(|status| {
            let code = status_code(status);
            (count, known) = (count + 1, known && code.is_some());
            [code.unwrap_or(0)]
        });
        put_fixed(body, codes);
        if count != rows || !known {
            return Err(unfit(format!("the statuses of feature {}", field.name)));
        }
    }
    Ok(())
}

fn put_offsets(body: &mut Vec<u8>, plan: &ServedPlan, rows: usize, requests: &[&ServedBatch]) -> Result<(), LogError> {
    for (at, (view, _)) in plan.views.iter().enumerate() {
        let of_request = |request: &&'_ ServedBatch| request.offsets.get(at).map_or(0, Vec::len);
        if requests.iter().map(of_request).sum::<usize>() != rows {
            return Err(unfit(format!("the offsets of view {view}")));
        }
        let offsets = requests.iter().flat_map(|request| &request.offsets[at]);
        put_fixed(body, offsets.map(|offset| offset.to_le_bytes()));
    }
    Ok(())
}

/// Appends a column: its form, the length of its contents, and the contents.
fn put<T>(body: &mut Vec<u8>, form: Form, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
    let start = body.len();
    body.push(form as u8);
    body.extend_from_slice(&[0; 4]);
    let written = write(body);
    set_length(body, start);
    written
}

/// Sets the length of the column that begins at `start` and is the last. One beyond 32 bits is cut by the caller's limits: a
/// batch is far below.
fn set_length(body: &mut [u8], start: usize) {
    let length = u32::try_from(body.len() - start - HEADER_BYTES).unwrap_or(u32::MAX);
    body[start + 1..start + HEADER_BYTES].copy_from_slice(&length.to_le_bytes());
}

/// The bytes before the contents of a column.
pub(super) const HEADER_BYTES: usize = 5;

/// Appends a column of values of one width, none of which is null.
fn put_fixed<const WIDTH: usize>(body: &mut Vec<u8>, values: impl Iterator<Item = [u8; WIDTH]>) {
    let start = body.len();
    put(body, Form::Each, |body| values.for_each(|value| body.extend_from_slice(&value)));
    shorten(body, start, WIDTH);
}

/// Writes once what all rows of the last column have. Its values have one width.
fn shorten(body: &mut Vec<u8>, start: usize, width: usize) {
    let (first, rest) = body[start + HEADER_BYTES..].split_at(width.min(body.len() - start - HEADER_BYTES));
    if !rest.is_empty() && rest.chunks(width).all(|value| value == first) {
        body.truncate(start + HEADER_BYTES + width);
        body[start] = Form::Same as u8;
        set_length(body, start);
    }
}

/// Appends a column of so many rows that is given in parts, in order.
fn put_column<'a>(
    body: &mut Vec<u8>,
    value_type: ValueType,
    rows: usize,
    parts: impl Iterator<Item = &'a Column> + Clone,
) -> Result<(), &'static str> {
    let (mut nulls, mut count) = (0, 0);
    for part in parts.clone() {
        if part.value_type() != value_type {
            return Err("a value of another type");
        }
        nulls += part.null_count();
        count += part.len();
    }
    if count != rows {
        return Err("another number of rows");
    }
    if nulls == rows {
        put(body, Form::AllNull, |_| {});
        return Ok(());
    }
    let start = body.len();
    put(body, if nulls > 0 { Form::Nulls } else { Form::Each }, |body| {
        if nulls > 0 {
            put_nulls(body, rows, parts.clone());
        }
        put_values(body, value_type, parts.clone())
    })?;
    if body.len() - start > u32::MAX as usize {
        return Err("more than 4 GiB");
    }
    if nulls == 0 {
        match value_type {
            ValueType::Bool => shorten(body, start, 1),
            ValueType::Int64 | ValueType::Float64 | ValueType::Time => shorten(body, start, 8),
            ValueType::Text => shorten_spans(body, start, rows, 1),
            ValueType::Float64List => shorten_spans(body, start, rows, 8),
        }
    }
    Ok(())
}

fn put_nulls<'a>(body: &mut Vec<u8>, rows: usize, parts: impl Iterator<Item = &'a Column>) {
    let start = body.len();
    body.resize(start + rows.div_ceil(8), 0);
    let mut before = 0;
    for part in parts {
        for (row, _) in part.nulls().unwrap_or_default().iter().enumerate().filter(|(_, null)| **null != 0) {
            body[start + (before + row) / 8] |= 1 << ((before + row) % 8);
        }
        before += part.len();
    }
}

fn put_values<'a>(
    body: &mut Vec<u8>,
    value_type: ValueType,
    parts: impl Iterator<Item = &'a Column> + Clone,
) -> Result<(), &'static str> {
    if matches!(value_type, ValueType::Text | ValueType::Float64List) {
        put_ends(body, parts.clone())?;
    }
    for part in parts {
        match part.values() {
            Values::Booleans(values) => body.extend_from_slice(values),
            Values::Int64s(values) | Values::Times(values) => {
                values.iter().for_each(|value| body.extend_from_slice(&value.to_le_bytes()));
            }
            Values::Float64s(values) => put_floats(body, values),
            Values::Texts(texts) => body.extend_from_slice(&texts.bytes),
            Values::Float64Lists(lists) => put_floats(body, &lists.values),
        }
    }
    Ok(())
}

fn put_floats(body: &mut Vec<u8>, values: &[f64]) {
    values.iter().for_each(|value| body.extend_from_slice(&value.to_bits().to_le_bytes()));
}

/// Per row, where its text or list ends in those of all parts.
fn put_ends<'a>(body: &mut Vec<u8>, parts: impl Iterator<Item = &'a Column>) -> Result<(), &'static str> {
    let mut before = 0_u32;
    for part in parts {
        let (Values::Texts(crate::batch::Texts { ends, .. })
        | Values::Float64Lists(crate::batch::Float64Lists { ends, .. })) = part.values()
        else {
            return Err("a value of another type");
        };
        let last = ends.last().copied().unwrap_or(0);
        let after = before.checked_add(last).ok_or("more text or lists than 32 bits count")?;
        ends.iter().for_each(|end| body.extend_from_slice(&(before + end).to_le_bytes()));
        before = after;
    }
    Ok(())
}

/// Writes once the text or list that all rows of the last column have.
fn shorten_spans(body: &mut Vec<u8>, start: usize, rows: usize, width: usize) {
    let (ends, contents) = body[start + HEADER_BYTES..].split_at(4 * rows);
    let end = |bytes: &[u8]| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
    let length = end(&ends[..4]);
    let is_even = ends.chunks_exact(4).enumerate().all(|(row, bytes)| end(bytes) == (row + 1) * length);
    let first = &contents[..if is_even { length * width } else { 0 }];
    // An empty one is the same wherever it is repeated.
    if is_even && contents.chunks(first.len().max(1)).all(|value| value == first) {
        let first = first.to_vec();
        body.truncate(start + HEADER_BYTES);
        body.extend_from_slice(&first);
        body[start] = Form::Same as u8;
        set_length(body, start);
    }
}
