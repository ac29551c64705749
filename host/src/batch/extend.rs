//! Rows of one column into another.

use super::column::{end, span};
use super::{Column, ColumnError, Texts, Values};
use crate::schema::ValueType;

impl Column {
    /// Appends the rows of `other` whose indices are `rows`, in that order. Both columns have one type.
    pub fn extend_from(&mut self, other: &Self, rows: &[u32]) -> Result<(), ColumnError> {
        let before = self.len();
        let row_at = |row: &u32| *row as usize;
        match (&mut self.values, &other.values) {
            (Values::Booleans(to), Values::Booleans(from)) => to.extend(rows.iter().map(|r| from[row_at(r)])),
            (Values::Int64s(to), Values::Int64s(from)) | (Values::Times(to), Values::Times(from)) => {
                to.extend(rows.iter().map(|r| from[row_at(r)]));
            }
            (Values::Float64s(to), Values::Float64s(from)) => to.extend(rows.iter().map(|r| from[row_at(r)])),
            (Values::Texts(to), Values::Texts(from)) => {
                for row in rows {
                    to.bytes.extend_from_slice(&from.bytes[span(&from.ends, row_at(row))]);
                    to.ends.push(end(to.bytes.len())?);
                }
            }
            (Values::Float64Lists(to), Values::Float64Lists(from)) => {
                for row in rows {
                    to.values.extend_from_slice(&from.values[span(&from.ends, row_at(row))]);
                    to.ends.push(end(to.values.len())?);
                }
            }
            _ => return Err(ColumnError::Type { expected: self.value_type(), found: other.value_type() }),
        }
        if let Some(from) = &other.nulls {
            let nulls = self.nulls.get_or_insert_with(|| vec![0; before]);
            nulls.extend(rows.iter().map(|r| from[row_at(r)]));
        } else if let Some(nulls) = &mut self.nulls {
            nulls.resize(before + rows.len(), 0);
        }
        Ok(())
    }

    /// Appends texts by their codes, which are rows of `texts`. The column is one of texts.
    pub(super) fn extend_coded(
        &mut self,
        texts: &Texts,
        codes: impl ExactSizeIterator<Item = u8>,
    ) -> Result<(), ColumnError> {
        let found = ValueType::Text;
        let Values::Texts(to) = &mut self.values else {
            return Err(ColumnError::Type { expected: self.value_type(), found });
        };
        let before = to.ends.len();
        // Sixteen bytes are copied by one instruction, a text's own length by a call.
        let padded: Option<Vec<([u8; 16], usize)>> =
            (0..texts.ends.len()).map(|code| padded(texts.get(code))).collect();
        match padded {
            Some(padded) => {
                let longest = padded.iter().map(|(_, length)| *length).max().unwrap_or(0);
                to.bytes.reserve(codes.len() * longest + 16);
                to.ends.reserve(codes.len());
                for code in codes {
                    let (text, length) = &padded[usize::from(code)];
                    let text_end = to.bytes.len() + length;
                    to.bytes.extend_from_slice(text);
                    to.bytes.truncate(text_end);
                    to.ends.push(text_end as u32);
                }
            }
            None => {
                for code in codes {
                    to.bytes.extend_from_slice(texts.get(usize::from(code)));
                    to.ends.push(to.bytes.len() as u32);
                }
            }
        }
        end(to.bytes.len())?;
        let added = to.ends.len() - before;
        if let Some(nulls) = &mut self.nulls {
            nulls.resize(nulls.len() + added, 0);
        }
        Ok(())
    }

    /// Appends short texts. The column is one of texts.
    pub(super) fn extend_short(&mut self, shorts: impl ExactSizeIterator<Item = u128>) -> Result<(), ColumnError> {
        let found = ValueType::Text;
        let Values::Texts(to) = &mut self.values else {
            return Err(ColumnError::Type { expected: self.value_type(), found });
        };
        if let Some(nulls) = &mut self.nulls {
            nulls.resize(nulls.len() + shorts.len(), 0);
        }
        to.ends.reserve(shorts.len());
        for short in shorts {
            to.push_short(short)?;
        }
        Ok(())
    }

    /// Appends every row of `other`, which has the same type.
    pub fn append(&mut self, other: &Self) -> Result<(), ColumnError> {
        self.extend_range(other, 0..other.len())
    }

    /// The rows of all `parts`, which have this type, in one column.
    pub fn joined(value_type: ValueType, mut parts: Vec<Self>) -> Result<Self, ColumnError> {
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let mut all = Self::with_capacity(value_type, parts.iter().map(Self::len).sum());
        if let Values::Texts(texts) = &mut all.values {
            let bytes = |part: &Self| if let Values::Texts(texts) = &part.values { texts.bytes.len() } else { 0 };
            texts.bytes.reserve(parts.iter().map(bytes).sum());
        }
        parts.iter().try_for_each(|part| all.append(part))?;
        Ok(all)
    }

    /// Appends a range of the rows of `other`, which has the same type.
    pub fn extend_range(&mut self, other: &Self, rows: std::ops::Range<usize>) -> Result<(), ColumnError> {
        let before = self.len();
        match (&mut self.values, &other.values) {
            (Values::Booleans(to), Values::Booleans(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::Int64s(to), Values::Int64s(from)) | (Values::Times(to), Values::Times(from)) => {
                to.extend_from_slice(&from[rows.clone()]);
            }
            (Values::Float64s(to), Values::Float64s(from)) => to.extend_from_slice(&from[rows.clone()]),
            (Values::Texts(to), Values::Texts(from)) => {
                extend_parts(&mut to.ends, &mut to.bytes, &from.ends, &from.bytes, rows.clone())?;
            }
            (Values::Float64Lists(to), Values::Float64Lists(from)) => {
                extend_parts(&mut to.ends, &mut to.values, &from.ends, &from.values, rows.clone())?;
            }
            _ => return Err(ColumnError::Type { expected: self.value_type(), found: other.value_type() }),
        }
        if let Some(from) = &other.nulls {
            self.nulls.get_or_insert_with(|| vec![0; before]).extend_from_slice(&from[rows]);
        } else if let Some(nulls) = &mut self.nulls {
            nulls.resize(before + rows.len(), 0);
        }
        Ok(())
    }

    /// The rows whose indices are `rows`, in that order.
    pub fn take(&self, rows: &[u32]) -> Result<Self, ColumnError> {
        let mut taken = Self::with_capacity(self.value_type(), rows.len());
        taken.extend_from(self, rows)?;
        Ok(taken)
    }
    /// Puts row `i` of `other` into row `rows[i]` of this column, for all. Both hold values of one fixed width, of one type;
    /// gives false, and does nothing, where they do not.
    pub(crate) fn scatter(&mut self, other: &Self, rows: &[u32]) -> bool {
        fn put<T: Copy>(to: &mut [T], from: &[T], rows: &[u32]) {
            rows.iter().zip(from).for_each(|(row, value)| to[*row as usize] = *value);
        }
        match (&mut self.values, &other.values) {
            (Values::Booleans(to), Values::Booleans(from)) => put(to, from, rows),
            (Values::Int64s(to), Values::Int64s(from)) | (Values::Times(to), Values::Times(from)) => {
                put(to, from, rows)
            }
            (Values::Float64s(to), Values::Float64s(from)) => put(to, from, rows),
            _ => return false,
        }
        if let Some(from) = &other.nulls {
            let all = self.len();
            put(self.nulls.get_or_insert_with(|| vec![0; all]), from, rows);
        }
        true
    }
}

/// A text of at most sixteen bytes, and its length.
fn padded(text: &[u8]) -> Option<([u8; 16], usize)> {
    let mut padded = [0; 16];
    padded.get_mut(..text.len())?.copy_from_slice(text);
    Some((padded, text.len()))
}

/// Appends the contents of the rows `rows`, and their ends.
fn extend_parts<T: Copy>(
    to_ends: &mut Vec<u32>,
    to: &mut Vec<T>,
    from_ends: &[u32],
    from: &[T],
    rows: std::ops::Range<usize>,
) -> Result<(), ColumnError> {
    if rows.is_empty() {
        return Ok(());
    }
    let start = if rows.start == 0 { 0 } else { from_ends[rows.start - 1] };
    let contents = &from[start as usize..from_ends[rows.end - 1] as usize];
    end(to.len() + contents.len())?;
    let base = to.len() as u32;
    to.extend_from_slice(contents);
    to_ends.extend(from_ends[rows].iter().map(|end| base + (end - start)));
    Ok(())
}

/// One column of `rows` rows, from its parts and the rows that each holds.
pub(crate) fn in_order<'a>(
    value_type: ValueType,
    row_count: usize,
    parts: impl Iterator<Item = (Column, &'a [u32])>,
) -> Result<Column, ColumnError> {
    if let Some(mut all) = Column::zeros(value_type, row_count) {
        for (part, rows) in parts {
            let is_put = all.scatter(&part, rows);
            debug_assert!(is_put || rows.is_empty(), "parts have the type of their column");
        }
        return Ok(all);
    }
    let (mut joined, mut answer_of, mut answer) = (Column::new(value_type), vec![0_u32; row_count], 0);
    for (part, rows) in parts {
        joined.append(&part)?;
        for row in rows {
            answer_of[*row as usize] = answer;
            answer += 1;
        }
    }
    joined.take(&answer_of)
}
