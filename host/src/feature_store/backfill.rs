//! A backfill: from a spine file, or a rule that makes one, to a training set with its manifest.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::history::{Events, spine_of_keys};
use super::manifest::{FAILURES_SHOWN, MadeOf, Manifest, SpineRecord};
use super::{FeaturePlan, FeatureSelection, FeatureStore, SourceOverride, Spine};
use crate::Error;
use crate::batch::{Column, Values};
use crate::entity::{EntityKey, KeyInterner};
use crate::events::{Keep, Pushed, read_events};
use crate::files::{self, Digests, Nulls, Rest, TableWriter, Wanted};
use crate::project::Source;
use crate::replay::{Replayed, at_events, on_grid};
use crate::schema::ValueType;
use crate::time::{AsOf, Length, TimeUnit};

/// Where the questions of a backfill come from.
#[derive(Clone, Debug)]
pub enum SpineSource {
    /// A file with entity keys, as-of, request fields, and columns that pass through.
    File {
        /// The file.
        path: PathBuf,
        /// The column of the as-of; by default `as_of` or `event_timestamp`.
        as_of_column: Option<String>,
        /// The unit of an as-of column of plain integers.
        as_of_unit: Option<TimeUnit>,
    },
    /// Each event of the views' sources, as of when it was available.
    AtEvents,
    /// Every entity seen by then, at regular moments.
    Grid {
        /// The step.
        every: Length,
        /// The first moment.
        from: AsOf,
        /// The last moment, inclusive.
        to: AsOf,
    },
}

/// A backfill to run.
#[derive(Clone, Debug)]
pub struct BackfillRequest {
    /// The features.
    pub selection: FeatureSelection,
    /// The questions.
    pub spine: SpineSource,
    /// The file to write: `.parquet`, `.csv` or `.ndjson`.
    pub out: PathBuf,
    /// Files that stand for sources.
    pub overrides: Vec<SourceOverride>,
    /// Whether feature columns are named `view__feature`.
    pub full_feature_names: bool,
}

/// What a backfill did.
#[derive(Clone, Debug, serde::Serialize)]
pub struct BackfillReport {
    /// The training set.
    pub out: PathBuf,
    /// Its manifest.
    pub manifest: PathBuf,
    /// Rows written.
    pub rows: u64,
    /// Feature columns written.
    pub features: usize,
    /// Events that the files of the sources hold.
    pub events: u64,
    /// Rows without an answer: events left out, questions answered with nulls.
    pub failures: u64,
    /// The newest offset of the log, where pushed events were read too.
    pub log_offset: Option<u64>,
    /// SHA-256 of the training set.
    pub sha256: String,
}

/// The name of the as-of column of feature history.
const AS_OF: &str = "as_of";

/// Rows of one batch of the output.
const WRITE_ROWS: usize = 8_192;

/// Rows that a grid may have: what a run holds in memory.
const GRID_ROWS_MAX: i128 = 20_000_000;

/// Key of the manifest in the metadata of a Parquet training set.
const MANIFEST_KEY: &str = "onepath.manifest";

/// A spine with the columns that lead the output: those of its file, in their order.
struct LedSpine {
    spine: Spine,
    fields: Vec<FieldRef>,
    columns: Vec<Leading>,
    record: SpineRecord,
}

/// Where a column that leads the output comes from.
enum Leading {
    /// A key column of the spine.
    Key(usize),
    /// The as-of.
    AsOf,
    /// A request field of the spine.
    Request(usize),
    /// A column that passes through.
    Rest(ArrayRef),
}

impl FeatureStore {
    /// Writes a training set and, beside it, `OUT.manifest.json`.
    pub fn backfill(&mut self, request: &BackfillRequest) -> Result<BackfillReport, Error> {
        for given in &request.overrides {
            self.project().source(&given.source)?;
        }
        if files::Format::of(&request.out).is_none() {
            return Err(wrong(format!("{}: the output must end in .parquet, .csv or .ndjson", request.out.display())));
        }
        let plan = self.plan(&request.selection)?;
        let names = feature_names(&plan, request.full_feature_names)?;
        let inputs = self.inputs(&plan, request)?;
        check_output(&request.out, &inputs)?;
        let log = self.log_for_reading()?;
        // One offset for the whole run, so that events that are pushed meanwhile are in all of it or in none.
        let pushed = log.as_ref().map(Pushed::all).transpose()?;
        let led = match &request.spine {
            SpineSource::File { path, as_of_column, as_of_unit } => {
                spine_from_file(&plan, path, as_of_column.as_deref(), *as_of_unit)?
            }
            rule => self.spine_from_rule(&plan, rule, &request.overrides, pushed)?,
        };
        if let Some(field) = led.fields.iter().find(|field| names.contains(field.name())) {
            return Err(wrong(format!(
                "the spine already has a column {}: give --full-feature-names, or rename the spine's column",
                field.name()
            )));
        }
        // Begun before the long work, so that an output that cannot be written is told at once.
        let schema = schema(&led, &names, &plan);
        let writer = TableWriter::create(&request.out, &schema, self.options().threads)?;
        let mut digests = Digests::begin(&inputs[1..], self.options().threads);
        let events = Events::Declared { overrides: &request.overrides, pushed };
        let (replayed, files) = self.replay_views(&plan, &led.spine, events)?;
        let overridden = |source: &Source| request.overrides.iter().any(|given| given.source == source.name);
        let reads_log = plan.views.iter().flat_map(|view| &view.sources).any(|source| !overridden(source));
        let mut record = led.record.clone();
        if let SpineRecord::File { path, sha256, .. } = &mut record {
            *sha256 = digests.of(path)?;
        }
        let failures = replayed.iter().flat_map(|view| &view.failures);
        let made_of = MadeOf {
            files: &files,
            failures: failures.clone().count() as u64,
            first_failures: failures.take(FAILURES_SHOWN).map(ToString::to_string).collect(),
            spine: record,
            rows: led.spine.rows() as u64,
            log_offset: pushed.filter(|_| reads_log).map(|pushed| pushed.up_to),
        };
        let manifest = Manifest::new(self, &plan, made_of, &mut digests)?;
        write(&request.out, writer, &schema, led, features(&plan, replayed)?, manifest)
    }

    /// The files that the run reads: sources, spine and project file.
    fn inputs(&self, plan: &FeaturePlan, request: &BackfillRequest) -> Result<Vec<PathBuf>, Error> {
        let mut inputs = vec![self.project().root.join("onepath.toml")];
        if let SpineSource::File { path, .. } = &request.spine {
            inputs.push(path.clone());
        }
        let events = Events::Declared { overrides: &request.overrides, pushed: None };
        for view in &plan.views {
            inputs.extend(self.source_inputs(view, events)?.into_iter().flat_map(|source| source.files));
        }
        Ok(inputs)
    }

    /// Feature history: the entities and moments come from the events themselves.
    fn spine_from_rule(
        &self,
        plan: &FeaturePlan,
        rule: &SpineSource,
        overrides: &[SourceOverride],
        pushed: Option<Pushed<'_>>,
    ) -> Result<LedSpine, Error> {
        if let Some(field) = plan.request_fields()?.first() {
            return Err(wrong(format!(
                "feature history has no request fields, and a view asked for reads {}: give a --spine with that column",
                field.name
            )));
        }
        let views: Vec<_> = plan.views.iter().filter(|view| view.program.has_sources()).collect();
        let Some(entity) = views.first().and_then(|view| view.entity.as_ref()) else {
            return Err(wrong("feature history needs a view with sources: give a --spine".to_owned()));
        };
        if let Some(other) = views.iter().filter_map(|view| view.entity.as_ref()).find(|e| e.name != entity.name) {
            return Err(wrong(format!(
                "feature history is of one entity, and the views asked for have {} and {}: give a --spine",
                entity.name, other.name
            )));
        }
        let mut interner = KeyInterner::new();
        let mut asked: Vec<(AsOf, u32)> = Vec::new();
        let mut all = Vec::new();
        for view in views {
            let inputs = self.source_inputs(view, Events::Declared { overrides, pushed })?;
            all.push(read_events(&[], &inputs, Keep::All(&mut interner), self.options().threads)?.0);
        }
        if let SpineSource::Grid { every, from, to } = rule {
            check_grid(*every, *from, *to, interner.len())?;
        }
        let (entities, moments) = match rule {
            SpineSource::Grid { every, from, to } => on_grid(&all, interner.len(), *from, *to, every.0),
            _ => at_events(&all),
        };
        asked.extend(moments.into_iter().zip(entities));
        let mut asked: Vec<(AsOf, EntityKey)> = asked.iter().map(|(at, entity)| (*at, interner.key(*entity))).collect();
        asked.sort_unstable();
        let asked: Vec<(EntityKey, AsOf)> = asked.into_iter().map(|(as_of, key)| (key, as_of)).collect();
        let spine = spine_of_keys(entity, &asked)?;
        let mut fields: Vec<FieldRef> =
            spine.keys.iter().map(|(name, column)| field(name, column.value_type())).collect();
        fields.push(field(AS_OF, ValueType::Time));
        let columns = (0..spine.keys.len()).map(Leading::Key).chain([Leading::AsOf]).collect();
        let record = match rule {
            SpineSource::Grid { every, from, to } => {
                SpineRecord::Grid { every: every.to_string(), from: from.to_string(), to: to.to_string() }
            }
            _ => SpineRecord::AtEvents { at: "events" },
        };
        Ok(LedSpine { spine, fields, columns, record })
    }
}

/// Refuses a grid without steps, or one of more rows than a run holds in memory.
fn check_grid(every: Length, from: AsOf, to: AsOf, entities: usize) -> Result<(), Error> {
    if every.0 <= 0 {
        return Err(wrong("--every must be longer than nothing, such as 1d".to_owned()));
    }
    if from > to {
        return Err(wrong(format!("the grid begins at {from}, which is after its end {to}")));
    }
    let moments = (i128::from(to.0) - i128::from(from.0)) / i128::from(every.0) + 1;
    let rows = moments.saturating_mul(entities as i128);
    if moments > GRID_ROWS_MAX || rows > GRID_ROWS_MAX {
        return Err(wrong(format!(
            "the grid has {moments} moments for {entities} entities; at most {GRID_ROWS_MAX} rows are made at once: take a longer \
             --every, or fewer days at a time"
        )));
    }
    Ok(())
}

/// Refuses an output that would replace what the run reads.
fn check_output(out: &Path, inputs: &[PathBuf]) -> Result<(), Error> {
    let Ok(target) = std::fs::canonicalize(out) else { return Ok(()) };
    match inputs.iter().find(|input| std::fs::canonicalize(input).is_ok_and(|input| input == target)) {
        Some(input) => {
            Err(wrong(format!("{} would be replaced, but the run reads {}", out.display(), input.display())))
        }
        None => Ok(()),
    }
}

/// The spine's columns, then one per feature.
fn schema(led: &LedSpine, names: &[String], plan: &FeaturePlan) -> SchemaRef {
    let spine = led.fields.iter().map(Arc::clone);
    let features = names.iter().zip(plan.types());
    let features = features.map(|(name, value_type)| Arc::new(files::arrow_field(name, value_type, true)));
    Arc::new(Schema::new(spine.chain(features).collect::<Vec<FieldRef>>()))
}

/// The features asked for, as arrays in the plan's order.
fn features(plan: &FeaturePlan, mut replayed: Vec<Replayed>) -> Result<Vec<ArrayRef>, Error> {
    let mut made: Vec<((usize, usize), ArrayRef)> = Vec::new();
    for feature in &plan.features {
        let place = (feature.view, feature.feature);
        if !made.iter().any(|(known, _)| *known == place) {
            let column = &mut replayed[place.0].features[place.1];
            let column = std::mem::replace(column, Column::new(column.value_type()));
            made.push((place, array(column)?));
        }
    }
    let of = |place: (usize, usize)| made.iter().find(|(known, _)| *known == place).map(|(_, array)| Arc::clone(array));
    Ok(plan.features.iter().filter_map(|feature| of((feature.view, feature.feature))).collect())
}

impl LedSpine {
    /// The columns that lead the output.
    fn into_arrays(self) -> Result<Vec<ArrayRef>, Error> {
        let Self { mut spine, columns, .. } = self;
        let take = |columns: &mut [(String, Column)], at: usize| {
            let column = &mut columns[at].1;
            let value_type = column.value_type();
            std::mem::replace(column, Column::new(value_type))
        };
        let leading = columns.into_iter().map(|leading| match leading {
            Leading::Key(at) => array(take(&mut spine.keys, at)),
            Leading::Request(at) => array(take(&mut spine.request_fields, at)),
            Leading::AsOf => array(as_of_column(&spine)),
            Leading::Rest(array) => Ok(array),
        });
        leading.collect()
    }
}

/// Writes the rows and then the manifest beside them.
fn write(
    out: &Path,
    mut writer: TableWriter,
    schema: &SchemaRef,
    led: LedSpine,
    features: Vec<ArrayRef>,
    mut manifest: Manifest,
) -> Result<BackfillReport, Error> {
    let rows = led.spine.rows();
    let feature_count = features.len();
    let mut arrays = led.into_arrays()?;
    arrays.extend(features);
    let batch = RecordBatch::try_new(Arc::clone(schema), arrays).map_err(|error| wrong(error.to_string()))?;
    for start in (0..rows).step_by(WRITE_ROWS) {
        writer.write(&batch.slice(start, WRITE_ROWS.min(rows - start)))?;
    }
    // The manifest of an earlier output goes first: a process that dies here leaves a training set without one, never with
    // that of another.
    let sidecar = sidecar_path(out);
    if sidecar.exists() {
        std::fs::remove_file(&sidecar).map_err(|source| Error::Write { path: sidecar.clone(), source })?;
    }
    let written = writer.finish(&[(MANIFEST_KEY.to_owned(), manifest.to_json())])?;
    manifest.set_output(out, &written.sha256, written.bytes);
    files::write_text(&sidecar, &manifest.to_json())?;
    Ok(BackfillReport {
        out: out.to_owned(),
        manifest: sidecar,
        rows: rows as u64,
        features: feature_count,
        events: manifest.events(),
        failures: manifest.failures(),
        log_offset: manifest.log_offset(),
        sha256: written.sha256,
    })
}

/// Reads a spine: keys, as-of and request fields by their types, everything else as it is.
fn spine_from_file(
    plan: &FeaturePlan,
    path: &Path,
    as_of_column_name: Option<&str>,
    as_of_unit: Option<TimeUnit>,
) -> Result<LedSpine, Error> {
    let names = files::column_names(path)?;
    let as_of_name = match as_of_column_name {
        Some(name) => name.to_owned(),
        None => {
            let known = [AS_OF, "event_timestamp"].iter().find(|known| names.iter().any(|name| name == *known));
            let missing = || {
                wrong(format!(
                    "{} has neither as_of nor event_timestamp: name the column of the cut-off with --as-of-column; it has: {}",
                    path.display(),
                    names.join(", ")
                ))
            };
            (*known.ok_or_else(missing)?).to_owned()
        }
    };
    let (keys, fields) = (plan.keys(), plan.request_fields()?);
    let column = |name: &str, value_type, nulls, unit| Wanted { name: name.to_owned(), value_type, nulls, unit };
    let mut wanted: Vec<Wanted> =
        keys.iter().map(|key| column(&key.name, key.key_type.value_type(), Nulls::Refused, None)).collect();
    wanted.push(column(&as_of_name, ValueType::Time, Nulls::Refused, as_of_unit));
    for field in &fields {
        let nulls = if field.nullable { Nulls::Allowed } else { Nulls::Refused };
        wanted.push(column(&field.name, field.value_type, nulls, None));
    }
    let mut typed: Vec<Column> = wanted.iter().map(|wanted| Column::new(wanted.value_type)).collect();
    let mut rest = Vec::new();
    for table in files::open(path, &wanted, Rest::Keep)? {
        let table = table?;
        for (all, column) in typed.iter_mut().zip(&table.columns) {
            all.append(column)?;
        }
        rest.extend(table.rest);
    }
    let rest = match rest.first() {
        Some(first) => {
            Some(arrow::compute::concat_batches(&first.schema(), &rest).map_err(|error| wrong(error.to_string()))?)
        }
        None => None,
    };
    let rows = typed[keys.len()].len();
    // The columns keep the order that they have in the file.
    let (mut leading, mut leading_fields) = (Vec::new(), Vec::new());
    for name in &names {
        if let Some(at) = wanted.iter().position(|wanted| wanted.name == *name) {
            leading_fields.push(field(name, wanted[at].value_type));
            leading.push(match at.checked_sub(keys.len()) {
                None => Leading::Key(at),
                Some(0) => Leading::AsOf,
                Some(at) => Leading::Request(at - 1),
            });
        } else if let Some(rest) = &rest
            && let Ok(at) = rest.schema().index_of(name)
        {
            leading_fields.push(rest.schema().fields()[at].clone());
            leading.push(Leading::Rest(Arc::clone(rest.column(at))));
        }
    }
    let request_fields = typed.split_off(keys.len() + 1);
    let as_of = typed.pop().expect("the as-of column was read");
    let spine = Spine {
        keys: keys.iter().map(|key| key.name.clone()).zip(typed).collect(),
        as_of: match as_of.values() {
            Values::Times(times) => times.iter().copied().map(AsOf).collect(),
            _ => Vec::new(),
        },
        request_fields: fields.iter().map(|field| field.name.clone()).zip(request_fields).collect(),
    };
    let record = SpineRecord::File {
        path: path.to_owned(),
        as_of_column: as_of_name,
        rows: rows as u64,
        // Read beside the work, and filled in before it is told.
        sha256: String::new(),
    };
    Ok(LedSpine { spine, fields: leading_fields, columns: leading, record })
}

/// The names of the feature columns; two of one name are refused.
fn feature_names(plan: &FeaturePlan, full: bool) -> Result<Vec<String>, Error> {
    let names = plan.names(full);
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            let help = if full { "name it once" } else { "give --full-feature-names, or name it once" };
            return Err(wrong(format!("two of the features asked for would be in one column {name}: {help}")));
        }
    }
    Ok(names)
}

fn as_of_column(spine: &Spine) -> Column {
    Column::from_parts(Values::Times(spine.as_of.iter().map(|as_of| as_of.0).collect()), None)
}

fn array(column: Column) -> Result<ArrayRef, Error> {
    files::into_arrow(column).map_err(|error| wrong(error.to_string()))
}

fn field(name: &str, value_type: ValueType) -> FieldRef {
    Arc::new(files::arrow_field(name, value_type, true))
}

fn sidecar_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".manifest.json");
    PathBuf::from(name)
}

fn wrong(message: String) -> Error {
    Error::Request { message }
}
