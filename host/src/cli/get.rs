//! `onepath get`

use std::process::ExitCode;

use clap::Args;

use super::backfill::{Selection, parse_as_of};
use super::{Context, Format, output};
use crate::feature_store::{OnlineRequest, OnlineVector, OpenOptions};
use crate::files;
use crate::time::AsOf;

/// Answer one question, as serving would, and record what was served.
///
/// Features are evaluated now, from the entity's state, at the as-of of the question.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath get --service churn_v1 --entity customer_id=c1
  onepath get --features activity:purchase_count_30d --entity customer_id=c1 --as-of 2024-06-30T12:00:00Z
  onepath get --service checkout_v2 --entity customer_id=c1 --request cart_value=12.5 --format json")]
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
}

pub(super) fn run(context: &Context, command: &Get) -> anyhow::Result<ExitCode> {
    let mut store = context.open(OpenOptions::default())?;
    let plan = store.plan(&command.selection.resolve())?;
    let request = OnlineRequest::from_text(&plan, &command.entity, &command.request, command.as_of)?;
    let vector = store.get_online_features(&plan, &request)?;
    match context.format {
        Format::Json => output::json(&as_json(&vector))?,
        Format::Text => {
            let rows = vector.references.iter().zip(&vector.values).zip(&vector.statuses);
            let rows = rows.map(|((reference, value), status)| {
                vec![reference.clone(), value.to_string(), status.as_str().to_owned()]
            });
            output::table(&["feature", "value", "status"], rows.collect());
            let how = if vector.replayed { "; before the newest event, so answered by replay" } else { "" };
            output::line(&format!("as of {}, log offset {}{how}", vector.as_of, vector.offset));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(vector: &OnlineVector) -> serde_json::Value {
    let features = vector.references.iter().zip(&vector.values).zip(&vector.statuses);
    let features = features.map(|((reference, value), status)| {
        serde_json::json!({
            "feature": reference,
            "value": files::to_json(value),
            "bits": value.hex(),
            "status": status,
        })
    });
    serde_json::json!({
        "as_of": vector.as_of.to_string(),
        "offset": vector.offset,
        "replayed": vector.replayed,
        "features": features.collect::<Vec<_>>(),
    })
}

/// Parses `NAME=VALUE`.
fn parse_pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("give it as NAME=VALUE, such as customer_id=c1".to_owned()),
    }
}
