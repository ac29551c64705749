//! `onepath explain`

use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output};
use crate::feature_store::{ExplainedFeature, ExplainedView, OpenOptions};

/// Say in words what each feature of a view is, and what is kept for it.
///
/// Of a declared view: which events a feature is of, over which stretch of time, when it is null, and the stores that it is read of,
/// which features share. Of a view with a transform: what its author wrote about each feature.
#[derive(Args)]
#[command(after_help = "Examples:\n  onepath explain activity\n  onepath explain activity@v2 --format json")]
pub(super) struct Explain {
    /// The view, with or without its version: activity, or activity@v1.
    view: String,
}

pub(super) fn run(context: &Context, command: &Explain) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let view = store.project().view(&command.view)?.clone();
    let explained = store.explain(&view)?;
    match context.format {
        Format::Json => output::json(&explained)?,
        Format::Text => print(&explained),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(explained: &ExplainedView) {
    let made = if explained.is_declared { "declared" } else { "by its transform" };
    output::line(&format!("{}, {made}", explained.view));
    for ExplainedFeature { name, value_type, nullable, words, stores } in &explained.features {
        let nullable = if *nullable { " or null" } else { "" };
        let stores: Vec<String> = stores.iter().map(ToString::to_string).collect();
        let kept = match stores.as_slice() {
            [] => String::new(),
            [one] => format!(", of store {one}"),
            _ => format!(", of stores {}", stores.join(", ")),
        };
        output::line(&format!("\n{name}: {value_type}{nullable}{kept}"));
        words.lines().filter(|line| !line.is_empty()).for_each(|line| output::line(&format!("  {line}")));
    }
    if !explained.stores.is_empty() {
        output::line("\nkept of each entity:");
        for (at, store) in explained.stores.iter().enumerate() {
            output::line(&format!("  {}. {}", at + 1, store.kept));
        }
    }
    if let Some(state) = state_words(explained) {
        output::line(&format!("\n{state}"));
    }
}

/// How large the states of a view become, in a line; `None` where it has none.
pub(super) fn state_words(explained: &ExplainedView) -> Option<String> {
    let growth = explained.growth?;
    let most = output::thousands(explained.state_bytes_max as u64);
    let end = match explained.events_max {
        Some(events) => format!(
            "an entity meets state_bytes_max ({most}) with about {} kept at one time",
            output::count(events, "event", "events")
        ),
        None => format!("it does not grow with more of them (state_bytes_max is {most})"),
    };
    Some(format!(
        "state: {:.1} bytes an event, {} bytes after 100 events; {end}",
        // Less than nothing where later states happen to be shorter.
        growth.bytes_per_event.max(0.0),
        output::thousands(growth.bytes_of_100_events as u64)
    ))
}
