//! `onepath backfill`

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;

use super::shown::ShowOutput;
use super::{Context, Format, StaleArgument, output, progress, summary};
use crate::Error;
use crate::events::ReadError;
use crate::feature_store::{
    BackfillReport, BackfillRequest, FeatureSelection, OpenOptions, ProofSummary, SourceOverride, SpineSource,
};
use crate::files::{self, FileSystem};
use crate::project::FeatureReference;
use crate::replay::{OnError, ReplayError};
use crate::time::{AsOf, Length, TimeUnit, parse_time};
use crate::usage;
use crate::wasm::Variant;

/// Make a point-in-time training set, or feature history.
///
/// Each row of the spine gets the features of its entity as of its own cut-off: events that were available by then, no
/// others. Rows and columns keep the spine's order; feature columns follow. Beside the output lies OUT.manifest.json.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath backfill --service churn_v1 --spine labels.parquet --as-of-column label_date --out training.parquet
  onepath backfill --features activity:purchase_count_30d --spine labels.csv --as-of-column label_date --out t.csv
  onepath backfill --service churn_v1 --source events=new.parquet --spine labels.parquet --out training.parquet
  onepath backfill --service churn_v1 --spine labels.parquet --out training.parquet --memory 1GiB --resume
  onepath backfill --service churn_v1 --spine labels.parquet --out training.parquet --on-error null --strict
  onepath backfill --service churn_v1 --at events --out history.parquet
  onepath backfill --service churn_v1 --spine labels.csv --out t.csv --show-output    # what println! and dbg! print
  onepath backfill --service churn_v1 --spine labels.csv --out t.csv --stale      # as it was built, though edited since
  onepath backfill --service churn_v1 --every 1d --from 2024-01-01 --to 2024-01-31 --out daily.parquet")]
pub(super) struct Backfill {
    #[command(flatten)]
    selection: Selection,
    /// The rows to make features for: a .parquet, .csv or .ndjson file.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["at", "every"], conflicts_with_all = ["at", "every"])]
    spine: Option<PathBuf>,
    /// The spine's column of the cut-off [default: as_of, or event_timestamp].
    #[arg(long, value_name = "COLUMN", requires = "spine")]
    as_of_column: Option<String>,
    /// The unit of a cut-off of plain integers.
    #[arg(long, value_name = "UNIT", requires = "spine")]
    as_of_unit: Option<Unit>,
    /// Instead of a spine: feature history at each event of the views' sources.
    #[arg(long, value_name = "WHAT", conflicts_with = "every")]
    at: Option<At>,
    /// Instead of a spine: every entity seen by then, at each step from --from to --to (such as 1d).
    #[arg(long, value_name = "LENGTH", requires_all = ["from", "to"])]
    every: Option<Length>,
    /// The first moment of --every.
    #[arg(long, value_name = "TIME", value_parser = parse_as_of, requires = "every")]
    from: Option<AsOf>,
    /// The last moment of --every, inclusive.
    #[arg(long, value_name = "TIME", value_parser = parse_as_of, requires = "every")]
    to: Option<AsOf>,
    /// The file to write: .parquet, .csv or .ndjson. It appears whole or not at all.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A file that stands for a source, instead of its own files and what was pushed to it. Repeat for more files.
    #[arg(long, value_name = "NAME=FILE", value_parser = parse_source)]
    source: Vec<(String, PathBuf)>,
    /// Name feature columns `view__feature`.
    #[arg(long)]
    full_feature_names: bool,
    /// Threads that evaluate [default: one per core, and one with --show-output]. Never changes the output.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Memory to take, such as 512MiB or 4GiB; what does not fit goes through the disk [default: half of the machine's].
    /// Never changes the output.
    #[arg(long, value_name = "SIZE", value_parser = parse_bytes)]
    memory: Option<u64>,
    /// A folder for what memory does not hold [default: that of the output]. It is left as it was found.
    #[arg(long, value_name = "DIR")]
    spill_dir: Option<PathBuf>,
    #[command(flatten)]
    stale: StaleArgument,
    /// Keep what is done in OUT.partial, and go on with it where an earlier run died. Never changes the output.
    #[arg(long, conflicts_with_all = ["at", "every", "spill_dir"])]
    resume: bool,
    /// Rows of one call of a component. Never changes the output.
    #[arg(long, value_name = "N", default_value_t = crate::batch::REPLAY_ROWS as u32, value_parser = clap::value_parser!(u32).range(1..))]
    batch_rows: u32,
    /// Interpret components instead of running their machine code: many times slower, and the same bits. For proofs.
    #[arg(long)]
    interpret: bool,
    /// Where a transform gives no answer: stop, or leave out the event, answer the question with nulls, and count it.
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_error: OnErrorArgument,
    /// Fail, and write nothing, where entities have states that serving would refuse as too large.
    #[arg(long)]
    strict: bool,
    /// By what the sample of answers is drawn that is proved as it is served [default: chance]. Never changes the output.
    #[arg(long, value_name = "N")]
    proof_seed: Option<u64>,
    /// Write no profile of the features: OUT.profile.json, which `onepath monitor drift` compares with.
    #[arg(long)]
    no_profile: bool,
    #[command(flatten)]
    shown: ShowOutput,
    /// Print the first rows of the output.
    #[arg(long, value_name = "ROWS", default_value_t = 0)]
    head: usize,
}

/// Which features.
#[derive(Args)]
#[group(required = true, multiple = false)]
pub(super) struct Selection {
    /// All features of a service.
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// Features by reference: view:feature or view@v2:feature, with commas between.
    #[arg(long, value_name = "REFERENCES", value_delimiter = ',')]
    features: Vec<FeatureReference>,
}

impl Selection {
    pub(super) fn resolve(&self) -> FeatureSelection {
        match &self.service {
            Some(service) => FeatureSelection::Service(service.clone()),
            None => FeatureSelection::References(self.features.clone()),
        }
    }
}

/// What happens where a transform gives no answer.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(super) enum OnErrorArgument {
    Stop,
    Null,
}

impl From<OnErrorArgument> for OnError {
    fn from(given: OnErrorArgument) -> Self {
        match given {
            OnErrorArgument::Stop => Self::Stop,
            OnErrorArgument::Null => Self::Null,
        }
    }
}

/// What feature history is at.
#[derive(Clone, Copy, clap::ValueEnum)]
enum At {
    /// Each event of the views' sources, as of when it was available.
    Events,
}

/// The unit of integer timestamps.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Unit {
    S,
    Ms,
    Us,
    Ns,
}

pub(super) fn run(context: &Context, command: &Backfill) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let mut options = OpenOptions { batch_rows: command.batch_rows as usize, ..OpenOptions::default() };
    options.on_error = command.on_error.into();
    (options.strict, options.proof_seed) = (command.strict, command.proof_seed);
    options.profiles = !command.no_profile;
    if command.interpret {
        options.variant = Variant::Interpreted;
    }
    match command.threads {
        Some(threads) => options.threads = usize::from(threads),
        // In one order, the same each time.
        None if command.shown.show_output => options.threads = 1,
        None => {}
    }
    if let Some(memory_bytes) = command.memory {
        options.memory_bytes = memory_bytes;
    }
    options.spill_dir.clone_from(&command.spill_dir);
    options.stale = command.stale.of();
    let (mut options, bar) = progress::shown(options, "backfill");
    options.show_output = command.shown.sink(&bar);
    progress::stop_on_interrupt(&options.stop);
    usage::keep_freed_memory();
    let store = context.open(options)?;
    let request = BackfillRequest {
        selection: command.selection.resolve(),
        spine: command.spine_source(),
        out: command.out.clone(),
        overrides: overrides(&command.source),
        full_feature_names: command.full_feature_names,
        resume: command.resume,
    };
    let report = store.backfill(&request);
    bar.finish_and_clear();
    let report = match report {
        Err(error) if is_stopped(&error) => {
            let kept = if command.resume { "; what is done stays, and --resume goes on with it" } else { "" };
            return Err(anyhow::anyhow!("interrupted: nothing was written{kept}"));
        }
        report => report?,
    };
    if command.head > 0 {
        let (header, rows) = files::head(&FileSystem, &report.out, command.head)?;
        output::table(&header.iter().map(String::as_str).collect::<Vec<_>>(), rows);
    }
    match context.format {
        Format::Json => output::json(&Summary::new(&report, started.elapsed().as_secs_f64()))?,
        Format::Text => output::line(&format!(
            "{}: {} rows, {} features, from {} events of files{} in {:.2} s; sha256 {}\n{}",
            report.out.display(),
            output::thousands(report.rows),
            report.features,
            output::thousands(report.events),
            report.log_offset.map_or_else(String::new, |offset| format!(" and the log up to offset {offset}")),
            started.elapsed().as_secs_f64(),
            report.sha256,
            report.manifest.display(),
        )),
    }
    if context.format == Format::Text {
        summary::lines(&report.summary).iter().for_each(|line| output::line(line));
        output::line(&proved(&report.proof));
        output::line(&Summary::new(&report, started.elapsed().as_secs_f64()).told());
    }
    if report.failures > 0 && context.format == Format::Text {
        output::line(&format!(
            "{} rows had no answer: events are left out, questions are null; the manifest has the first messages",
            output::thousands(report.failures),
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// What was proved, in words.
fn proved(proof: &ProofSummary) -> String {
    format!(
        "proved {} of {} again as they are served (seed {})",
        output::count(proof.answers, "answer", "answers"),
        output::count(proof.entities, "entity", "entities"),
        proof.seed,
    )
}

/// Whether the run ended because it was told to.
pub(super) fn is_stopped(error: &Error) -> bool {
    matches!(error, Error::Stopped | Error::Read(ReadError::Stopped) | Error::Replay(ReplayError::Stopped))
}

/// What a run did and what it took.
#[derive(serde::Serialize)]
struct Summary<'a> {
    #[serde(flatten)]
    report: &'a BackfillReport,
    /// From the start of the command.
    wall_s: f64,
    cpu_s: Option<f64>,
    peak_memory_bytes: Option<u64>,
}

impl<'a> Summary<'a> {
    fn new(report: &'a BackfillReport, wall_s: f64) -> Self {
        Self { report, wall_s, cpu_s: usage::cpu_seconds(), peak_memory_bytes: usage::peak_memory_bytes() }
    }

    fn told(&self) -> String {
        let mut text = format!("{} entities; {:.2} s", output::thousands(self.report.entities), self.wall_s);
        if let Some(cpu_s) = self.cpu_s {
            text += &format!(", {cpu_s:.2} s of processor time");
        }
        if let Some(bytes) = self.peak_memory_bytes {
            text += &format!(", {} MiB of memory at most", bytes >> 20);
        }
        if self.report.partitions > 1 {
            let (mib, partitions) = (self.report.spilled_bytes >> 20, self.report.partitions);
            text += &format!("; {} MiB on disk for a while, in {partitions} partitions", output::thousands(mib));
        }
        text
    }
}

impl Backfill {
    fn spine_source(&self) -> SpineSource {
        match (&self.spine, self.every, self.from, self.to) {
            (Some(path), ..) => SpineSource::File {
                path: path.clone(),
                as_of_column: self.as_of_column.clone(),
                as_of_unit: self.as_of_unit.map(|unit| match unit {
                    Unit::S => TimeUnit::Seconds,
                    Unit::Ms => TimeUnit::Milliseconds,
                    Unit::Us => TimeUnit::Microseconds,
                    Unit::Ns => TimeUnit::Nanoseconds,
                }),
            },
            (None, Some(every), Some(from), Some(to)) => SpineSource::Grid { every, from, to },
            _ => SpineSource::AtEvents,
        }
    }
}

/// The files given for each source, in the order given.
pub(super) fn overrides(given: &[(String, PathBuf)]) -> Vec<SourceOverride> {
    let mut overrides: Vec<SourceOverride> = Vec::new();
    for (source, file) in given {
        match overrides.iter_mut().find(|known| known.source == *source) {
            Some(known) => known.files.push(file.clone()),
            None => overrides.push(SourceOverride { source: source.clone(), files: vec![file.clone()] }),
        }
    }
    overrides
}

/// Parses `NAME=FILE`.
pub(super) fn parse_source(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.is_empty() && !file.is_empty() => Ok((name.to_owned(), PathBuf::from(file))),
        _ => Err("give it as NAME=FILE, such as events=data/events.parquet".to_owned()),
    }
}

/// Parses a size: bytes, or a number with KiB, MiB or GiB.
pub(super) fn parse_bytes(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "B" => Some(0),
        "KiB" | "K" => Some(10),
        "MiB" | "M" => Some(20),
        "GiB" | "G" => Some(30),
        "TiB" | "T" => Some(40),
        _ => None,
    };
    let bytes = unit.and_then(|shift| digits.parse::<u64>().ok()?.checked_mul(1 << shift)).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| "give it as 512MiB or 4GiB".to_owned())
}

/// Parses an as-of.
pub(super) fn parse_as_of(text: &str) -> Result<AsOf, String> {
    parse_time(text).map(AsOf::from_micros).map_err(|error| error.to_string())
}
