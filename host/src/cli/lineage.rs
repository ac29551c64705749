//! `onepath lineage`

use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output};
use crate::feature_store::{Lineage, LineageKind, OpenOptions};

/// Show what something is made of and what is made of it, from columns of sources to services and training sets.
///
/// It is named as for `onepath describe`, or it is a column of a source, such as events.amount. Of a declared feature its own columns are
/// known; of a transform those that its component reads, of which a feature may use a part.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath lineage activity:purchase_count_30d
  onepath lineage events.amount                        # what would be touched if this column changed
  onepath lineage churn_v1 --format json
  onepath lineage churn_v1 --format dot | dot -Tsvg > churn.svg")]
pub(super) struct LineageCommand {
    /// A feature, view, service, source, column, entity or training set.
    name: String,
}

pub(super) fn run(context: &Context, command: &LineageCommand) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let lineage = store.catalog()?.lineage(&command.name)?;
    match (context.dot, context.format) {
        (true, _) => output::line(lineage.to_dot().trim_end()),
        (false, Format::Json) => output::json(&lineage)?,
        (false, Format::Text) => print(&lineage),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(lineage: &Lineage) {
    if lineage.nodes.is_empty() {
        return output::line(&format!("{}: nothing is read, and nobody reads it", lineage.name));
    }
    for node in &lineage.nodes {
        let mark = if lineage.of.contains(&node.id) { '>' } else { ' ' };
        output::line(&format!("{mark} {:<12}  {}", kind(node.kind), node.name));
        for edge in lineage.edges.iter().filter(|edge| edge.from == node.id) {
            let Some(to) = lineage.node(&edge.to) else { continue };
            let may = if edge.is_exact { "" } else { " *" };
            output::line(&format!("                  -> {}{may}", to.name));
        }
    }
    if lineage.edges.iter().any(|edge| !edge.is_exact) {
        output::line("* read by the component of its view, of which this feature may use a part");
    }
}

fn kind(kind: LineageKind) -> &'static str {
    match kind {
        LineageKind::Source => "events of",
        LineageKind::Column => "column",
        LineageKind::RequestField => "request",
        LineageKind::Feature => "feature",
        LineageKind::Service => "service",
        LineageKind::TrainingSet => "training set",
    }
}
