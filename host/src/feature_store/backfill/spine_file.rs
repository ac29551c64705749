//! A spine in a file: which of its columns are what, and how its rows are read, whole or table by table.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_empty_array};
use arrow::compute::concat;
use arrow::datatypes::{DataType, FieldRef, SchemaRef};

use super::{AS_OF, field, wrong};
use crate::Error;
use crate::batch::{Column, Values};
use crate::feature_store::summary::SpineSeen;
use crate::feature_store::{FeaturePlan, Spine};
use crate::files::{self, InputError, Nulls, Rest, Storage, Table, TableReader, Wanted};
use crate::threads;
use crate::time::{AsOf, TimeForm, TimeUnit};

/// A file of entity keys, as-of, request fields, and columns that pass through.
pub(super) struct SpineFile {
    pub(super) storage: Arc<dyn Storage>,
    pub(super) path: PathBuf,
    pub(super) as_of_name: String,
    /// All its columns, in its order.
    names: Vec<String>,
    /// Keys, as-of, request fields.
    wanted: Vec<Wanted>,
    /// What becomes of the other columns.
    rest: Rest,
    keys: usize,
    /// The wanted columns of whole numbers that a view reads as float64.
    exact: Vec<usize>,
}

/// All rows of a spine, in memory.
pub(super) struct SpineRows {
    pub(super) spine: Spine,
    pub(super) asked: SpineSeen,
    pub(super) leading: LeadingColumns,
    /// The columns that pass through.
    pub(super) rest: Vec<ArrayRef>,
}

/// The columns that lead the output, and where each comes from.
pub(super) type LeadingColumns = Vec<(FieldRef, Leading)>;

/// Where a column that leads the output comes from.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leading {
    /// A key column of the spine.
    Key(usize),
    /// The as-of.
    AsOf,
    /// A request field of the spine.
    Request(usize),
    /// A column that passes through.
    Rest(usize),
}

impl SpineFile {
    /// Finds the columns that the plan needs. Nothing but the header is read. Other columns pass through to `out`, in a file of
    /// the same format as they were written.
    pub(super) fn new(
        storage: Arc<dyn Storage>,
        plan: &FeaturePlan,
        path: &Path,
        out: &Path,
        as_of_column: Option<&str>,
        as_of_unit: Option<TimeUnit>,
    ) -> Result<Self, Error> {
        let names = files::column_names(&storage, path)?;
        let as_of_name = match as_of_column {
            Some(name) => name.to_owned(),
            None => as_of_of(path, &names)?,
        };
        let rest = if files::Format::of(path) == files::Format::of(out) { Rest::AsWritten } else { Rest::Keep };
        let (keys, fields) = (plan.keys(), plan.request_fields());
        let mut wanted: Vec<Wanted> =
            keys.iter().map(|key| Wanted::new(&key.name, key.key_type.value_type(), Nulls::Refused)).collect();
        let form = TimeForm { unit: as_of_unit, ..TimeForm::default() };
        wanted.push(Wanted::time(&as_of_name, Nulls::Refused, form));
        for field in fields {
            let nulls = if field.nullable { Nulls::Allowed } else { Nulls::Refused };
            wanted.push(Wanted::new(&field.name, field.value_type, nulls));
        }
        let is_exact = |name: &str| plan.request.exact.iter().any(|exact| exact == name);
        let first = keys.len() + 1;
        let exact = (first..wanted.len()).filter(|at| is_exact(&wanted[*at].name)).collect();
        Ok(Self { storage, path: path.to_owned(), as_of_name, names, wanted, rest, keys: keys.len(), exact })
    }

    /// Its rows, table by table; without the columns that pass through.
    pub(super) fn open_questions(&self) -> Result<TableReader, Error> {
        Ok(files::open(&self.storage, &self.path, &self.wanted, Rest::Ignore)?)
    }

    /// Its rows, table by table.
    pub(super) fn open(&self) -> Result<TableReader, Error> {
        Ok(files::open(&self.storage, &self.path, &self.wanted, self.rest)?)
    }

    /// The columns that lead the output, in the order of the file, given those that pass through.
    pub(super) fn leading(&self, rest: Option<&SchemaRef>) -> LeadingColumns {
        let mut leading = Vec::new();
        for name in &self.names {
            if let Some(at) = self.wanted.iter().position(|wanted| wanted.name == *name) {
                let place = match at.checked_sub(self.keys) {
                    None => Leading::Key(at),
                    Some(0) => Leading::AsOf,
                    Some(at) => Leading::Request(at - 1),
                };
                leading.push((field(name, self.wanted[at].value_type), place));
            } else if let Some(rest) = rest
                && let Ok(at) = rest.index_of(name)
            {
                leading.push((Arc::clone(&rest.fields()[at]), Leading::Rest(at)));
            }
        }
        leading
    }

    /// The wanted columns of some rows, by name.
    pub(super) fn spine(&self, mut columns: Vec<Column>) -> Spine {
        let request_fields = columns.split_off(self.keys + 1);
        let as_of = columns.pop().map(Column::into_values);
        let names = |from: usize| self.wanted[from..].iter().map(|wanted| wanted.name.clone());
        Spine {
            keys: names(0).zip(columns).collect(),
            as_of: match as_of {
                Some(Values::Times(times)) => times.into_iter().map(AsOf::from_micros).collect(),
                _ => Vec::new(),
            },
            request_fields: names(self.keys + 1).zip(request_fields).collect(),
        }
    }

    /// Refuses a whole number that a view reads as float64 and that has no exact one.
    fn checked(&self, table: Table) -> Result<Table, Error> {
        for at in &self.exact {
            let Values::Int64s(values) = table.columns[*at].values() else { continue };
            for (row, value) in (table.rows_before + 1..).zip(values) {
                files::exact_float64(*value).map_err(|fault| {
                    InputError::new(&self.path, fault).at_row(row).in_column(&self.wanted[*at].name)
                })?;
            }
        }
        Ok(table)
    }

    /// All rows. The parts of the file are read by several threads.
    pub(super) fn read(&self, threads: usize) -> Result<SpineRows, Error> {
        let input = files::Input::open(&self.storage, &self.path)?;
        let tables = |reader: TableReader| {
            let schema = reader.rest_schema().cloned();
            let tables = reader.map(|table| self.checked(table?)).collect::<Result<Vec<Table>, Error>>()?;
            Ok::<_, Error>((schema, tables))
        };
        let parts = match input.parts().len() {
            0 => vec![tables(self.open()?)?],
            parts => threads::map(threads, parts, |part| tables(input.tables(part, &self.wanted, self.rest)?))?,
        };
        let schema = parts[0].0.clone();
        let mut typed: Vec<Vec<Column>> = self.wanted.iter().map(|_| Vec::new()).collect();
        let mut rest: Vec<Vec<ArrayRef>> =
            schema.iter().flat_map(|schema| schema.fields()).map(|_| Vec::new()).collect();
        let mut asked = SpineSeen::default();
        for table in parts.into_iter().flat_map(|(_, tables)| tables) {
            if let Values::Times(times) = table.columns[self.keys].values() {
                asked.as_of.add(times, None, table.rows_before);
            }
            asked.rounded += table.rounded;
            typed.iter_mut().zip(table.columns).for_each(|(parts, part)| parts.push(part));
            let others = table.rest.as_ref().map_or(&[][..], |rest| rest.columns());
            rest.iter_mut().zip(others).for_each(|(parts, part)| parts.push(Arc::clone(part)));
        }
        let typed = self.wanted.iter().zip(typed).collect();
        let typed = threads::map_each(threads, typed, |(wanted, parts)| Column::joined(wanted.value_type, parts))?;
        let rest = threads::map(threads, rest.len(), |at| match &rest[at][..] {
            [] => Ok(new_empty_array(schema.as_ref().map_or(&DataType::Null, |schema| schema.field(at).data_type()))),
            parts => concat(&parts.iter().map(|part| &**part).collect::<Vec<_>>()),
        });
        let rest = rest.map_err(|error| wrong(error.to_string()))?;
        debug_assert!(rest.iter().all(|array| array.len() == typed[self.keys].len()));
        Ok(SpineRows { spine: self.spine(typed), asked, leading: self.leading(schema.as_ref()), rest })
    }
}

/// The column of the cut-off, where nobody names it.
fn as_of_of(path: &Path, names: &[String]) -> Result<String, Error> {
    let has = |known: &&str| names.iter().any(|name| name == known);
    let known: Vec<&str> = [AS_OF, "event_timestamp"].into_iter().filter(has).collect();
    match known[..] {
        [name] => Ok(name.to_owned()),
        [] => Err(wrong(format!(
            "{} has neither as_of nor event_timestamp: name the column of the cut-off with --as-of-column; it has: {}",
            path.display(),
            names.join(", ")
        ))),
        _ => Err(wrong(format!(
            "{} has both as_of and event_timestamp: name the one that is the cut-off with --as-of-column",
            path.display()
        ))),
    }
}

/// The columns that lead the output, of the rows of `spine`.
pub(super) fn leading_arrays(
    mut spine: Spine,
    leading: &[(FieldRef, Leading)],
    rest: &[ArrayRef],
) -> Result<Vec<ArrayRef>, Error> {
    let take = |columns: &mut [(String, Column)], at: usize| {
        let column = &mut columns[at].1;
        let value_type = column.value_type();
        std::mem::replace(column, Column::new(value_type))
    };
    let arrays = leading.iter().map(|(_, leading)| match leading {
        Leading::Key(at) => super::array(take(&mut spine.keys, *at)),
        Leading::Request(at) => super::array(take(&mut spine.request_fields, *at)),
        Leading::AsOf => {
            let times = std::mem::take(&mut spine.as_of).into_iter().map(|as_of| as_of.micros()).collect();
            super::array(Column::from_parts(Values::Times(times), None))
        }
        Leading::Rest(at) => Ok(Arc::clone(&rest[*at])),
    });
    arrays.collect()
}
