//! `onepath monitor freshness`, `materialization`, `rules` and `dashboard`: what is late, and how to be told of it.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::monitor::{
    DASHBOARD, EntitiesTold, Freshness, FreshnessReport, Materialization, MaterializationReport, RULES, age,
};

#[derive(Subcommand)]
pub(super) enum Health {
    Freshness(FreshnessArguments),
    Materialization(MaterializationArguments),
    /// Print alerting rules for Prometheus.
    ///
    /// They are about the metrics of `onepath serve`, GET /metrics. What the project promises (freshness, null_share_max,
    /// materialize_every) is a metric too; the two thresholds that are yours to choose are marked.
    #[command(after_help = "Example:\n  onepath monitor rules > /etc/prometheus/onepath.rules.yml")]
    Rules,
    /// Print a dashboard for Grafana.
    ///
    /// Import it, or put it among the provisioned dashboards; it asks for a data source of Prometheus.
    #[command(after_help = "Example:\n  onepath monitor dashboard > /var/lib/grafana/dashboards/onepath.json")]
    Dashboard,
}

/// List how old the newest events of views are, and which promises that breaks.
///
/// A view, or a feature, promises a `freshness` in onepath.toml. What is looked at are the stored states; those of a running server may be
/// some events ahead. Exit 0: every promise is kept. Exit 1: one is broken; a view that never had an event breaks its promise.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath monitor freshness
  onepath monitor freshness --entities --most 50
  onepath monitor freshness --format json --fail-on never")]
pub(super) struct FreshnessArguments {
    /// List the entities whose newest event is older than promised, the oldest of each view, and count all of them.
    #[arg(long)]
    entities: bool,
    /// How many entities of a view are listed.
    #[arg(long, value_name = "COUNT", default_value_t = 10, requires = "entities")]
    most: usize,
    /// What makes the exit code 1.
    #[arg(long, value_name = "WHAT", default_value = "broken")]
    fail_on: FailOn,
}

/// List when the files of sources were materialized, and which of them are late.
///
/// A source is late where its files were materialized more than twice as long ago as it is usual: `materialize_every` of the
/// source in onepath.toml, or else the median of its last ten runs. Exit 0: none is late. Exit 1: one is.
#[derive(Args)]
#[command(after_help = "Examples:\n  onepath monitor materialization\n  onepath monitor materialization --format json")]
pub(super) struct MaterializationArguments {
    /// What makes the exit code 1.
    #[arg(long, value_name = "WHAT", default_value = "broken")]
    fail_on: FailOn,
}

/// What makes the exit code 1.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    /// A broken promise, or a source that is late.
    Broken,
    /// Nothing.
    Never,
}

pub(super) fn run(context: &Context, command: &Health) -> anyhow::Result<ExitCode> {
    let (is_broken, fail_on) = match command {
        Health::Freshness(command) => {
            let entities = if command.entities { EntitiesTold::Oldest(command.most) } else { EntitiesTold::None };
            let report = open(context)?.freshness(entities)?;
            show(context, &report, print_freshness)?;
            (report.is_broken(), command.fail_on)
        }
        Health::Materialization(command) => {
            let report = open(context)?.materializations()?;
            show(context, &report, print_materializations)?;
            (report.is_late(), command.fail_on)
        }
        Health::Rules => {
            output::line(RULES.trim_end());
            (false, FailOn::Never)
        }
        Health::Dashboard => {
            output::line(DASHBOARD.trim_end());
            (false, FailOn::Never)
        }
    };
    Ok(if is_broken && fail_on == FailOn::Broken { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn open(context: &Context) -> anyhow::Result<crate::feature_store::FeatureStore> {
    let options = OpenOptions::default();
    progress::stop_on_interrupt(&options.stop);
    context.open(options)
}

fn show<T: serde::Serialize>(context: &Context, report: &T, print: impl Fn(&T)) -> anyhow::Result<()> {
    match context.format {
        Format::Json => output::json(report),
        Format::Text => {
            print(report);
            Ok(())
        }
    }
}

fn print_freshness(report: &FreshnessReport) {
    if report.promises.is_empty() {
        output::line("no view reads events");
        return;
    }
    let row = |promise: &Freshness| {
        let mut row = vec![
            of(promise),
            promise.newest_event.clone().unwrap_or_else(|| "never".to_owned()),
            promise.age_s.map_or_else(String::new, age),
            promise.promised.clone().unwrap_or_default(),
            match promise.is_kept {
                Some(true) => "yes".to_owned(),
                Some(false) => "NO".to_owned(),
                None => String::new(),
            },
        ];
        row.push(promise.entities.as_ref().map_or_else(String::new, |entities| {
            format!("{} of {}", output::thousands(entities.stale), output::thousands(entities.all))
        }));
        row
    };
    let with_entities = report.promises.iter().any(|promise| promise.entities.is_some());
    let header = ["view", "newest event", "age", "promised", "kept", "stale entities"];
    let columns = if with_entities { header.len() } else { header.len() - 1 };
    let rows = report.promises.iter().map(|promise| row(promise)[..columns].to_vec()).collect();
    output::table(&header[..columns], rows);
    for promise in &report.promises {
        let Some(entities) = promise.entities.as_ref().filter(|entities| !entities.oldest.is_empty()) else { continue };
        output::line("");
        let promised = promise.promised.as_deref().unwrap_or_default();
        output::line(&format!("{}, the oldest entities without an event of the last {promised}:", of(promise)));
        let rows = entities.oldest.iter().map(|of| vec![of.entity.clone(), of.newest_event.clone(), age(of.age_s)]);
        output::table(&["entity", "newest event", "age"], rows.collect());
    }
    let promised = report.promises.iter().filter(|promise| promise.is_kept.is_some()).count();
    output::line(&match (promised, report.broken().count()) {
        (0, _) => "nothing is promised: say freshness = \"24h\" of a view or a feature in onepath.toml".to_owned(),
        (_, 0) => "every promise is kept".to_owned(),
        (1, _) => "the promise is broken".to_owned(),
        (_, broken) => format!("{broken} of {promised} promises are broken"),
    });
}

/// The view, and the features that the promise is about where it is not about all.
fn of(promise: &Freshness) -> String {
    match promise.features.is_empty() {
        true => promise.view.clone(),
        false => format!("{}: {}", promise.view, promise.features.join(", ")),
    }
}

fn print_materializations(report: &MaterializationReport) {
    if report.sources.is_empty() {
        output::line("no source has files: what is pushed is in the states at once");
        return;
    }
    let row = |source: &Materialization| {
        vec![
            source.source.clone(),
            source.up_to.clone().unwrap_or_else(|| "never".to_owned()),
            source.age_s.map_or_else(String::new, age),
            match (source.every_s, source.every_by) {
                (Some(every), Some(by)) => format!("{}, by {by}", age(every)),
                _ => "not known".to_owned(),
            },
            match source.is_late {
                Some(true) => "LATE".to_owned(),
                Some(false) => "no".to_owned(),
                None => String::new(),
            },
        ]
    };
    output::table(&["source", "materialized up to", "age", "every", "late"], report.sources.iter().map(row).collect());
    if report.sources.iter().any(|source| source.every_s.is_none()) {
        output::line("say how often a source is materialized, materialize_every = \"1d\", or wait for its third run");
    }
}
