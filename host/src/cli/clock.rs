//! `onepath clock`

use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Context, Format, output, progress};
use crate::Error;
use crate::feature_store::{AcceptAnswer, ClockReport, FeatureStore, MaterializeReport, OpenOptions, RepairReport};
use crate::log::{FileError, LogError};
use crate::store::StoreError;
use crate::time::{Clock, Length, Stopwatch, SystemClock, rounded, step_in_words};

/// The answer is no, the data or the machine failed, and somebody else is at it.
const NO: u8 = 1;
const FAILED: u8 = 3;
const BUSY: u8 = 4;

/// How long a running server is waited for, which looks for requests once a second.
const ANSWER_MAX: Duration = Duration::from_secs(10);
const ANSWER_PAUSE: Duration = Duration::from_millis(50);

/// Show how the log's clock stands to this machine's, repair it, or let a running server go on after a step.
///
/// Stamps and as-ofs of a log never go back. So a clock that was ahead once, if only for a minute, would stop time until the machine's
/// clock has caught up: where the log is more than 10 s ahead, `serve`, `get`, `ingest` and `materialize` refuse to start. `backfill`
/// and `verify` need no clock and go on. Exit 0: the log may be written. Exit 1: it is ahead.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath clock
  onepath clock --format json
  onepath clock repair
  onepath clock accept")]
pub(super) struct ClockCommand {
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    /// Show the machine's clock, the newest times of the log, what is between them, and what to do.
    Status,
    /// Open a new epoch of a log that is more than 10 s ahead of this machine's clock.
    ///
    /// The events that are stamped later than now are available from now on, in the order in which they came; nothing is lost, and what
    /// was served before is still proved by the stamps of before. See that the machine's clock is right first. No server may run
    /// meanwhile (exit 4). States are folded again from what they were materialized from. Exit 0 also where there is nothing to repair.
    #[command(after_help = "Example:\n  onepath clock && echo nothing to repair || onepath clock repair")]
    Repair,
    /// Let the server that runs over this project go on with the machine's clock, which has stepped.
    ///
    /// A server does not follow a step of more than 10 s, and says so at /ready, in its log and in its metrics. Exit 1: it refused, since
    /// the log is ahead of the new time: stop it and run `onepath clock repair`. Exit 4: no server took the request.
    #[command(after_help = "Example:\n  onepath clock accept")]
    Accept,
}

pub(super) fn run(context: &Context, command: &ClockCommand) -> anyhow::Result<ExitCode> {
    let (options, bar) = progress::shown(OpenOptions::default(), "clock");
    let store = context.open(options)?;
    let ran = match command.action {
        None | Some(Action::Status) => status(context, &store),
        Some(Action::Repair) => repair(context, &store),
        Some(Action::Accept) => accept(context, &store),
    };
    bar.finish_and_clear();
    ran.or_else(|error| {
        let code = if is_locked(&error) { BUSY } else { FAILED };
        output::error(&error);
        Ok(ExitCode::from(code))
    })
}

fn is_locked(error: &anyhow::Error) -> bool {
    let file = match error.downcast_ref() {
        Some(Error::Log(LogError::File(error)) | Error::Store(StoreError::File(error))) => error,
        _ => return false,
    };
    matches!(file, FileError::Locked { .. })
}

fn status(context: &Context, store: &FeatureStore) -> anyhow::Result<ExitCode> {
    let report = store.clock_report()?;
    match context.format {
        Format::Json => output::json(&report)?,
        Format::Text => show(&report),
    }
    Ok(if report.is_ahead { ExitCode::from(NO) } else { ExitCode::SUCCESS })
}

fn show(report: &ClockReport) {
    let time = |time: &Option<String>| time.clone().unwrap_or_else(|| "none".to_owned());
    output::line(&format!("machine's clock  {}", report.now));
    output::line(&format!("newest arrival   {}", time(&report.newest_arrival)));
    output::line(&format!("newest as-of     {}", time(&report.newest_as_of)));
    output::line(&format!("epoch            {}", report.epoch));
    for repair in &report.repairs {
        let RepairReport { epoch, repaired_at, newest_before, .. } = repair;
        output::line(&format!("  {epoch}: since {repaired_at}, {}; the log was at {newest_before}", stretch(repair)));
    }
    output::line(&match report.ahead_us {
        None => "the log has no times yet".to_owned(),
        Some(ahead) if report.is_ahead => format!(
            "the log is {} ahead of the machine's clock, with {}: nothing is served or taken. If the machine's clock is wrong, set it; if \
             it was ahead when the log was written, run `onepath clock repair`",
            rounded(ahead),
            output::count(report.events_ahead, "event", "events"),
        ),
        Some(ahead) if ahead > 0 => {
            format!("the log is {} ahead of the machine's clock, which is no more than it may be", Length(ahead))
        }
        Some(behind) => format!("the log is {} behind the machine's clock: all is well", rounded(behind)),
    });
}

/// The events that a repair stamped anew, in words.
fn stretch(repair: &RepairReport) -> String {
    match repair.events {
        0 => "no event was stamped anew".to_owned(),
        events => format!(
            "{} stamped anew (offsets {} to {})",
            output::count(events, "event", "events"),
            repair.first_offset,
            repair.last_offset
        ),
    }
}

/// What a repair did.
#[derive(serde::Serialize)]
struct Repaired {
    /// None where there was nothing to repair.
    repair: Option<RepairReport>,
    /// The states that were folded again.
    materialized: Option<MaterializeReport>,
}

fn repair(context: &Context, store: &FeatureStore) -> anyhow::Result<ExitCode> {
    let repair = store.repair_clock()?;
    let materialized = store.fold_again().map_err(|error| {
        let is_done =
            "the clock of the log is repaired, but the states are not folded again yet: run `onepath materialize`";
        anyhow::Error::new(error).context(is_done)
    });
    if context.format == Format::Text {
        output::line(&match &repair {
            None => "nothing to repair: the log is not ahead of the machine's clock".to_owned(),
            Some(repair) => format!(
                "epoch {} of the log begins at {}: {}, whose times went up to {}; they are available from {} on",
                repair.epoch,
                repair.repaired_at,
                stretch(repair),
                repair.newest_before,
                repair.repaired_at
            ),
        });
    }
    let materialized = materialized?;
    match (context.format, &materialized) {
        (Format::Json, _) => output::json(&Repaired { repair, materialized })?,
        (Format::Text, Some(report)) => output::line(&format!(
            "folded the states of {} again, up to {}",
            output::count(report.views.len() as u64, "view", "views"),
            report.up_to
        )),
        (Format::Text, None) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn accept(context: &Context, store: &FeatureStore) -> anyhow::Result<ExitCode> {
    let name = format!("{} {}", std::process::id(), SystemClock.now());
    store.ask_to_accept(&name)?;
    let asked = Stopwatch::start();
    let answer = loop {
        match store.accept_answer(&name) {
            None if asked.elapsed() < ANSWER_MAX => std::thread::park_timeout(ANSWER_PAUSE),
            answer => break answer,
        }
    };
    let Some(answer) = answer else {
        store.withdraw_accept();
        let why = "no server took the request: none runs over this project's folder, or it was stopped; a server that starts goes on \
                   with the machine's clock by itself";
        output::error(&anyhow::anyhow!(why));
        return Ok(ExitCode::from(BUSY));
    };
    if context.format == Format::Json {
        output::json(&answer)?;
    }
    match &answer {
        AcceptAnswer { refused: Some(why), .. } => {
            output::error(&anyhow::anyhow!("the server did not accept the machine's clock: {why}"));
            return Ok(ExitCode::from(NO));
        }
        AcceptAnswer { accepted_us: Some(step), .. } if context.format == Format::Text => {
            output::line(&format!(
                "accepted: the server's time is now {}, as the machine's clock",
                step_in_words(*step)
            ));
        }
        _ if context.format == Format::Text => {
            output::line("nothing to accept: the machine's clock has not stepped");
        }
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}
