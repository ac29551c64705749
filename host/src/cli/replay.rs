//! `onepath replay`

use std::process::ExitCode;

use clap::Args;

use super::backfill::parse_as_of;
use super::get::parse_pair;
use super::{Context, Format, output};
use crate::digest::hex;
use crate::feature_store::{OpenOptions, StateText, Step, Steps, StepsRequest};
use crate::files;
use crate::time::AsOf;

/// Replay one entity through one view, step by step.
///
/// Each event of the entity in the order in which it counts, as a backfill sees it (files and pushed events): when it happened, when it
/// was first known, the fields that the transform reads, how large the state is after it, and the features as of that moment. The last
/// line is the question at --as-of. With --state, what each state holds: a transform with #[transform(debug)] says it in words.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath replay activity --entity customer_id=c1
  onepath replay activity --entity customer_id=c1 --state    # what each state holds
  onepath replay activity@v1 --entity customer_id=c1 --as-of 2024-06-30T12:00:00Z --state --format json
  onepath replay cart --request cart_value=12.5 --entity customer_id=c1 --format json")]
pub(super) struct Replay {
    /// The view, with or without its version: activity, or activity@v1.
    view: String,
    /// A key of the entity. Repeat for several keys.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    entity: Vec<(String, String)>,
    /// A request field. Repeat for several fields.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_pair)]
    request: Vec<(String, String)>,
    /// The last moment [default: now]. Later events are left out.
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
    /// Show each state too: what it holds, where the transform has #[transform(debug)], and its bytes otherwise.
    #[arg(long)]
    state: bool,
}

pub(super) fn run(context: &Context, command: &Replay) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let view = store.project().view(&command.view)?.clone();
    let (keys, request_fields) = (command.entity.clone(), command.request.clone());
    let steps =
        store.steps(&view, &StepsRequest { keys, request_fields, as_of: command.as_of, ..StepsRequest::default() })?;
    let texts = match command.state {
        true => steps.steps.iter().map(|step| store.state_text(&view, &step.state)).collect::<Result<Vec<_>, _>>()?,
        false => Vec::new(),
    };
    match context.format {
        Format::Json => output::json(&as_json(&steps, &texts))?,
        Format::Text => {
            let mut header = vec!["step", "event", "known", "source"];
            header.extend(steps.fields.iter().map(String::as_str));
            header.push("state");
            header.extend(steps.features.iter().map(String::as_str));
            let rows = steps.steps.iter().enumerate();
            output::table(&header, rows.map(|(at, step)| row(&steps, at, step, texts.get(at))).collect());
            if texts.contains(&StateText::NotBuilt) {
                output::line(
                    "states are shown as bytes: write #[transform(debug)] on the transform and derive Debug for its state, build, \
                     and they are shown in words",
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(steps: &Steps, at: usize, step: &Step, text: Option<&StateText>) -> Vec<String> {
    let mut cells = match &step.event {
        Some(event) => {
            let source = match event.log_offset {
                Some(offset) => format!("{}, offset {offset}", event.source),
                None => event.source.clone(),
            };
            let known = if event.available_at.micros() == event.event_time.micros() {
                "then".to_owned()
            } else {
                event.available_at.to_string()
            };
            let mut cells = vec![(at + 1).to_string(), event.event_time.to_string(), known, source];
            cells.extend(event.fields.iter().map(ToString::to_string));
            cells
        }
        None => {
            let mut cells = vec!["asked".to_owned(), step.as_of.to_string(), String::new(), String::new()];
            cells.resize(cells.len() + steps.fields.len(), String::new());
            cells
        }
    };
    let size = output::count(step.state.len() as u64, "byte", "bytes");
    cells.push(match text {
        None => size,
        Some(StateText::Text(text)) => format!("{size}\n{text}"),
        Some(StateText::NotBuilt) => format!("{size}\n{}", hex(&step.state)),
        Some(StateText::Failed(why)) => format!("{size}\n{}\nnot shown in words: {why}", hex(&step.state)),
    });
    cells.extend(step.values.iter().zip(&step.statuses).map(|(value, status)| match status.as_str() {
        "PRESENT" => value.to_string(),
        status => format!("{value} ({status})"),
    }));
    cells
}

fn as_json(steps: &Steps, texts: &[StateText]) -> serde_json::Value {
    let named = |names: &[String], values: &[crate::batch::Value]| {
        let values = names.iter().cloned().zip(values.iter().map(files::to_json));
        serde_json::Value::Object(values.collect())
    };
    let of_step = |(at, step): (usize, &Step)| {
        let event = step.event.as_ref().map(|event| {
            serde_json::json!({
                "event_time": event.event_time.to_string(),
                "available_at": event.available_at.to_string(),
                "source": event.source,
                "offset": event.log_offset,
                "fields": named(&steps.fields, &event.fields),
            })
        });
        serde_json::json!({
            "event": event,
            "as_of": step.as_of.to_string(),
            "state_bytes": step.state.len(),
            "state": texts.get(at).map(|_| hex(&step.state)),
            "state_text": match texts.get(at) {
                Some(StateText::Text(text)) => Some(text),
                _ => None,
            },
            "state_text_error": match texts.get(at) {
                Some(StateText::Failed(why)) => Some(why),
                _ => None,
            },
            "features": named(&steps.features, &step.values),
            "statuses": step.statuses,
        })
    };
    serde_json::json!({ "view": steps.view, "steps": steps.steps.iter().enumerate().map(of_step).collect::<Vec<_>>() })
}
