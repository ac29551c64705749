//! Warnings of fields and event ids that no file has: more likely a mistake in a name than a column of nothing but nulls.

use std::ops::ControlFlow;
use std::sync::PoisonError;

use super::history::Events;
use super::{FeatureStore, PlannedView, SourceOverride};
use crate::Error;
use crate::events::SourceInput;
use crate::files;
use crate::project::closest;

/// The fields of one source that no file of it has.
struct Absent<'a> {
    source: &'a str,
    fields: Vec<&'a str>,
    /// The columns that there are.
    columns: Vec<String>,
}

impl FeatureStore {
    /// Warns, once, of each optional field of `views`, and of each event id, that no file of its source has. Where another source of the view has it,
    /// a warning is given only of what looks misspelt.
    pub(super) fn warn_of_absent_fields(
        &self,
        views: &[PlannedView],
        overrides: &[SourceOverride],
    ) -> Result<(), Error> {
        for view in views {
            let inputs = self.source_inputs(view, Events::Declared { overrides, pushed: None })?;
            let fields = &view.program.description().event_fields;
            let optional: Vec<&str> = fields.iter().filter(|f| f.nullable).map(|f| f.name.as_str()).collect();
            let with_files = inputs.iter().filter(|input| !input.files.is_empty());
            let absent = with_files.map(|input| absent_fields(input, &optional)).collect::<Result<Vec<_>, _>>()?;
            for of_source in &absent {
                for field in &of_source.fields {
                    let is_elsewhere = absent.iter().any(|other| !other.fields.contains(field));
                    self.warn_of_absent(of_source, field, fields.iter().map(|f| f.name.as_str()), is_elsewhere);
                }
            }
        }
        Ok(())
    }

    fn warn_of_absent<'f>(
        &self,
        absent: &Absent<'_>,
        field: &str,
        known: impl Iterator<Item = &'f str> + Clone,
        is_elsewhere: bool,
    ) {
        let Ok(source) = self.project().source(absent.source) else { return };
        let is_free = |column: &&str| {
            let own = source.own_name(column);
            source.role_type(own).is_none() && source.field(own).is_none() && !known.clone().any(|known| known == own)
        };
        let free: Vec<&str> = absent.columns.iter().map(String::as_str).filter(is_free).collect();
        let column = source.incoming(field, |_| false).unwrap_or(field);
        let meant = closest(column, free.iter().copied());
        let is_event_id = source.event_id.as_deref() == Some(field);
        if is_elsewhere && meant.is_none() && !is_event_id {
            return;
        }
        let mut told = self.told_absent.lock().unwrap_or_else(PoisonError::into_inner);
        if !told.insert((absent.source.to_owned(), field.to_owned())) {
            return;
        }
        let help = match meant {
            Some(meant) => format!("; did you mean the column {meant:?}? Map it: columns = {{ {field} = {meant:?} }}"),
            None => String::new(),
        };
        let name = if column == field { String::new() } else { format!(" (column {column:?})") };
        let (what, so) = match is_event_id {
            true => ("event id", "events that come twice are counted twice"),
            false => ("field", "it is null in all of their events"),
        };
        let source = absent.source;
        (self.options().warning)(&format!("no file of source {source} has the {what} {field}{name}, so {so}{help}"));
    }
}

/// Which of `fields` no file of a source has. Files are read only as far as it takes.
fn absent_fields<'a>(input: &SourceInput<'a>, fields: &[&'a str]) -> Result<Absent<'a>, Error> {
    let source = input.source;
    let fields = fields.iter().copied().filter(|field| source.role_type(field).is_none());
    let fields = fields.chain(source.event_id.as_deref());
    let mut absent = Absent { source: &source.name, fields: fields.collect(), columns: Vec::new() };
    for path in &input.files {
        if absent.fields.is_empty() {
            break;
        }
        files::each_column_name(&input.storage, path, &mut |column| {
            absent.fields.retain(|field| source.own_name(column) != *field);
            absent.columns.push(column.to_owned());
            if absent.fields.is_empty() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
    }
    Ok(absent)
}
