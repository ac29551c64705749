//! `onepath reset`

use std::io::{BufRead, IsTerminal, Write};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{Context, Format, output};
use crate::feature_store::{Kept, Reset as Plan};

/// Forget what was pushed, materialized and served, so that the project begins anew.
///
/// It says what it removes, and asks, unless --yes answers. While another process writes the project's stores it is refused with
/// exit code 4. What is built (.onepath/components), caches, and the files of sources stay. Instead of `rm`: removing the
/// stores of a server that runs would lose what it takes.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath reset --dry-run
  onepath reset --yes
  onepath reset --keep-log --yes       # states are made again: onepath materialize")]
pub(super) struct Reset {
    /// Keep the event log, which holds what was pushed. States and what was served go.
    #[arg(long)]
    keep_log: bool,
    /// Keep what was served as well, which the event log proves. Only states go.
    #[arg(long, requires = "keep_log")]
    keep_served: bool,
    /// Say what would be removed, and remove nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long)]
    yes: bool,
}

pub(super) fn run(context: &Context, command: &Reset) -> anyhow::Result<ExitCode> {
    let kept = match (command.keep_log, command.keep_served) {
        (false, _) => Kept::Nothing,
        (true, false) => Kept::Log,
        (true, true) => Kept::LogAndServed,
    };
    let plan = Plan::plan(&context.project, kept)?;
    let is_json = context.format == Format::Json;
    if !is_json {
        for file in &plan.files {
            let bytes = output::count(file.bytes, "byte", "bytes");
            output::line(&format!("{}: {} ({bytes})", file.path.display(), file.what));
        }
    }
    let removes = !command.dry_run && !plan.files.is_empty();
    if removes && !command.yes && !is_agreed()? {
        anyhow::bail!("nothing was removed: pass --yes to remove it, or --dry-run to see what would be");
    }
    if removes {
        plan.run()?;
    }
    match is_json {
        true => output::json(&json!({ "removed": removes, "files": plan.files }))?,
        false => output::line(match (plan.files.is_empty(), removes) {
            (true, _) => "there is nothing to remove",
            (false, true) => "removed",
            (false, false) => "nothing was removed (--dry-run)",
        }),
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether who sits before the terminal agrees; nobody does where there is none.
fn is_agreed() -> anyhow::Result<bool> {
    if !std::io::stdin().is_terminal() {
        return Ok(false);
    }
    write!(std::io::stderr(), "remove it? [y/N] ")?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
