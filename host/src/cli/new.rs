//! `onepath new`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use clap::builder::PossibleValue;

use super::{Context, Format, output, quoted};
use crate::scaffold::{Template, write_project};

/// Make a project that builds, tests, backfills and serves at once.
///
/// It holds a transform with its test, a little data, and the SDK as a copy, so that it needs Rust and the onepath command
/// and nothing else. The first build fetches a few crates; later ones work without a network. With `--template declared` the
/// features are declared in onepath.toml, and it needs the onepath command alone.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath new my-features
  onepath new card-fraud --template fraud
  onepath new my-features --template declared")]
pub(super) struct New {
    /// The project's folder: one that does not exist yet, or is empty. Its name becomes the project's.
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// What to start from.
    #[arg(long, value_name = "TEMPLATE", default_value = "churn")]
    template: Template,
}

impl clap::ValueEnum for Template {
    fn value_variants<'a>() -> &'a [Self] {
        &Self::ALL
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let help = match self {
            Template::Churn => "what a customer bought and returned lately: windows over days",
            Template::Fraud => "what a card paid lately, and how unusual a payment is: a field of the request",
            Template::Sessions => "what a visitor does in one visit: sessions",
            Template::Declared => "the features of churn, declared in onepath.toml: no Rust",
        };
        Some(PossibleValue::new(self.name()).help(help))
    }
}

pub(super) fn run(context: &Context, command: &New) -> anyhow::Result<ExitCode> {
    let files = write_project(&command.dir, command.template)?;
    match context.format {
        Format::Json => output::json(&serde_json::json!({
            "project": std::path::absolute(&command.dir)?,
            "template": command.template.name(),
            "files": files.iter().map(|file| &file.path).collect::<Vec<_>>(),
            "commands": command.template.commands().collect::<Vec<_>>(),
        }))?,
        Format::Text => {
            let (dir, template) = (command.dir.display(), command.template.name());
            output::line(&format!("{dir}: {} files, from the template {template}", files.len()));
            output::line(&format!("\nNext (README.md explains each step):\n  cd {}", quoted(&dir.to_string())));
            for line in command.template.commands() {
                output::line(&format!("  {line}"));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
