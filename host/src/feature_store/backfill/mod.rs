//! A backfill: from a spine file, or a rule that makes one, to a training set with its manifest.
//!
//! What fits in memory is read once and answered there. What does not is divided by entity into partitions on disk, each of
//! which is answered as a small backfill by itself; the training set is the same, bit for bit.
//!
//! It decides nothing about values, and knows nothing of answering online: it hands rows to replay and puts the answers in order.

pub(super) mod answering;
mod answers;
pub(super) mod divide;
mod failed;
pub(super) mod journal;
mod located;
pub(super) mod memory;
mod output;
pub(super) mod partitioned;
mod profiling;
mod rule;
mod run;
pub(super) mod slices;
mod spine_file;
pub(super) mod stage;
pub(super) mod workspace;

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::FieldRef;

use self::failed::Failed;
use self::memory::{Needed, Questions};
use self::output::Output;
pub(super) use self::output::manifest_path;
use self::partitioned::Partitioned;
use self::profiling::Profiling;
use self::run::{Run, check_output, feature_names};
use self::spine_file::{SpineFile, SpineRows, leading_arrays};
use super::feeds::feeds;
use super::history::Events;
use super::manifest::{FAILURES_SHOWN, SpineRecord};
use super::summary::{FeatureNulls, LeftOut, Seen, SpineSeen, ViewSeen};
use super::{FeaturePlan, FeatureSelection, FeatureStore, RunSummary, SourceOverride};
use crate::Error;
use crate::batch::Column;
use crate::events::{FileCount, Pushed};
use crate::files::{self, Digests, TableWriter};
use crate::project::distinct_files;
use crate::replay::Proving;
use crate::schema::ValueType;
use crate::threads;
use crate::time::{AsOf, Length, Stopwatch, TimeUnit};

/// Where the questions of a backfill come from.
#[derive(Clone, Debug)]
pub enum SpineSource {
    /// A file with entity keys, as-of, request fields, and columns that pass through.
    File {
        /// The file.
        path: PathBuf,
        /// The column of the as-of; by default `as_of` or `event_timestamp`.
        as_of_column: Option<String>,
        /// The unit of an as-of column of plain integers.
        as_of_unit: Option<TimeUnit>,
    },
    /// Each event of the views' sources, as of when it was available.
    AtEvents,
    /// Every entity seen by then, at regular moments.
    Grid {
        /// The step.
        every: Length,
        /// The first moment.
        from: AsOf,
        /// The last moment, inclusive.
        to: AsOf,
    },
}

/// A backfill to run.
#[derive(Clone, Debug)]
pub struct BackfillRequest {
    /// The features.
    pub selection: FeatureSelection,
    /// The questions.
    pub spine: SpineSource,
    /// The file to write: `.parquet`, `.csv` or `.ndjson`.
    pub out: PathBuf,
    /// Files that stand for sources.
    pub overrides: Vec<SourceOverride>,
    /// Whether feature columns are named `view__feature`.
    pub full_feature_names: bool,
    /// Whether a run that dies may be gone on with: it then keeps what is done in `OUT.partial`.
    pub resume: bool,
}

/// What a backfill did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BackfillReport {
    /// The training set.
    pub out: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// The profile of its features, unless none was wanted.
    pub profile: Option<PathBuf>,
    /// Rows written.
    pub rows: u64,
    /// Feature columns written.
    pub features: usize,
    /// Events that the files of the sources hold.
    pub events: u64,
    /// Rows without an answer: events left out, questions answered with nulls.
    pub failures: u64,
    /// The newest offset of the log, where pushed events were read too.
    pub log_offset: Option<u64>,
    /// What it saw of the events, and what not.
    pub summary: RunSummary,
    /// Which of its answers were proved.
    pub proof: ProofSummary,
    /// SHA-256 of the training set.
    pub sha256: String,
    /// Distinct entities of the spine; where views have several, of the one with the most.
    pub entities: u64,
    /// Into how many partitions spine and events were divided; 1 where all was held in memory.
    pub partitions: u64,
    /// How many of them were cut by time as well, because few entities have most of their rows.
    pub sliced: u64,
    /// Bytes written for a while because memory did not hold them.
    pub spilled_bytes: u64,
    /// Where the time went.
    pub times: BackfillTimes,
}

/// Which answers of a backfill were given again as they are served, and were the same. What is drawn is for chance to say, and how
/// much for time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ProofSummary {
    /// How many, of all views.
    pub answers: u64,
    /// Of so many entities; where there are several views, of the one with the most.
    pub entities: u64,
    /// What the sample was drawn by.
    pub seed: u64,
}

/// Where the time of a backfill went, in seconds.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct BackfillTimes {
    /// Reading the spine.
    pub spine_s: f64,
    /// Reading the events, or dividing spine and events on disk.
    pub read_s: f64,
    /// Gathering and ordering the events by entity; of all threads together.
    pub group_s: f64,
    /// Calling the components; of all threads together.
    pub evaluate_s: f64,
    /// From the first event ordered to the last answer.
    pub replay_s: f64,
    /// Writing the training set, and waiting for the digests of the inputs.
    pub write_s: f64,
    /// Processor time of the replays, of all threads together.
    pub replay_cpu_s: f64,
    /// Processor time of the proof of a sample, of all threads together.
    pub proof_cpu_s: f64,
}

/// The name of the as-of column of feature history.
const AS_OF: &str = "as_of";

/// Partitions of a run that would fit in memory but may be gone on with, as a power of two.
const RESUMABLE_BITS: u32 = 4;

impl FeatureStore {
    /// Writes a training set and, beside it, `OUT.manifest.json`.
    pub fn backfill(&self, request: &BackfillRequest) -> Result<BackfillReport, Error> {
        for given in &request.overrides {
            self.project().source(&given.source)?;
        }
        if files::Format::of(&request.out).is_none() {
            return Err(wrong(format!("{}: the output must end in .parquet, .csv or .ndjson", request.out.display())));
        }
        if let Some(dir) = self.options().spill_dir.as_deref().filter(|dir| !dir.is_dir()) {
            return Err(wrong(format!("--spill-dir {}: there is no such folder", dir.display())));
        }
        let plan = self.plan(&request.selection)?;
        // Whatever is read several times, such as a spine and its digest, is of one state.
        let _pin = self.pin_inputs();
        let names = feature_names(&plan, request.full_feature_names)?;
        let inputs = self.inputs(&plan, request)?;
        self.warn_of_absent_fields(&plan.views, &request.overrides)?;
        check_output(&request.out, &inputs)?;
        let log = self.log_for_reading()?;
        // One offset for the whole run, so that events that are pushed meanwhile are in all of it or in none.
        let pushed = log.as_deref().map(Pushed::all).transpose()?;
        let proving = Proving::new(self.options().proof_seed);
        let run = Run { plan: &plan, request, names, inputs, pushed, proving };
        files::remove_stale(files::directory_of(&request.out));
        match &request.spine {
            SpineSource::File { path, as_of_column, as_of_unit } => {
                let spine = SpineFile::new(
                    Arc::clone(self.storage()),
                    &plan,
                    path,
                    &request.out,
                    as_of_column.as_deref(),
                    *as_of_unit,
                )?;
                match self.partition_bits(&run, &spine)? {
                    None => {
                        let stopwatch = Stopwatch::start();
                        let rows = spine.read(self.options().threads)?;
                        self.in_memory(&run, rows, spine_record(&spine), stopwatch.seconds())
                    }
                    Some(bits) => self.partitioned(run, &spine, bits),
                }
            }
            rule => {
                if request.resume {
                    return Err(wrong("feature history is made in one go: leave --resume out".to_owned()));
                }
                let stopwatch = Stopwatch::start();
                // The events alone must fit, and then with the questions that they make.
                self.check_history_fits(&run, 0, 0)?;
                let (rows, record) = self.spine_from_rule(&plan, rule, &request.overrides, pushed)?;
                let keys = rows.spine.keys.iter().map(|(_, column)| column.memory_bytes()).sum::<usize>();
                self.check_history_fits(&run, rows.spine.rows() as u64, keys as u64)?;
                self.in_memory(&run, rows, record, stopwatch.seconds())
            }
        }
    }

    /// Answers every row in memory.
    fn in_memory(
        &self,
        run: &Run<'_>,
        SpineRows { spine, asked, leading, rest }: SpineRows,
        record: SpineRecord,
        spine_s: f64,
    ) -> Result<BackfillReport, Error> {
        let schema = run.schema(&leading)?;
        // Begun before the long work, so that an output that cannot be written is told at once.
        let writer = TableWriter::create(&run.request.out, &schema, self.options().threads)?;
        let digests = self.digests(run);
        let stopwatch = Stopwatch::start();
        let replayed = self.replay_views(run.plan, &spine, run.events(), asked.last(), Some(&run.proving))?;
        let replay_s = stopwatch.seconds();
        let stopwatch = Stopwatch::start();
        let failures = replayed.views.iter().flat_map(|view| &view.failures);
        let failed = Failed::of(run.plan, &replayed.views);
        let first_failures = failures.take(FAILURES_SHOWN).map(|failure| failure.error.to_string());
        let made = Made {
            files: replayed.files,
            failures: failed.count(),
            first_failures: first_failures.collect(),
            asked,
            seen: replayed.seen,
            left_out: replayed.left_out,
            rows: spine.rows() as u64,
            entities: replayed.entities,
            partitions: 1,
            sliced: 0,
            spilled_bytes: 0,
        };
        let mut profiling = Profiling::new(self, run);
        let columns = run.plan.features.iter().map(|feature| &replayed.views[feature.view].features[feature.feature]);
        profiling.add(&spine, &columns.collect::<Vec<_>>());
        let mut output = Output::new(run, writer, schema, digests);
        let mut arrays = leading_arrays(spine, &leading, &rest)?;
        arrays.extend(output::features(run.plan, replayed.views)?);
        output.write(arrays)?;
        let mut report = output.finish(self, made, record, profiling)?;
        let (group_s, evaluate_s) = self.times.seconds();
        report.times = BackfillTimes {
            spine_s,
            read_s: replayed.read_s,
            group_s,
            evaluate_s,
            replay_s: (replay_s - replayed.read_s).max(0.0),
            write_s: stopwatch.seconds(),
            ..report.times
        };
        Ok(report)
    }

    /// Answers every row partition by partition.
    fn partitioned(&self, mut run: Run<'_>, spine: &SpineFile, bits: u32) -> Result<BackfillReport, Error> {
        let stopwatch = Stopwatch::start();
        let rest = spine.open()?.rest_schema().cloned();
        let leading = spine.leading(rest.as_ref());
        let schema = run.schema(&leading)?;
        let (workspace, mut journal, bits) = self.workspace(&mut run, bits)?;
        let writer = TableWriter::create(&run.request.out, &schema, self.options().threads)?;
        let digests = self.digests(&run);
        let folder = journal.folder().clone();
        let partitioned = Partitioned {
            store: self,
            plan: run.plan,
            spine,
            events: run.events(),
            folder: &folder,
            bits,
            proving: &run.proving,
        };
        let answered = partitioned.run(&mut journal)?;
        let (replay_s, stopwatch) = (stopwatch.seconds(), Stopwatch::start());
        let wanted: Vec<(usize, usize)> = run.plan.features.iter().map(|f| (f.view, f.feature)).collect();
        let mut features = answered.reader(&folder, run.plan, &wanted)?;
        let mut output = Output::new(&run, writer, schema, digests);
        let mut profiling = Profiling::new(self, &run);
        let rows = spine.open()?.map(|table| {
            let table = table?;
            let columns = features.next(table.rows_before, table.rows)?;
            let rest = table.rest.as_ref().map_or(&[][..], |rest| rest.columns());
            let asked = spine.spine(table.columns);
            profiling.add(&asked, &columns.iter().collect::<Vec<_>>());
            let mut arrays = leading_arrays(asked, &leading, rest)?;
            arrays.extend(columns.into_iter().map(array).collect::<Result<Vec<_>, _>>()?);
            Ok::<_, Error>(arrays)
        });
        let ahead = memory::tables_ahead(spine, memory::feature_bytes(&run.plan.views))?;
        threads::ahead(self.options().threads, ahead, rows, |arrays| {
            self.check_stop()?;
            output.write(arrays)
        })?;
        let made = Made {
            files: answered.files,
            failures: answered.failures,
            first_failures: answered.first_failures,
            asked: answered.asked,
            seen: answered.seen,
            left_out: answered.left_out,
            rows: answered.rows,
            entities: answered.entities,
            partitions: 1 << bits,
            sliced: answered.sliced,
            spilled_bytes: answered.spilled_bytes,
        };
        let mut report = output.finish(self, made, spine_record(spine), profiling)?;
        workspace.remove();
        let (group_s, evaluate_s) = self.times.seconds();
        let read_s = answered.prepare_s;
        let replay_s = (replay_s - read_s).max(0.0);
        report.times =
            BackfillTimes { read_s, group_s, evaluate_s, replay_s, write_s: stopwatch.seconds(), ..report.times };
        Ok(report)
    }

    /// The digests of what a run reads, beside the project file.
    fn digests(&self, run: &Run<'_>) -> Digests {
        let kept = self.project().data_dir().join("cache").join("digests.json");
        Digests::begin(Arc::clone(self.storage()), &run.inputs[1..], self.options().threads, Some(&kept))
    }

    /// Into how many partitions to divide, as a power of two; `None` where memory holds all.
    fn partition_bits(&self, run: &Run<'_>, spine: &SpineFile) -> Result<Option<u32>, Error> {
        let needed = self.needed(run, &Questions::Spine(spine))?;
        (self.options().expect_rows)(needed.rows);
        let bits = memory::partition_bits(needed.bytes, self.options().memory_bytes, self.options().threads);
        Ok(if run.request.resume { bits.or(Some(RESUMABLE_BITS)) } else { bits })
    }

    /// What a run takes in memory.
    fn needed(&self, run: &Run<'_>, questions: &Questions<'_>) -> Result<Needed, Error> {
        let mut with_sources = Vec::new();
        for feed in feeds(&run.plan.views) {
            let sources = self.source_inputs(&run.plan.views[feed.views[0]], run.events())?;
            with_sources.push((feed, sources));
        }
        memory::needed(self.storage(), run.plan, questions, &with_sources)
    }

    /// Refuses feature history of so many rows, whose keys take so many bytes, if memory does not hold it.
    fn check_history_fits(&self, run: &Run<'_>, rows: u64, key_bytes: u64) -> Result<(), Error> {
        let needed = self.needed(run, &Questions::Rule { rows, bytes: key_bytes + 8 * rows })?;
        (self.options().expect_rows)(needed.rows);
        let memory = self.options().memory_bytes;
        if memory::fits(needed.bytes, memory, self.options().threads) {
            return Ok(());
        }
        Err(wrong(format!(
            "feature history of these events may take {} MiB, and --memory gives {} MiB: make a --spine file of its entities and \
             moments, which may be of any size, take a longer --every or fewer days, or give more --memory",
            needed.bytes >> 20,
            memory >> 20
        )))
    }

    /// The files that the run reads: project file, spine and sources.
    fn inputs(&self, plan: &FeaturePlan, request: &BackfillRequest) -> Result<Vec<PathBuf>, Error> {
        let mut inputs = vec![self.project().root.join("onepath.toml")];
        if let SpineSource::File { path, .. } = &request.spine {
            inputs.push(path.clone());
        }
        let events = Events::Declared { overrides: &request.overrides, pushed: None };
        for view in &plan.views {
            inputs.extend(self.source_inputs(view, events)?.into_iter().flat_map(|source| source.files));
        }
        Ok(distinct_files(self.storage(), inputs))
    }
}

/// What a run has made, for its manifest and report.
struct Made {
    files: Vec<FileCount>,
    failures: u64,
    first_failures: Vec<String>,
    /// What the spine asked, and per view what its rows saw.
    asked: SpineSeen,
    seen: Vec<ViewSeen>,
    /// Events of files that do not count because of their ids.
    left_out: Vec<LeftOut>,
    rows: u64,
    entities: u64,
    partitions: u64,
    sliced: u64,
    spilled_bytes: u64,
}

fn spine_record(spine: &SpineFile) -> SpineRecord {
    // Rows and digest are filled in when they are known.
    SpineRecord::File {
        path: spine.path.clone(),
        as_of_column: spine.as_of_name.clone(),
        rows: 0,
        sha256: String::new(),
    }
}

fn array(column: Column) -> Result<ArrayRef, Error> {
    files::into_arrow(column).map_err(|error| wrong(error.to_string()))
}

fn field(name: &str, value_type: ValueType) -> FieldRef {
    Arc::new(files::arrow_field(name, value_type, true))
}

fn wrong(message: String) -> Error {
    Error::Request { message }
}
