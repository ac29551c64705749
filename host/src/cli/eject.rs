//! `onepath eject`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output};
use crate::feature_store::OpenOptions;

/// Write the Rust crate that does the same as a declared view, and becomes its transform.
///
/// It gives the bits that the declared view gives, and is yours from then on: what cannot be declared can be written there. A project
/// without Rust gets a workspace and a copy of the SDK as well. The project file is left as it is, and what to change in it is printed;
/// with `--in-place` it is changed. The view's states are those of another component then: `onepath build`, and `onepath materialize`.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath eject activity
  onepath eject activity@v2 --out transforms/activity_v2 --in-place")]
pub(super) struct Eject {
    /// The view, with or without its version: activity, or activity@v1.
    view: String,
    /// The crate's folder, in that of the project. It does not exist yet, or is empty. transforms/VIEW where it is not given.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Change the project file: the view gets the crate as its transform, in the place of what it declares.
    #[arg(long)]
    in_place: bool,
}

pub(super) fn run(context: &Context, command: &Eject) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let view = store.project().view(&command.view)?.clone();
    let ejected = store.eject(&view, command.out.as_deref(), command.in_place)?;
    let file = ejected.declared_in.display();
    match context.format {
        Format::Json => output::json(&serde_json::json!({
            "view": ejected.view,
            "transform": ejected.folder,
            "files": ejected.files,
            "declaration": ejected.declaration,
            "declared_in": ejected.declared_in,
            "in_place": ejected.in_place,
        }))?,
        Format::Text => {
            let others = ejected.files.iter().filter(|file| !file.starts_with(&ejected.folder)).count();
            let with = match others {
                0 => String::new(),
                _ => format!(
                    ", with a workspace and a copy of the SDK ({})",
                    output::count(others as u64, "file", "files")
                ),
            };
            output::line(&format!("{}: {}/src/lib.rs{with}", ejected.view, ejected.folder));
            if ejected.in_place {
                output::line(&format!("\n{file}: the view is now\n"));
            } else {
                output::line(&format!("\nPut this in the place of the view in {file}:\n"));
            }
            ejected.declaration.lines().for_each(output::line);
            output::line(&format!("\nThen:\n  onepath build\n  onepath check {}", ejected.view));
            output::line("  onepath materialize     # states are of the component that made them");
        }
    }
    Ok(ExitCode::SUCCESS)
}
