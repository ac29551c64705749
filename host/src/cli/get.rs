//! `onepath get`

use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;

use super::backfill::{Selection, parse_as_of};
use super::shown::ShowOutput;
use super::{Context, Format, output, unmaterialized};
use crate::batch::Value;
use crate::evaluate::Status;
use crate::feature_store::OpenOptions;
use crate::files;
use crate::time::AsOf;
use crate::{InputKind, OnlineFeatures};

/// Answer one question, as serving would, and record what was served.
///
/// Features are evaluated now, from the entity's state, at the as-of of the question.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath get --service churn_v1 --entity customer_id=c1
  onepath get --features activity:purchase_count_30d --entity customer_id=c1 --as-of 2024-06-30T12:00:00Z
  onepath get --service checkout_v2 --entity customer_id=c1 --request cart_value=12.5 --format json
  onepath get --service churn_v1 --entity customer_id=c1 --show-output    # what println! and dbg! print")]
pub(super) struct Get {
    #[command(flatten)]
    selection: Selection,
    /// A key of an entity. Repeat for several keys.
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
    entity: Vec<(String, String)>,
    /// A request field. Repeat for several fields.
    #[arg(long, value_name = "FIELD=VALUE", value_parser = parse_pair)]
    request: Vec<(String, String)>,
    /// The cut-off [default: now]. Before the newest event of the entity it is answered by replay.
    #[arg(long, value_name = "TIME", value_parser = parse_as_of)]
    as_of: Option<AsOf>,
    /// Answer although sources have files of which nothing was materialized: from what is pushed alone.
    #[arg(long)]
    allow_unmaterialized: bool,
    #[command(flatten)]
    shown: ShowOutput,
}

pub(super) fn run(context: &Context, command: &Get) -> anyhow::Result<ExitCode> {
    let open = OpenOptions { show_output: command.shown.sink(&ProgressBar::hidden()), ..OpenOptions::default() };
    let server = context.serve(open, unmaterialized(command.allow_unmaterialized))?;
    let prepared = server.prepare(&command.selection.resolve())?;
    let mut request = prepared.request().as_of(command.as_of);
    for (name, text) in &command.entity {
        request = request.text(InputKind::Key, name, text)?;
    }
    for (name, text) in &command.request {
        request = request.text(InputKind::Field, name, text)?;
    }
    let answer = server.get_online_features(&request.build()?)?;
    server.close()?;
    let features = prepared.features().iter().enumerate().map(|(at, feature)| Feature {
        reference: feature.reference.clone(),
        value: answer.features[at].value(0),
        status: answer.statuses[at][0],
    });
    let features: Vec<Feature> = features.collect();
    match context.format {
        Format::Json => output::json(&as_json(&answer, &features))?,
        Format::Text => {
            let rows = features.iter().map(|Feature { reference, value, status }| {
                vec![reference.clone(), value.to_string(), status.as_str().to_owned()]
            });
            output::table(&["feature", "value", "status"], rows.collect());
            let how = if answer.replayed { "; before the newest event, so answered by replay" } else { "" };
            output::line(&format!("as of {}, log offset {}{how}", answer.as_of, answer.offset));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// One feature of the answer.
struct Feature {
    reference: String,
    value: Value,
    status: Status,
}

fn as_json(answer: &OnlineFeatures, features: &[Feature]) -> serde_json::Value {
    let features = features.iter().map(|Feature { reference, value, status }| {
        serde_json::json!({
            "feature": reference,
            "value": files::to_json(value),
            "bits": value.hex(),
            "status": status,
        })
    });
    serde_json::json!({
        "as_of": answer.as_of.to_string(),
        "offset": answer.offset,
        "replayed": answer.replayed,
        "features": features.collect::<Vec<_>>(),
    })
}

/// Parses `NAME=VALUE`.
pub(super) fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give it as NAME=VALUE, such as customer_id=c1".to_owned()),
    }
}
