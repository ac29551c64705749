//! `onepath import-feast`

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::bail;
use clap::Args;

use super::feast_python::{FeastPython, PythonArgument};
use super::{Context, Format, output, quoted};
use crate::feast::{ImportOptions, Imported, Told, import};
use crate::project::PROJECT_FILE;
use crate::scaffold::{File, check_empty, write_files};

/// Make a project that has the features of a Feast repository.
///
/// Feast itself loads the repository, by the Python that has it: its entities, file sources, feature views and services become a project
/// whose views are declared (`latest`, `tie_break`, `ttl`). It needs no Rust, and reads the same files. What was not carried over is
/// listed, each with its reason, and stands at the end of onepath.toml too; Python of on-demand views stands there to be rewritten.
/// The repository is left as it is. Exit 2 where nothing could be carried over.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath import-feast my_project/feature_repo --out features
  onepath import-feast feature_repo --out features --python .venv/bin/python
  onepath import-feast feature_repo --out features --arrival     # events count from when they were created
  onepath compare-feast features feature_repo --spine labels.parquet")]
pub(super) struct ImportFeast {
    /// The folder of the Feast repository, which holds feature_store.yaml.
    #[arg(value_name = "REPO")]
    repository: PathBuf,
    /// The project's folder: one that does not exist yet, or is empty.
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    #[command(flatten)]
    python: PythonArgument,
    /// Events are available when they were created (the created timestamp column), not when they happened: training sets then
    /// see what was known, and no more; Feast's see later corrections too.
    #[arg(long)]
    arrival: bool,
}

pub(super) fn run(context: &Context, command: &ImportFeast) -> anyhow::Result<ExitCode> {
    check_empty(&command.out)?;
    let repository = FeastPython::start(&command.python, &command.repository)?.read()?;
    let dir = std::path::absolute(&command.out)?.components().collect();
    let imported = import(&repository, &ImportOptions { dir, arrival: command.arrival });
    if imported.views.is_empty() {
        list("not carried over", &imported.left);
        bail!("{} has nothing that can be carried over: no project was written", command.repository.display());
    }
    let file = |path: &str, text: String| File { path: path.into(), text };
    write_files(&command.out, &[file(PROJECT_FILE, imported.toml()), file(".gitignore", "/.onepath/\n".to_owned())])?;
    match context.format {
        Format::Json => output::json(&serde_json::json!({
            "project": std::path::absolute(&command.out)?,
            "views": imported.views.iter().map(|view| &view.name).collect::<Vec<_>>(),
            "services": imported.services.iter().map(|service| &service.name).collect::<Vec<_>>(),
            "otherwise": imported.otherwise,
            "left": imported.left,
        }))?,
        Format::Text => print(command, &imported),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(command: &ImportFeast, imported: &Imported) {
    let features = imported.views.iter().map(|view| view.features.len()).sum::<usize>() as u64;
    output::line(&format!(
        "{}: {} with {}, {}",
        command.out.display(),
        output::count(imported.views.len() as u64, "view", "views"),
        output::count(features, "feature", "features"),
        output::count(imported.services.len() as u64, "service", "services"),
    ));
    list("carried over otherwise than it is in Feast", &imported.otherwise);
    list("not carried over", &imported.left);
    let what = match imported.services.first() {
        Some(service) => format!("--service {}", service.name),
        None => format!("--features {}:{}", imported.views[0].name, imported.views[0].features[0].0),
    };
    output::line(&format!("\nNext:\n  cd {}", quoted(&command.out.to_string_lossy())));
    output::line("  onepath build");
    output::line(&format!("  onepath backfill {what} --spine FILE --out training.parquet"));
}

fn list(title: &str, told: &[Told]) {
    if !told.is_empty() {
        output::line(&format!("\n{title}:"));
        told.iter().for_each(|one| output::line(&format!("  {}: {}", one.what, one.why)));
    }
}
