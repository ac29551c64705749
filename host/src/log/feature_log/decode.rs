//! The columns of a batch's body, all or some of them.

use std::sync::Arc;

use super::body::{Form, HEADER_BYTES, REPLAYED};
use super::scan::StoredBatch;
use super::vectors::{ServedColumn, ServedRequest, ServedVectors};
use crate::batch::{Column, Float64Lists, Texts, Values};
use crate::log::served::STATUSES;
use crate::schema::ValueType;
use crate::time::AsOf;

/// What is wrong with a body.
pub(super) type Wrong = String;

/// The vectors of a batch with the columns that are `wanted`; the others have no rows.
pub(super) fn decode(batch: &StoredBatch, wanted: &dyn Fn(ServedColumn<'_>) -> bool) -> Result<ServedVectors, Wrong> {
    let rows = usize::try_from(batch.vectors).map_err(|_| "too many vectors".to_owned())?;
    let mut reader = Reader { bytes: &batch.body };
    let requests = requests(&mut reader, batch)?;
    let plan = &batch.plan;
    let mut columns = |fields: &[super::ServedField], name: fn(&str) -> ServedColumn<'_>| {
        let mut column = |field: &super::ServedField| {
            let stored = reader.column().map_err(|why| format!("{}: {why}", field.name))?;
            if !wanted(name(&field.name)) {
                return Ok(Column::new(field.value_type));
            }
            stored.values(field.value_type, rows).map_err(|why| format!("{}: {why}", field.name))
        };
        fields.iter().map(&mut column).collect::<Result<Vec<Column>, Wrong>>()
    };
    let keys = columns(&plan.keys, |name| ServedColumn::Key(name))?;
    let request = columns(&plan.request, |name| ServedColumn::Request(name))?;
    let values = columns(&plan.features, |name| ServedColumn::Value(name))?;
    let mut statuses = Vec::with_capacity(plan.features.len());
    for field in &plan.features {
        let stored = reader.column()?;
        let is_wanted = wanted(ServedColumn::Status(&field.name));
        statuses.push(if is_wanted { stored.statuses(rows)? } else { Vec::new() });
    }
    let mut offsets = Vec::with_capacity(plan.views.len());
    for (view, _) in &plan.views {
        let stored = reader.column()?;
        let is_wanted = wanted(ServedColumn::Offset(view));
        offsets.push(if is_wanted { stored.fixed(rows, u64::from_le_bytes)? } else { Vec::new() });
    }
    if !reader.bytes.is_empty() {
        return Err(format!("{} bytes follow its last column", reader.bytes.len()));
    }
    let ids = (batch.first_vector..).take(rows).collect();
    let plan = Arc::clone(plan);
    Ok(ServedVectors { batch: batch.number, plan, ids, requests, keys, request, values, statuses, offsets })
}

/// The requests of a batch and which rows are theirs.
fn requests(reader: &mut Reader<'_>, batch: &StoredBatch) -> Result<Vec<ServedRequest>, Wrong> {
    let count = usize::try_from(batch.requests).map_err(|_| "too many requests".to_owned())?;
    let rows = reader.column()?.fixed(count, u32::from_le_bytes)?;
    let as_ofs = reader.column()?.fixed(count, i64::from_le_bytes)?;
    let offsets = reader.column()?.fixed(count, u64::from_le_bytes)?;
    let flags = reader.column()?.fixed(count, |[flags]: [u8; 1]| flags)?;
    let ids = reader.column()?.values(ValueType::Text, count)?;
    if flags.iter().any(|flags| flags & !REPLAYED != 0) {
        return Err("a request has flags that mean nothing".to_owned());
    }
    let mut end = 0;
    let mut requests = Vec::with_capacity(count);
    for at in 0..count {
        let start = end;
        end = rows[at] as usize + start;
        let id = ids.text(at).filter(|_| !ids.is_null(at)).map(|id| Arc::from(String::from_utf8_lossy(id)));
        requests.push(ServedRequest {
            rows: start..end,
            as_of: AsOf::from_micros(as_ofs[at]),
            offset: offsets[at],
            replayed: flags[at] & REPLAYED != 0,
            request_id: id,
        });
    }
    if end as u64 == batch.vectors { Ok(requests) } else { Err(format!("its requests have {end} vectors")) }
}

/// What is left of a body.
struct Reader<'a> {
    bytes: &'a [u8],
}

/// A column, not decoded yet.
struct StoredColumn<'a> {
    form: Form,
    contents: &'a [u8],
}

impl<'a> Reader<'a> {
    fn column(&mut self) -> Result<StoredColumn<'a>, Wrong> {
        let Some((header, rest)) = self.bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err("it ends within a column".to_owned());
        };
        let form = match header[0] {
            0 => Form::Each,
            1 => Form::Same,
            2 => Form::Nulls,
            3 => Form::AllNull,
            other => return Err(format!("a column has the form {other}")),
        };
        let length = u32::from_le_bytes([header[1], header[2], header[3], header[4]]) as usize;
        let contents = rest.get(..length).ok_or_else(|| "it ends within a column".to_owned())?;
        self.bytes = &rest[length..];
        Ok(StoredColumn { form, contents })
    }
}

impl StoredColumn<'_> {
    /// Values of one width, none of which is null.
    fn fixed<T: Clone, const WIDTH: usize>(&self, rows: usize, of: fn([u8; WIDTH]) -> T) -> Result<Vec<T>, Wrong> {
        let (values, rest) = self.contents.as_chunks::<WIDTH>();
        match (self.form, values) {
            (Form::Each, values) if values.len() == rows && rest.is_empty() => {
                Ok(values.iter().map(|value| of(*value)).collect())
            }
            (Form::Same, [value]) if rest.is_empty() => Ok(vec![of(*value); rows]),
            _ => Err(format!("{} bytes are not {rows} values", self.contents.len())),
        }
    }

    fn statuses(&self, rows: usize) -> Result<Vec<u8>, Wrong> {
        let codes = self.fixed(rows, |[code]: [u8; 1]| code)?;
        match codes.iter().find(|code| usize::from(**code) >= STATUSES.len()) {
            Some(code) => Err(format!("{code} is no status")),
            None => Ok(codes),
        }
    }

    /// A column of values, some of which may be null.
    fn values(&self, value_type: ValueType, rows: usize) -> Result<Column, Wrong> {
        let (nulls, form, contents) = match self.form {
            Form::AllNull if self.contents.is_empty() => return Ok(Column::of_nulls(value_type, rows)),
            Form::AllNull => return Err("nulls have no contents".to_owned()),
            Form::Nulls => {
                let (bits, contents) = self.contents.split_at_checked(rows.div_ceil(8)).ok_or("its nulls are cut")?;
                let nulls = (0..rows).map(|row| bits[row / 8] >> (row % 8) & 1).collect::<Vec<u8>>();
                (Some(nulls), Form::Each, contents)
            }
            form => (None, form, self.contents),
        };
        let stored = StoredColumn { form, contents };
        let values = match value_type {
            ValueType::Bool => {
                let values = stored.fixed(rows, |[value]: [u8; 1]| value)?;
                if values.iter().any(|value| *value > 1) {
                    return Err("a bool is neither 0 nor 1".to_owned());
                }
                Values::Booleans(values)
            }
            ValueType::Int64 => Values::Int64s(stored.fixed(rows, i64::from_le_bytes)?),
            ValueType::Float64 => Values::Float64s(stored.fixed(rows, f64::from_le_bytes)?),
            ValueType::Time => Values::Times(stored.fixed(rows, i64::from_le_bytes)?),
            ValueType::Text => Values::Texts(stored.texts(rows)?),
            ValueType::Float64List => Values::Float64Lists(stored.lists(rows)?),
        };
        Ok(Column::from_parts(values, nulls))
    }

    fn texts(&self, rows: usize) -> Result<Texts, Wrong> {
        let (ends, bytes) = self.spans(rows, 1)?;
        let text = std::str::from_utf8(&bytes).map_err(|_| "a text is not UTF-8")?;
        if !ends.iter().all(|end| text.is_char_boundary(*end as usize)) {
            return Err("a text is not UTF-8".to_owned());
        }
        Ok(Texts { ends, bytes })
    }

    fn lists(&self, rows: usize) -> Result<Float64Lists, Wrong> {
        let (ends, bytes) = self.spans(rows, 8)?;
        let (values, _) = bytes.as_chunks::<8>();
        Ok(Float64Lists { ends, values: values.iter().map(|value| f64::from_le_bytes(*value)).collect() })
    }

    /// Where the texts or lists end, counted in their units of `width` bytes, and the bytes of all.
    fn spans(&self, rows: usize, width: usize) -> Result<(Vec<u32>, Vec<u8>), Wrong> {
        let wrong = || "its ends are not those of its contents".to_owned();
        if self.form == Form::Same {
            let length = self.contents.len() / width;
            let total = length.checked_mul(rows).and_then(|total| u32::try_from(total).ok());
            if total.is_none() || !self.contents.len().is_multiple_of(width) {
                return Err(wrong());
            }
            let ends = (1..=rows).map(|row| (row * length) as u32).collect();
            return Ok((ends, self.contents.repeat(rows)));
        }
        let (ends, contents) = self.contents.split_at_checked(4 * rows).ok_or_else(wrong)?;
        let ends: Vec<u32> = ends.as_chunks::<4>().0.iter().map(|end| u32::from_le_bytes(*end)).collect();
        let is_growing = ends.is_sorted() && ends.last().map_or(0, |last| *last as usize * width) == contents.len();
        if is_growing { Ok((ends, contents.to_vec())) } else { Err(wrong()) }
    }
}
