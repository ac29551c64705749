//! What of times is worth a look: units that are not those of the numbers, events that nobody can see.

use std::path::Path;

use super::FeaturePlan;
use super::summary::{RunSummary, SourceSummary, distinct};
use crate::batch::{Column, Value};
use crate::events::FileCount;
use crate::files::{self, Nulls, Rest, Storage, Wanted};
use crate::log::NewEvent;
use crate::project::{Project, Source};
use crate::schema::ValueType;
use crate::time::{TimeProfile, TimeUnit, format_time, other_readings};

/// Whoever has all events before it has them from a wrong unit, format or default.
const YEAR_1900: i64 = -2_208_988_800_000_000;

/// A column of times that may be numbers of a declared unit.
struct TimeColumn<'a> {
    /// Whose it is, such as `source events`.
    owner: String,
    /// Its names in files: that which the project maps it to, and its own.
    names: Vec<&'a str>,
    unit: Option<TimeUnit>,
    /// What declares the unit.
    setting: &'static str,
}

impl<'a> TimeColumn<'a> {
    /// The event times of a source.
    fn of_events(source: &'a Source) -> Self {
        let unit = source.event_time_unit.filter(|_| source.time_format.is_none());
        let owner = format!("source {}", source.name);
        Self { owner, names: names(source, &source.event_time), unit, setting: "event_time_unit" }
    }

    /// The arrival times of a source.
    fn of_arrivals(source: &'a Source) -> Option<Self> {
        let unit = source.arrival_time_unit.filter(|_| source.time_format.is_none());
        let (owner, names) = (format!("source {}", source.name), names(source, source.arrival_time.as_deref()?));
        Some(Self { owner, names, unit, setting: "arrival_time_unit" })
    }

    /// What is wrong with the unit, if the times of a file, which is shown as `shown`, are of no usual year, and another way of
    /// reading the number gives one.
    fn check_unit(&self, storage: &dyn Storage, path: &Path, shown: &Path, times: &TimeProfile) -> Option<String> {
        let (unit, suspect) = (self.unit?, times.suspect()?);
        let found = |name| Some((name, number_at(storage, path, name, suspect.row)?));
        let (name, number) = self.names.iter().copied().find_map(found)?;
        // What was a text among numbers, or a pushed event whose arrival is that of another column, is left alone.
        let is_read = (0..=1).contains(&suspect.micros.wrapping_sub(unit.to_micros(number)?));
        let others = other_readings(number).into_iter().map(|(how, time)| format!("as {how} it is {time}"));
        let others = others.collect::<Vec<_>>().join(", ");
        if others.is_empty() || !is_read {
            return None;
        }
        let Self { owner, setting, .. } = self;
        let (shown, row, unit, time) = (shown.display(), suspect.row, unit.name(), format_time(suspect.micros));
        Some(format!(
            "{owner}: {name} {number} ({shown}, row {row}) read as {unit} is {time}; {others}: check {setting}"
        ))
    }
}

/// The names that a column of ours may have in a file.
fn names<'a>(source: &'a Source, name: &'a str) -> Vec<&'a str> {
    let mapped = source.columns.iter().filter(|mapped| mapped.name == name).map(|mapped| mapped.column.as_str());
    mapped.chain([name]).collect()
}

/// The whole number in a row (counted from 1) of a column; `None` where it is something else.
fn number_at(storage: &dyn Storage, path: &Path, column: &str, row: u64) -> Option<i64> {
    let read = |value_type: ValueType| -> Option<Value> {
        let wanted = [Wanted::new(column, value_type, Nulls::Allowed)];
        for table in files::open(storage, path, &wanted, Rest::Ignore).ok()? {
            let table = table.ok()?;
            if row <= table.rows_before + table.rows as u64 {
                return table
                    .columns
                    .first()
                    .map(|column: &Column| column.value((row - table.rows_before - 1) as usize));
            }
        }
        None
    };
    match [ValueType::Int64, ValueType::Float64, ValueType::Text].into_iter().find_map(read)? {
        Value::Int64(number) => Some(number),
        Value::Float64(number) => whole(number),
        Value::Text(text) => text.parse().ok().or_else(|| whole(text.parse().ok()?)),
        _ => None,
    }
}

fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e18).then_some(number as i64)
}

/// The column of the as-ofs, where the spine is a file.
pub(super) struct SpineColumn<'a> {
    pub(super) path: &'a Path,
    pub(super) name: &'a str,
    pub(super) unit: Option<TimeUnit>,
}

/// The warnings of a backfill.
pub(super) fn warnings_of_run(
    project: &Project,
    storage: &dyn Storage,
    plan: &FeaturePlan,
    summary: &RunSummary,
    files: &[FileCount],
    spine: Option<(SpineColumn<'_>, &TimeProfile)>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some((SpineColumn { path, name, unit }, as_of)) = spine {
        let column = TimeColumn { owner: "the spine".to_owned(), names: vec![name], unit, setting: "--as-of-unit" };
        warnings.extend(column.check_unit(storage, path, shown(project, path), as_of));
    }
    let last = summary.spine.last_as_of.as_deref().map(|last| format!("the last as-of, {last}"));
    for of in &summary.sources {
        let Some(source) = source_of(plan, &of.source) else { continue };
        warnings.extend(warnings_of_source(project, storage, source, of, files, last.as_deref()));
        if of.rounded > 0 && summary.spine.rounded > 0 {
            warnings.push(format!(
                "source {} and the spine have times finer than the microsecond, {} and {} of them: an event may be seen up to 2 us \
                 late, never early",
                of.source, of.rounded, summary.spine.rounded
            ));
        }
    }
    let is_told = |name: &str| summary.sources.iter().any(|of| of.source == name && all_later(of));
    for view in summary.views.iter().filter(|view| view.hidden * 2 > summary.spine.rows) {
        if !view.sources.iter().all(|of| is_told(&of.source)) {
            warnings.push(hidden(plan, &view.view, view.hidden, summary.spine.rows));
        }
    }
    warnings
}

/// The warnings about a file that is pushed. The unit of arrivals counts where they are the source's own.
pub(crate) fn warnings_of_push(
    project: &Project,
    storage: &dyn Storage,
    source: &Source,
    path: &Path,
    events: &[NewEvent],
) -> Vec<String> {
    let (mut event_times, mut arrivals) = (TimeProfile::default(), TimeProfile::default());
    for (row, event) in (0..).zip(events) {
        event_times.add(&[event.event_time.micros()], None, row);
        event.arrival.iter().for_each(|arrival| arrivals.add(&[*arrival], None, row));
    }
    let shown = shown(project, path);
    let of_events = TimeColumn::of_events(source).check_unit(storage, path, shown, &event_times);
    let of_arrivals =
        TimeColumn::of_arrivals(source).and_then(|column| column.check_unit(storage, path, shown, &arrivals));
    of_events.into_iter().chain(of_arrivals).collect()
}

/// The warnings about the files of one source; `cut` says what its events are later than.
pub(super) fn warnings_of_source(
    project: &Project,
    storage: &dyn Storage,
    source: &Source,
    of: &SourceSummary,
    files: &[FileCount],
    cut: Option<&str>,
) -> Vec<String> {
    let mut warnings = Vec::new();
    let find = |column: &TimeColumn<'_>, times: &dyn Fn(&FileCount) -> &TimeProfile| {
        let check = |file: &FileCount| column.check_unit(storage, &file.path, shown(project, &file.path), times(file));
        distinct(&source.name, files).find_map(check)
    };
    warnings.extend(find(&TimeColumn::of_events(source), &|file| &file.times.event_times));
    warnings.extend(TimeColumn::of_arrivals(source).and_then(|column| find(&column, &|file| &file.times.arrivals)));
    let name = &source.name;
    if let (true, Some(cut)) = (all_later(of), cut) {
        let newest = of.newest_event.as_ref().map_or_else(String::new, |newest| format!("; the newest is of {newest}"));
        let check = source
            .arrival_time
            .as_ref()
            .map_or_else(String::new, |column| format!(": check arrival_time (column {column})"));
        warnings.push(format!("source {name}: every event became available only after {cut}{newest}{check}"));
    }
    let newest = distinct(&source.name, files).filter_map(|file| file.times.event_times.newest).max();
    if let Some(newest) = newest.filter(|newest| *newest < YEAR_1900).map(format_time) {
        let column = &source.event_time;
        warnings.push(format!(
            "source {name}: every event lies before the year 1900, the newest at {newest}: check {column}"
        ));
    }
    warnings
}

/// Whether no question sees any event of a source, whatever its entity.
fn all_later(of: &SourceSummary) -> bool {
    of.all() > 0 && of.later == of.all()
}

/// Most rows ask about entities that have events, and see none.
fn hidden(plan: &FeaturePlan, view: &str, hidden: u64, rows: u64) -> String {
    let sources = plan.views.iter().filter(|planned| planned.program.id() == view).flat_map(|planned| &planned.sources);
    let arrivals = sources.filter_map(|source| {
        let column = source.arrival_time.as_ref()?;
        Some(format!("check arrival_time of source {} (column {column})", source.name))
    });
    let arrivals: Vec<String> = arrivals.collect();
    let check = if arrivals.is_empty() { String::new() } else { format!(": {}", arrivals.join(", ")) };
    format!(
        "view {view}: {hidden} of {rows} rows saw no event although their entity has some, all available only later{check}"
    )
}

fn source_of<'a>(plan: &'a FeaturePlan, name: &str) -> Option<&'a Source> {
    plan.views.iter().flat_map(|view| &view.sources).find(|source| source.name == name)
}

/// A file by its place in the project.
fn shown<'a>(project: &Project, path: &'a Path) -> &'a Path {
    path.strip_prefix(&project.root).unwrap_or(path)
}
