//! A push: from a body to the events of the log.

use std::sync::Arc;
use std::time::Duration;

use super::HttpLimits;
use super::observe::current_client;
use super::refusal::{Cause, Limit, Refusal};
use super::routes::App;
use super::shares::{Kind, Party};
use crate::ErrorKind;
use crate::events::{JsonEvents, PushedEvents, PushedFieldError};
use crate::files::Fields;
use crate::{Applied, ServerError};

/// How a body holds its events; decides how a message names a place.
enum Layout {
    /// A list of values per field.
    Columns(&'static str),
    /// An object per event.
    Rows(&'static str),
    /// An object per line, and the number of each from 1.
    Lines(Vec<usize>),
}

/// The events of a body.
pub(super) struct Pushed<'a> {
    layout: Layout,
    events: JsonEvents<'a>,
}

/// Reads events on a thread of its own, and takes them. Returns once they are durable and applied; a push that was begun is
/// always finished, also when nobody waits for it any more.
pub(super) async fn push(
    app: &Arc<App>,
    read: impl FnOnce(&App) -> Result<(String, PushedEvents), Refusal> + Send + 'static,
) -> Result<Applied, Refusal> {
    let milliseconds = app.limits.request_ms_max;
    let turn = app.pushes.turn([Party::Client(current_client(), Kind::Push)]);
    let Ok(thread) = tokio::time::timeout(Duration::from_millis(milliseconds), turn).await else {
        let message = format!(
            "the push was not begun within {milliseconds} milliseconds (--request-ms-max): as many are being written as may be \
             (--pushes-max); nothing of it was taken, try again"
        );
        return Err(Refusal::new(Cause::Full(Limit::Pushes), message));
    };
    let pushing = Arc::clone(app);
    let pushed = tokio::task::spawn_blocking(move || {
        // Taken until the push has ended, also when nobody waits for it any more.
        let _taken = thread;
        let (source, events) = read(&pushing)?;
        let applied = pushing.server.push(&source, events)?;
        pushing.metrics.events.inc_by(applied.appended);
        pushing.metrics.duplicates.inc_by(applied.duplicates);
        Ok(applied)
    });
    // The push itself has a deadline; this one is for reading it.
    let milliseconds = app.server.push_ms_max().saturating_add(app.limits.request_ms_max);
    match tokio::time::timeout(Duration::from_millis(milliseconds), pushed).await {
        Ok(pushed) => pushed.map_err(|error| {
            Refusal::new(Cause::Of(ErrorKind::Failed), format!("the push was not finished: {error}"))
        })?,
        Err(_) => Err(Refusal::new(
            Cause::Timeout,
            format!(
                "the push was not on disk within {milliseconds} milliseconds and may yet be taken: push it again, which is \
                 safe where its events have ids"
            ),
        )),
    }
}

impl<'a> Pushed<'a> {
    /// Events as a list of values per field.
    pub(super) fn from_columns(fields: &Fields<'a>, path: &'static str, limits: &HttpLimits) -> Result<Self, Refusal> {
        if fields.0.is_empty() {
            return Err(Refusal::field(&[path], "is empty: give each field a list of values, one per event"));
        }
        let layout = Layout::Columns(path);
        let events = JsonEvents::from_lists(fields).map_err(|error| layout.refused(&error))?;
        refuse_too_many(events.rows(), path, limits)?;
        Ok(Self { layout, events })
    }

    /// Events as objects. A field that an event does not have is null there.
    pub(super) fn from_rows(rows: Vec<Fields<'a>>, path: &'static str, limits: &HttpLimits) -> Result<Self, Refusal> {
        refuse_too_many(rows.len(), path, limits)?;
        Ok(Self { layout: Layout::Rows(path), events: JsonEvents::from_objects(rows) })
    }

    /// Events as one object a line, on the lines of these numbers.
    pub(super) fn from_lines(rows: Vec<Fields<'a>>, lines: Vec<usize>, limits: &HttpLimits) -> Result<Self, Refusal> {
        refuse_too_many(rows.len(), "events", limits)?;
        let events = JsonEvents::from_objects(rows).numbered(lines.iter().map(|line| *line as u64).collect());
        Ok(Self { layout: Layout::Lines(lines), events })
    }

    /// The events as the schema of `source` has them.
    pub(super) fn checked(self, app: &App, source: &str) -> Result<PushedEvents, Refusal> {
        app.server.checked(source, self.events).map_err(|error| match error {
            ServerError::Field(error) => self.layout.refused(&error),
            error => error.into(),
        })
    }
}

impl Layout {
    /// The refusal of a field of the events.
    fn refused(&self, PushedFieldError { field, row, message }: &PushedFieldError) -> Refusal {
        match (self, row) {
            (Self::Columns(path), None) => Refusal::field(&[path, field], message),
            (Self::Columns(path), Some(row)) => Refusal::cell(&[path, field], *row, message),
            (Self::Rows(path), row) => Refusal::row(path, row.unwrap_or(0), field, message),
            (Self::Lines(lines), row) => Refusal::line(lines[row.unwrap_or(0)], field, message),
        }
    }
}

fn refuse_too_many(rows: usize, path: &str, limits: &HttpLimits) -> Result<(), Refusal> {
    if rows <= limits.events_max {
        return Ok(());
    }
    let message = format!("{rows} events are over the limit of {}: push them in parts", limits.events_max);
    Err(Refusal { cause: Cause::Of(ErrorKind::TooManyRows), ..Refusal::field(&[path], message) })
}
