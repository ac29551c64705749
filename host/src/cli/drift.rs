//! `onepath monitor drift`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output, progress};
use crate::feature_store::OpenOptions;
use crate::monitor::{ComparedSide, DriftReport, DriftRequest, DriftSide, FeatureDrift, Period, Verdict};
use crate::profile::{Cause, Finding, FindingKind, Severity};
use crate::time::{AsOf, Length, parse_time};

/// Digits of a digest that are shown.
const DIGEST_SHOWN: usize = 12;

/// Compare the distributions of features with those of a training set, or of another time.
///
/// What was served (or, with --with, another training set) is compared feature by feature: nulls, the population stability index on the
/// deciles of the reference, the test of Kolmogorov and Smirnov, the mean, new categories, statuses. An alert needs an effect that is
/// large and that chance does not give. Findings say whether inputs have changed, or their delivery; where the code may have changed, it
/// says that versions differ. Exit 0: no alert. Exit 1: an alert of --fail-on. The figures: host/docs/monitor.md.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath monitor drift --against training.parquet.manifest.json --since 24h
  onepath monitor drift --against training.parquet.manifest.json --since 7d --service churn_v1 --fail-on unstable
  onepath monitor drift --baseline 14d..7d --since 7d          # this week against the last one
  onepath monitor drift --against june.parquet.manifest.json --with july.parquet.manifest.json --format json")]
pub(super) struct Drift {
    /// The manifest of the training set that counts as usual.
    #[arg(long, value_name = "MANIFEST", required_unless_present = "baseline", conflicts_with = "baseline")]
    against: Option<PathBuf>,
    /// A time that counts as usual, by what was served then: two moments, such as 14d..7d or 2024-06-01..2024-06-08.
    #[arg(long, value_name = "FROM..TO", value_parser = parse_span)]
    baseline: Option<(Moment, Moment)>,
    /// The manifest of another training set, which is looked at instead of what was served.
    #[arg(long, value_name = "MANIFEST", conflicts_with_all = ["since", "until", "service"])]
    with: Option<PathBuf>,
    /// Only vectors of this as-of or a later one: a length of time back from now (24h), or a time [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    since: Option<Moment>,
    /// Only vectors before this as-of [default: all].
    #[arg(long, value_name = "WHEN", value_parser = parse_moment)]
    until: Option<Moment>,
    /// Only vectors of this service [default: that of the training set, or all].
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// From which alert on the exit code is 1.
    #[arg(long, value_name = "WHAT", default_value = "warn")]
    fail_on: FailOn,
}

/// From which alert on the exit code is 1.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FailOn {
    Warn,
    Unstable,
    Never,
}

/// A moment: a time, or a length of time back from now.
#[derive(Clone, Copy)]
pub(super) enum Moment {
    Ago(Length),
    At(AsOf),
}

impl Moment {
    pub(super) fn as_of(self, now: i64) -> AsOf {
        match self {
            Self::Ago(length) => AsOf::from_micros(now.saturating_sub(length.0)),
            Self::At(as_of) => as_of,
        }
    }
}

/// Parses `24h` or `2024-06-30`.
pub(super) fn parse_moment(text: &str) -> Result<Moment, String> {
    if let Ok(length) = text.parse() {
        return Ok(Moment::Ago(length));
    }
    let time = parse_time(text).map_err(|error| format!("{error}, nor a length of time such as 24h"))?;
    Ok(Moment::At(AsOf::from_micros(time)))
}

fn parse_span(text: &str) -> Result<(Moment, Moment), String> {
    let Some((from, to)) = text.split_once("..") else {
        return Err("give it as FROM..TO, such as 14d..7d or 2024-06-01..2024-06-08".to_owned());
    };
    Ok((parse_moment(from)?, parse_moment(to)?))
}

pub(super) fn run(context: &Context, command: &Drift) -> anyhow::Result<ExitCode> {
    let options = OpenOptions::default();
    progress::stop_on_interrupt(&options.stop);
    let store = context.open(options)?;
    let now = store.options().clock.now();
    let moment = |given: Option<Moment>| given.map(|moment| moment.as_of(now));
    let served = |since, until| DriftSide::Served(Period { since: moment(since), until: moment(until) });
    let reference = match (&command.against, command.baseline) {
        (_, Some((from, to))) => served(Some(from), Some(to)),
        (against, None) => DriftSide::TrainingSet(against.clone().unwrap_or_default()),
    };
    let observed = match &command.with {
        Some(manifest) => DriftSide::TrainingSet(manifest.clone()),
        None => served(command.since, command.until),
    };
    let report = store.drift(&DriftRequest { reference, observed, service: command.service.clone() })?;
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => print(&report),
    }
    let is_alert = match command.fail_on {
        FailOn::Warn => report.verdict >= Verdict::Warn,
        FailOn::Unstable => report.verdict >= Verdict::Unstable,
        FailOn::Never => false,
    };
    Ok(if is_alert { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

fn print(report: &DriftReport) {
    print_side("usual:    ", &report.reference);
    print_side("looked at:", &report.observed);
    if report.observed.rows == 0 || report.reference.rows == 0 {
        output::line("nothing to compare: one of them has no rows");
        return;
    }
    for other in &report.other_versions {
        let listed = |digests: &std::collections::BTreeMap<String, u64>| {
            let of = |(digest, rows): (&String, &u64)| {
                format!("{} ({} rows)", digest.get(..DIGEST_SHOWN).unwrap_or(digest), output::thousands(*rows))
            };
            digests.iter().map(of).collect::<Vec<_>>().join(", ")
        };
        output::line(&format!(
            "other versions of {}: {} then, {} now; what differs may be the code",
            other.view,
            listed(&other.reference),
            listed(&other.observed)
        ));
    }
    if !report.not_observed.is_empty() {
        output::line(&format!("not looked at, for nothing has them: {}", report.not_observed.join(", ")));
    }
    let header = ["feature", "verdict", "n", "nulls", "PSI", "KS D", "p", "mean shift", "PRESENT"];
    output::table(&header, report.features.iter().map(row).collect());
    for feature in &report.features {
        feature.comparison.findings.iter().for_each(|finding| output::line(&told(feature, finding)));
    }
    output::line(&format!("verdict: {}", report.verdict.as_str()));
}

fn print_side(name: &str, side: &ComparedSide) {
    let span = match (&side.first_as_of, &side.last_as_of) {
        (Some(first), Some(last)) => format!(", as of {first} to {last}"),
        _ => String::new(),
    };
    output::line(&format!("{name} {}: {}{span}", side.what, output::count(side.rows, "row", "rows")));
    if side.unread > 0 {
        output::line(&format!("  NOT read: {}", output::count(side.unread, "vector", "vectors")));
        side.reasons.iter().for_each(|reason| output::line(&format!("  {reason}")));
    }
}

fn row(feature: &FeatureDrift) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let compared = &feature.comparison;
    let share = |share: f64| format!("{:.2} %", 100.0 * share);
    let nulls = compared.nulls;
    let present = feature.statuses.iter().find(|status| status.status == "PRESENT");
    vec![
        feature.feature.clone(),
        feature.verdict.as_str().to_owned(),
        output::thousands(feature.n),
        format!(
            "{} -> {} ({:.2} to {:.2})",
            share(compared.reference_nulls.share),
            share(nulls.share),
            100.0 * nulls.interval.low,
            100.0 * nulls.interval.high
        ),
        or_dash(compared.psi.map(|psi| format!("{psi:.3}"))),
        or_dash(compared.ks.map(|ks| format!("{:.3}", ks.d))),
        or_dash(compared.ks.map(|ks| probability(ks.p))),
        or_dash(compared.mean_shift.map(|shift| format!("{shift:+.2}"))),
        or_dash(present.map(|status| share(status.share))),
    ]
}

/// A probability by its size, where it is small.
fn probability(p: f64) -> String {
    if p < 0.001 { format!("{p:.1e}") } else { format!("{p:.3}") }
}

fn told(feature: &FeatureDrift, finding: &Finding) -> String {
    let severity = match finding.severity {
        Severity::Note => "note",
        Severity::Warn => "warn",
        Severity::Unstable => "unstable",
    };
    let kind = match finding.kind {
        FindingKind::Shift => "shift",
        FindingKind::Nulls => "nulls",
        FindingKind::NotFinite => "not finite",
        FindingKind::NewCategory => "new category",
        FindingKind::Outlier => "outlier",
        FindingKind::Coverage => "coverage",
    };
    let cause = match finding.cause {
        Cause::Inputs => "inputs changed",
        Cause::Delivery => "delivery changed: events late, missing or refused",
        Cause::OtherVersions => "of other versions",
    };
    format!("{severity}: {}: {kind} ({cause}): {}", feature.feature, finding.text)
}
