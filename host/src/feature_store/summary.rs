//! What a run saw: how many events, how many of them no question sees, and how many questions see none. The same whatever
//! threads, partitions or memory it had.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::materialize::{REFUSED_SHOWN, RefusedEntity};
use super::skips::skipped;
use super::warnings::{SpineColumn, warnings_of_run};
use super::{FeaturePlan, PlannedView};
use crate::Error;
use crate::evaluate::Status;
use crate::events::{FileCount, FirstCopy, Pushed};
use crate::files::Storage;
use crate::project::Project;
use crate::replay::Proved;
use crate::time::{AsOf, TimeProfile, format_time};

/// What a backfill saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RunSummary {
    /// The questions.
    pub spine: SpineSummary,
    /// The sources, in the order in which the views name them.
    pub sources: Vec<SourceSummary>,
    /// The views that read sources.
    pub views: Vec<ViewSummary>,
    /// Per feature of the output, its nulls.
    pub nulls: Vec<FeatureNulls>,
    /// What is worth a look.
    pub warnings: Vec<String>,
}

/// The questions of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SpineSummary {
    /// How many.
    pub rows: u64,
    /// As-ofs with digits beyond the microsecond, which were rounded down.
    pub rounded: u64,
    /// The first as-of, in ISO 8601.
    pub first_as_of: Option<String>,
    /// The last one.
    pub last_as_of: Option<String>,
}

/// The events of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SourceSummary {
    /// The source.
    pub source: String,
    /// Events of its files.
    pub events: u64,
    /// Events of the log.
    pub pushed: u64,
    /// Of both, those that were available only after the last as-of, or after the cut of `materialize`.
    pub later: u64,
    /// Event and arrival times with digits beyond the microsecond, which were rounded up.
    pub rounded: u64,
    /// Events of files that were left out because another event of their entity has their id and content.
    pub repeated: u64,
    /// Events of files that were left out because another event of their entity, of other content, has their id.
    pub conflicting: u64,
    /// The first of these, in words.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_conflicts: Vec<String>,
    /// The oldest event of its files, in ISO 8601.
    pub oldest_event: Option<String>,
    /// The newest one.
    pub newest_event: Option<String>,
}

/// The rows of one view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ViewSummary {
    /// The view.
    pub view: String,
    /// Rows that see no event of their entity.
    pub not_found: u64,
    /// Those of them whose entity has events, which were all available only later.
    pub hidden: u64,
    /// Rows whose newest event is older than the view's time to live.
    pub outside_max_age: u64,
    /// Entities that could not be served: their states are over the limit of one state.
    #[serde(skip_serializing_if = "is_zero")]
    pub not_servable: u64,
    /// The first of them, by their keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub first_not_servable: Vec<RefusedEntity>,
    /// Its sources.
    pub sources: Vec<UnseenEvents>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the derived code gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The events of a source that no row of a view sees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UnseenEvents {
    /// The source.
    pub source: String,
    /// How many: their entity is not in the spine, or they were available only after its last as-of.
    pub unseen: u64,
}

/// The nulls of one feature.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FeatureNulls {
    /// The column of the output.
    pub feature: String,
    /// How many.
    pub nulls: u64,
}

/// What the rows of one view saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ViewSeen {
    pub(super) not_found: u64,
    pub(super) hidden: u64,
    pub(super) outside_max_age: u64,
    /// Per source of the view, the events that some row sees.
    pub(super) visible: Vec<u64>,
    /// Which of the answers were proved.
    pub(super) proved: Proved,
    /// Entities that could not be served.
    pub(super) not_servable: NotServable,
}

/// Entities whose states are too large for serving.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct NotServable {
    pub(super) entities: u64,
    /// The first of them, by their keys.
    pub(super) first: Vec<RefusedEntity>,
}

impl NotServable {
    /// Notes one more. In which order they come is for memory and threads to say.
    pub(super) fn note(&mut self, entity: String, bytes: u64) {
        self.entities += 1;
        self.show(RefusedEntity { entity, bytes });
    }

    fn show(&mut self, refused: RefusedEntity) {
        let at = self.first.partition_point(|before| before.entity < refused.entity);
        self.first.insert(at, refused);
        self.first.truncate(REFUSED_SHOWN);
    }
}

impl ViewSeen {
    /// Counts the rows with these statuses and entities; `has_events` says which entities have events.
    pub(super) fn new(statuses: &[Status], entities: &[u32], has_events: &[bool], visible: Vec<u64>) -> Self {
        let mut seen = Self { visible, ..Self::default() };
        for (status, entity) in statuses.iter().zip(entities) {
            match status {
                Status::NotFound => {
                    seen.not_found += 1;
                    seen.hidden += u64::from(has_events.get(*entity as usize).is_some_and(|has| *has));
                }
                Status::OutsideMaxAge => seen.outside_max_age += 1,
                Status::Present | Status::NullValue => {}
            }
        }
        seen
    }

    /// Counts also what other rows of the view saw.
    pub(super) fn add(&mut self, other: &Self) {
        self.not_found += other.not_found;
        self.hidden += other.hidden;
        self.outside_max_age += other.outside_max_age;
        self.proved = self.proved.and(other.proved);
        self.not_servable.entities += other.not_servable.entities;
        other.not_servable.first.iter().for_each(|refused| self.not_servable.show(refused.clone()));
        self.visible.resize(other.visible.len(), 0);
        self.visible.iter_mut().zip(&other.visible).for_each(|(all, count)| *all += count);
    }
}

/// What a spine asked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SpineSeen {
    pub(super) rounded: u64,
    pub(super) as_of: TimeProfile,
}

impl SpineSeen {
    /// That of as-ofs which were made, not read.
    pub(super) fn of(as_of: &[AsOf]) -> Self {
        const AT_A_TIME: usize = 8_192;
        let mut seen = Self::default();
        for (at, part) in as_of.chunks(AT_A_TIME).enumerate() {
            let times: Vec<i64> = part.iter().map(|as_of| as_of.micros()).collect();
            seen.as_of.add(&times, None, (at * AT_A_TIME) as u64);
        }
        seen
    }

    /// The last as-of.
    pub(super) fn last(&self) -> Option<AsOf> {
        self.as_of.newest.map(AsOf::from_micros)
    }
}

/// What a run saw, before it is told.
pub(super) struct Seen<'a> {
    pub(super) asked: &'a SpineSeen,
    /// Per view of the plan.
    pub(super) views: &'a [ViewSeen],
    pub(super) files: &'a [FileCount],
    pub(super) left_out: &'a [LeftOut],
    /// The log.
    pub(super) pushed: Option<Pushed<'a>>,
    /// The sources that other files stand for, whose pushed events do not count.
    pub(super) overridden: &'a [&'a str],
    pub(super) nulls: Vec<FeatureNulls>,
}

impl RunSummary {
    pub(super) fn new(
        project: &Project,
        storage: &dyn Storage,
        plan: &FeaturePlan,
        seen: Seen<'_>,
        spine: Option<SpineColumn<'_>>,
    ) -> Result<Self, Error> {
        let mut sources: Vec<SourceSummary> = Vec::new();
        for source in plan.views.iter().flat_map(|view| &view.sources) {
            if sources.iter().any(|known| known.source == source.name) {
                continue;
            }
            let mut summary = SourceSummary::of_files(project, &source.name, seen.files);
            let pushed = seen.pushed.filter(|_| !seen.overridden.contains(&source.name.as_str()));
            if let Some(Pushed { log, up_to }) = pushed {
                let (pushed, later) =
                    log.count_up_to(&source.name, up_to, seen.asked.last(), &skipped(source, up_to))?;
                summary.pushed = pushed;
                summary.later += later;
            }
            sources.push(summary);
        }
        let views = plan.views.iter().zip(seen.views).filter(|(view, _)| view.program.has_sources());
        let views = views.map(|(view, rows)| ViewSummary {
            view: view.program.id().to_owned(),
            not_found: rows.not_found,
            hidden: rows.hidden,
            outside_max_age: rows.outside_max_age,
            not_servable: rows.not_servable.entities,
            first_not_servable: rows.not_servable.first.clone(),
            sources: view
                .sources
                .iter()
                .zip(&rows.visible)
                .filter_map(|(source, visible)| {
                    let of = sources.iter().find(|of| of.source == source.name)?;
                    Some(unseen(view, of, seen.left_out, *visible))
                })
                .collect(),
        });
        let as_of = &seen.asked.as_of;
        let mut summary = Self {
            spine: SpineSummary {
                rows: as_of.times,
                rounded: seen.asked.rounded,
                first_as_of: as_of.oldest.map(format_time),
                last_as_of: as_of.newest.map(format_time),
            },
            views: views.collect(),
            sources,
            nulls: seen.nulls,
            warnings: Vec::new(),
        };
        summary.warnings =
            warnings_of_run(project, storage, plan, &summary, seen.files, spine.map(|spine| (spine, as_of)));
        Ok(summary)
    }
}

impl SourceSummary {
    /// What is known of the events of a source from its files.
    pub(super) fn of_files(project: &Project, source: &str, files: &[FileCount]) -> Self {
        let mut summary = Self { source: source.to_owned(), ..Self::default() };
        let mut times = TimeProfile::default();
        for file in distinct(source, files) {
            summary.events += file.rows;
            summary.later += file.times.later + file.after_cut;
            summary.rounded += file.times.rounded;
            summary.repeated += file.repeats;
            summary.conflicting += file.conflicts;
            summary.first_conflicts.extend(conflicts_shown(project, file));
            times.merge(&file.times.event_times);
        }
        summary.oldest_event = times.oldest.map(format_time);
        summary.newest_event = times.newest.map(format_time);
        summary
    }

    /// Events of files and log.
    pub(super) fn all(&self) -> u64 {
        self.events + self.pushed
    }
}

/// The files of a source, each once: several views may have read it.
pub(super) fn distinct<'a>(source: &'a str, files: &'a [FileCount]) -> impl Iterator<Item = &'a FileCount> {
    let mut seen = HashSet::new();
    files.iter().filter(move |file| file.source == source && seen.insert(&file.path))
}

/// The conflicts of a file that are shown, with files by their places in the project.
fn conflicts_shown(project: &Project, file: &FileCount) -> Vec<String> {
    let mut file = FileCount { path: project.recorded_path(&file.path), ..file.clone() };
    for conflict in &mut file.first_conflicts {
        if let FirstCopy::Row { path, .. } = &mut conflict.counts {
            *path = project.recorded_path(path);
        }
    }
    file.conflicts_shown().collect()
}

/// Events of the files of a source that do not count for an entity, because of their ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct LeftOut {
    entity: String,
    source: String,
    events: u64,
}

impl LeftOut {
    /// Those of the files that were read for a view.
    pub(super) fn of(view: &PlannedView, files: &[FileCount]) -> Vec<Self> {
        let Some(entity) = &view.entity else { return Vec::new() };
        let left_out = |file: &FileCount| Self {
            entity: entity.name.clone(),
            source: file.source.clone(),
            events: file.repeats + file.conflicts,
        };
        let mut all: Vec<Self> = Vec::new();
        for file in files.iter().map(left_out).filter(|file| file.events > 0) {
            match all.iter_mut().find(|known| known.source == file.source) {
                Some(known) => known.events += file.events,
                None => all.push(file),
            }
        }
        all
    }
}

/// The events of a source that no row of a view sees, though they count.
fn unseen(view: &PlannedView, source: &SourceSummary, left_out: &[LeftOut], visible: u64) -> UnseenEvents {
    let of_entity = |of: &&LeftOut| view.entity.as_ref().is_some_and(|entity| entity.name == of.entity);
    let left_out = left_out.iter().filter(of_entity).find(|of| of.source == source.source);
    let counted = source.all() - left_out.map_or(0, |of| of.events);
    UnseenEvents { source: source.source.clone(), unseen: counted.saturating_sub(visible) }
}
