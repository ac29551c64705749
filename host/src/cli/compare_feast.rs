//! `onepath compare-feast`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use arrow::array::RecordBatch;
use clap::Args;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::json;

use super::feast_python::{FeastPython, PythonArgument};
use super::{Context, Format, output};
use crate::feast::{
    Answers, ComparedView, Comparison, Example, Fact, ImportOptions, Imported, Reason, Repository, Told, import, told,
};
use crate::feature_store::{BackfillRequest, FeatureSelection, FeatureStore, OpenOptions, SpineSource};
use crate::files::{self, FileSystem};
use crate::project::{Project, Source};

/// Compare the training set of an imported project with that of its Feast repository, value by value.
///
/// Both answer the same entity rows: Feast by get_historical_features, onepath by a backfill. Each feature is compared, and each difference
/// gets a reason that is proved by the events of the entity; three examples are shown of each. Feast works in a temporary folder, and the
/// repository is left as it is. Exit 0: every difference has a known reason. Exit 1: one has none.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath compare-feast features my_project/feature_repo --spine labels.parquet
  onepath compare-feast features feature_repo --spine labels.csv --service driver_activity_v1 --python .venv/bin/python
  onepath compare-feast features feature_repo --spine labels.csv --as-of-column label_date --format json")]
pub(super) struct CompareFeast {
    /// The project's folder, which `onepath import-feast` made.
    #[arg(value_name = "PROJECT")]
    imported: PathBuf,
    /// The folder of the Feast repository, which holds feature_store.yaml.
    #[arg(value_name = "REPO")]
    repository: PathBuf,
    /// The entity rows: a .parquet, .csv or .ndjson file of keys and as-ofs.
    #[arg(long, value_name = "FILE")]
    spine: PathBuf,
    /// The features of one service, as both have them [default: all views whose keys the spine has].
    #[arg(long, value_name = "NAME")]
    service: Option<String>,
    /// The spine's column of the as-of [default: as_of, or event_timestamp].
    #[arg(long, value_name = "COLUMN")]
    as_of_column: Option<String>,
    #[command(flatten)]
    python: PythonArgument,
}

pub(super) fn run(context: &Context, command: &CompareFeast) -> anyhow::Result<ExitCode> {
    let store = FeatureStore::open(&command.imported, context.options(OpenOptions::default()))?;
    let mut feast = FeastPython::start(&command.python, &command.repository)?;
    let repository = feast.read()?;
    let dir = std::path::absolute(&command.imported)?.components().collect();
    let imported = import(&repository, &ImportOptions { dir, arrival: false });
    let columns = files::column_names(&FileSystem, &command.spine)?;
    let as_of = as_of_column(command, &columns)?;
    let (views, not_compared) = choose(command, store.project(), &imported, &columns)?;
    if views.is_empty() {
        not_compared.iter().for_each(|one| output::line(&format!("not compared: {}: {}", one.what, one.why)));
        bail!("there is nothing to compare");
    }
    // What both answered, for as long as it is compared.
    let folder = tempfile::tempdir()?;
    let (here, there) = (folder.path().join("onepath.parquet"), folder.path().join("feast.parquet"));
    let references = views.iter().flat_map(ComparedView::references).map(|text| text.parse());
    let report = store.backfill(&BackfillRequest {
        selection: FeatureSelection::References(references.collect::<Result<_, _>>()?),
        spine: SpineSource::File { path: command.spine.clone(), as_of_column: Some(as_of.clone()), as_of_unit: None },
        out: here.clone(),
        overrides: Vec::new(),
        full_feature_names: true,
        resume: false,
    })?;
    if let Some(offset) = report.log_offset.filter(|offset| *offset > 0) {
        output::warning(&format!("{offset} pushed events count too in onepath, and Feast's files may not have them"));
    }
    let keys: serde_json::Map<String, serde_json::Value> =
        views.iter().flat_map(ComparedView::keys).map(|(here, there)| (here.to_owned(), json!(there))).collect();
    let asked = |mut question: serde_json::Value| {
        (question["rows"], question["keys"], question["as_of"]) = (json!(here), json!(keys), json!(as_of));
        question
    };
    let projections: Vec<serde_json::Value> = views.iter().map(ComparedView::projection).collect();
    let history = json!({ "projections": projections, "out": there });
    let _: serde_json::Value = feast.ask("history", asked(history))?;
    let answers = Answers::new(views, &as_of, &batches(&here)?, &batches(&there)?)?;
    let facts: Vec<Vec<Fact>> = match answers.question() {
        Some(question) => feast.ask("facts", asked(question))?,
        None => Vec::new(),
    };
    let compared = answers.compare(facts)?;
    match context.format {
        Format::Json => output::json(&json!({
            "feast": repository.feast,
            "offline_store": repository.offline_store,
            "not_compared": not_compared,
            "comparison": compared,
        }))?,
        Format::Text => print(&repository, &compared, &not_compared),
    }
    Ok(if compared.explained { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

/// The spine's column of the as-of, as a backfill finds it.
fn as_of_column(command: &CompareFeast, columns: &[String]) -> anyhow::Result<String> {
    let named = command.as_of_column.as_deref().map_or(vec!["as_of", "event_timestamp"], |name| vec![name]);
    let found = named.iter().find(|name| columns.iter().any(|column| column == *name));
    let found = found.with_context(|| {
        format!(
            "{} has no column {}: name that of the as-of, --as-of-column COLUMN",
            command.spine.display(),
            named.join(" or ")
        )
    })?;
    Ok((*found).to_owned())
}

/// What is compared, and what is not: the views of the service, or all, that the project has and whose keys the spine has.
fn choose(
    command: &CompareFeast,
    project: &Project,
    imported: &Imported,
    columns: &[String],
) -> anyhow::Result<(Vec<ComparedView>, Vec<Told>)> {
    let chosen: Vec<(usize, Vec<usize>)> = match &command.service {
        None => imported.views.iter().enumerate().map(|(at, view)| (at, (0..view.features.len()).collect())).collect(),
        Some(name) => {
            project.service(name)?;
            let service = imported.services.iter().find(|service| service.name == *name);
            service.with_context(|| format!("the Feast repository has no service {name:?}"))?.features.clone()
        }
    };
    let (mut views, mut not_compared) = (Vec::new(), Vec::new());
    for (at, mut features) in chosen {
        let view = &imported.views[at];
        let mut leave = |what: String, why: &str| not_compared.push(Told { what, why: why.to_owned() });
        let Some(own) = project.views.iter().rfind(|own| own.name == view.name) else {
            leave(format!("view {}", view.name), "the project does not have it");
            continue;
        };
        if let Some(declaration) = own.transform.declaration() {
            let has = |at: &usize| declaration.features.iter().any(|feature| feature.name == view.features[*at].0);
            let lacks = features.iter().filter(|at| !has(at));
            lacks.for_each(|at| {
                leave(format!("feature {}:{}", view.name, view.features[*at].0), "the project does not have it")
            });
            features.retain(has);
        }
        let lacks =
            view.feast.keys.iter().find(|(_, key)| !columns.contains(key)).filter(|_| command.service.is_none());
        if let Some((_, key)) = lacks {
            leave(format!("view {}", view.name), &format!("the spine has no column {key}"));
            continue;
        }
        let sources: Vec<&Source> = own.sources.iter().filter_map(|name| project.source(name).ok()).collect();
        if sources.iter().any(|source| source.files.is_empty()) {
            leave(format!("view {}", view.name), "its source has no files here");
            continue;
        }
        let arrival = sources.iter().any(|source| source.arrival_time.is_some());
        if !features.is_empty() {
            views.push(ComparedView::new(view, features, arrival));
        }
    }
    Ok((views, not_compared))
}

/// The rows of a Parquet file.
fn batches(path: &Path) -> anyhow::Result<Vec<RecordBatch>> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(path)?)?;
    let empty = RecordBatch::new_empty(builder.schema().clone());
    let mut batches = builder.build()?.collect::<Result<Vec<_>, _>>()?;
    batches.push(empty);
    Ok(batches)
}

fn print(repository: &Repository, compared: &Comparison, not_compared: &[Told]) {
    let rows = |count: usize| output::count(count as u64, "row", "rows");
    output::line(&format!(
        "feast {} (offline store {}) and onepath: {}, of which Feast answers {}",
        repository.feast,
        repository.offline_store,
        output::count(compared.rows as u64, "entity row", "entity rows"),
        output::thousands(compared.rows_of_feast as u64),
    ));
    let header = ["feature", "rows", "equal", "differ", "null in feast", "null in onepath", "no row in feast"];
    let lines = compared.features.iter().map(|counts| {
        let numbers = [
            counts.rows,
            counts.equal,
            counts.differ,
            counts.null_in_feast,
            counts.null_in_onepath,
            counts.no_row_in_feast,
        ];
        let numbers = numbers.into_iter().map(|number| output::thousands(number as u64));
        std::iter::once(counts.feature.clone()).chain(numbers).collect()
    });
    output::table(&header, lines.collect());
    for reasoned in &compared.reasons {
        let values = match reasoned.values {
            0 => String::new(),
            values => format!(", {}", output::count(values as u64, "value", "values")),
        };
        output::line(&format!("\n{}: {}{values}", reasoned.reason.name(), rows(reasoned.rows)));
        output::line(&format!("  {}", reasoned.explanation));
        reasoned.examples.iter().for_each(|example| output::line(&format!("  - {}", line(example))));
    }
    not_compared.iter().for_each(|one| output::line(&format!("\nnot compared: {}: {}", one.what, one.why)));
    let unexplained = compared.reasons.iter().find(|reasoned| reasoned.reason == Reason::Unexplained);
    output::line(&match (unexplained, compared.reasons.is_empty()) {
        (Some(reasoned), _) => format!("\n{} with a difference that nothing explains", rows(reasoned.rows)),
        (None, true) => "\nno difference".to_owned(),
        (None, false) => "\nevery difference is explained".to_owned(),
    });
}

fn line(example: &Example) -> String {
    let mut text = format!("{} as of {}: ", told(&example.entity), example.as_of);
    if let (Some(feature), Some(onepath), Some(feast)) = (&example.feature, &example.onepath, &example.feast) {
        text += &format!("{feature} is {onepath} in onepath, {feast} in Feast; ");
    }
    text + &example.detail
}
