//! What a run saw, in a few lines: what is zero goes without saying.

use super::output::{count, thousands};
use crate::feature_store::{RunSummary, SourceSummary, ViewSummary};

/// The lines about a backfill.
pub(super) fn lines(summary: &RunSummary) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for of in &summary.sources {
        let mut parts = counts(of, "the last as-of");
        if let Some(unseen) = unseen_by_all(summary, &of.source).filter(|unseen| *unseen > 0) {
            parts.insert(0, format!("{} seen by no row", thousands(unseen)));
        }
        let ids = [(of.repeated, "repeated"), (of.conflicting, "conflicting")];
        let ids = ids.into_iter().filter(|(number, _)| *number > 0);
        parts.extend(ids.map(|(number, what)| format!("{} {what}", thousands(number))));
        lines.push(line(&format!("source {}", of.source), &events(of), &parts));
        lines.extend(of.first_conflicts.iter().map(|conflict| format!("  {conflict}")));
    }
    if summary.spine.rounded > 0 {
        let rounded = count(summary.spine.rounded, "as-of", "as-ofs");
        lines.push(format!("spine: {rounded} with digits beyond the microsecond, rounded down"));
    }
    lines.extend(summary.views.iter().filter_map(|view| view_line(summary, view)));
    lines.extend(summary.views.iter().filter_map(not_servable));
    let nulls = summary.nulls.iter().filter(|nulls| nulls.nulls > 0);
    let nulls: Vec<String> = nulls.map(|nulls| format!("{} {}", nulls.feature, thousands(nulls.nulls))).collect();
    if !nulls.is_empty() {
        lines.push(format!("nulls: {}", nulls.join(", ")));
    }
    lines
}

/// The line about a source, without the events that no row sees and those that do not count; `cut` is what its events may be later than.
pub(super) fn source_line(of: &SourceSummary, cut: &str) -> String {
    line(&format!("source {}", of.source), &events(of), &counts(of, cut))
}

fn line(what: &str, main: &str, parts: &[String]) -> String {
    match parts.is_empty() {
        true => format!("{what}: {main}"),
        false => format!("{what}: {main}; {}", parts.join(", ")),
    }
}

fn events(of: &SourceSummary) -> String {
    let events = count(of.events, "event", "events");
    match of.pushed {
        0 => events,
        pushed => format!("{events} of files, {} of the log", thousands(pushed)),
    }
}

fn counts(of: &SourceSummary, cut: &str) -> Vec<String> {
    let times = |number| count(number, "time", "times");
    let parts = [
        (of.later, format!("{} later than {cut}", thousands(of.later))),
        (of.rounded, format!("{} with digits beyond the microsecond, rounded up", times(of.rounded))),
    ];
    parts.into_iter().filter(|(number, _)| *number > 0).map(|(_, text)| text).collect()
}

/// The events of a source that no row sees, where all its views leave out as many.
fn unseen_by_all(summary: &RunSummary, source: &str) -> Option<u64> {
    let sources = summary.views.iter().flat_map(|view| &view.sources);
    let mut unseen = sources.filter(|of| of.source == source).map(|of| of.unseen);
    let first = unseen.next()?;
    unseen.all(|other| other == first).then_some(first)
}

fn view_line(summary: &RunSummary, view: &ViewSummary) -> Option<String> {
    let mut parts = Vec::new();
    if view.not_found > 0 {
        let mut part = format!("{} of {} saw no event", thousands(view.not_found), rows(summary.spine.rows));
        if view.hidden > 0 {
            part += &format!(" ({} of an entity that has later ones)", thousands(view.hidden));
        }
        parts.push(part);
    }
    if view.outside_max_age > 0 {
        parts.push(format!("{} outside its ttl", rows(view.outside_max_age)));
    }
    for of in view.sources.iter().filter(|of| of.unseen > 0 && unseen_by_all(summary, &of.source).is_none()) {
        parts.push(format!("{} of {} seen by no row", count(of.unseen, "event", "events"), of.source));
    }
    (!parts.is_empty()).then(|| format!("{}: {}", view.view, parts.join(", ")))
}

/// The entities of a view that could not be served.
fn not_servable(view: &ViewSummary) -> Option<String> {
    let first: Vec<String> = view.first_not_servable.iter().map(ToString::to_string).collect();
    let more = view.not_servable.checked_sub(first.len() as u64).filter(|more| *more > 0);
    (view.not_servable > 0).then(|| {
        format!(
            "{}: {} not servable, for the state is over the limit (`state_bytes_max` under [limits]): {}{}",
            view.view,
            count(view.not_servable, "entity is", "entities are"),
            first.join(", "),
            more.map_or_else(String::new, |more| format!(" and {} more", thousands(more))),
        )
    })
}

fn rows(number: u64) -> String {
    count(number, "row", "rows")
}
