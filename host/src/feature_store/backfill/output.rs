//! Writing a training set, and its manifest beside it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::SchemaRef;

use super::profiling::{self, Profiling};
use super::{
    BackfillReport, BackfillTimes, FeatureNulls, Made, ProofSummary, Run, RunSummary, Seen, SpineSource, ViewSeen,
    array, wrong,
};
use crate::Error;
use crate::batch::Column;
use crate::events::FileCount;
use crate::feature_store::manifest::{MadeOf, Manifest, SpineRecord};
use crate::feature_store::warnings::SpineColumn;
use crate::feature_store::{FeaturePlan, FeatureStore, RefusedEntity};
use crate::files::{self, Digests, TableWriter};
use crate::replay::Replayed;

/// Key of the manifest in the metadata of a Parquet training set.
const MANIFEST_KEY: &str = "onepath.manifest";

/// Files that are named one by one.
const FILES_SHOWN: usize = 5;

/// A training set in the making.
pub(super) struct Output<'a> {
    run: &'a Run<'a>,
    writer: TableWriter,
    schema: SchemaRef,
    digests: Digests,
    /// Per feature, its nulls so far.
    nulls: Vec<u64>,
}

impl<'a> Output<'a> {
    pub(super) fn new(run: &'a Run<'a>, writer: TableWriter, schema: SchemaRef, digests: Digests) -> Self {
        Self { run, writer, schema, digests, nulls: vec![0; run.names.len()] }
    }

    /// Appends rows: the columns that lead, then the features.
    pub(super) fn write(&mut self, arrays: Vec<ArrayRef>) -> Result<(), Error> {
        let features = &arrays[arrays.len() - self.nulls.len()..];
        self.nulls.iter_mut().zip(features).for_each(|(nulls, array)| *nulls += array.null_count() as u64);
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| wrong(error.to_string()))?;
        Ok(self.writer.write(&batch)?)
    }

    /// Ends the file, and writes the manifest beside it.
    pub(super) fn finish(
        mut self,
        store: &FeatureStore,
        made: Made,
        mut record: SpineRecord,
        profiling: Profiling,
    ) -> Result<BackfillReport, Error> {
        let mut summary = self.summary(store, &made, &record)?;
        summary.warnings.extend(self.unlike_materialized(store, &made)?);
        summary.warnings.iter().for_each(|warning| (store.options().warning)(warning));
        if let SpineRecord::File { path, rows, sha256, .. } = &mut record {
            (*rows, *sha256) = (made.rows, self.digests.of(path)?);
            *path = store.project().recorded_path(path);
        }
        self.check_servable(store, &summary)?;
        let made_of = MadeOf {
            files: &made.files,
            summary: summary.clone(),
            failures: made.failures,
            first_failures: made.first_failures,
            spine: record,
            rows: made.rows,
            log_offset: self.run.log_offset(),
            log_epoch: self.run.log_epoch(),
            overridden: &self.run.request.overrides,
        };
        let proof = self.proof(&made.seen);
        let mut manifest = Manifest::new(store, self.run.plan, made_of, &mut self.digests)?;
        // The manifest of an earlier output goes first: a process that dies here leaves a training set without one, never
        // with that of another.
        let out = &self.run.request.out;
        let sidecar = manifest_path(out);
        for earlier in [&sidecar, &profiling::profile_path(out)] {
            if earlier.exists() {
                std::fs::remove_file(earlier).map_err(|source| Error::Write { path: earlier.clone(), source })?;
            }
        }
        let (replay_cpu_s, proof_cpu_s) = self.run.proving.seconds();
        let times = BackfillTimes { replay_cpu_s, proof_cpu_s, ..BackfillTimes::default() };
        let written = self.writer.finish(&[(MANIFEST_KEY.to_owned(), manifest.to_json())])?;
        let profile =
            profiling::write(out, profiling.finish(self.run.plan, &made.seen).as_ref())?.map(|(path, record)| {
                manifest.set_profile(record);
                path
            });
        manifest.set_output(store.project().recorded_path(out), &written.sha256, written.bytes);
        files::write_text(&sidecar, &manifest.to_json())?;
        store.note_or_warn(out);
        Ok(BackfillReport {
            out: out.clone(),
            manifest: sidecar,
            profile,
            rows: made.rows,
            features: self.run.names.len(),
            events: manifest.events(),
            failures: made.failures,
            log_offset: manifest.log_offset(),
            summary,
            proof,
            sha256: written.sha256,
            entities: made.entities,
            partitions: made.partitions,
            sliced: made.sliced,
            spilled_bytes: made.spilled_bytes,
            times,
        })
    }
}

impl Output<'_> {
    /// What was proved of all views.
    fn proof(&self, seen: &[ViewSeen]) -> ProofSummary {
        let proved = seen.iter().map(|view| view.proved);
        ProofSummary {
            answers: proved.clone().map(|proved| proved.answers).sum(),
            entities: proved.map(|proved| proved.entities).max().unwrap_or(0),
            seed: self.run.proving.seed(),
        }
    }

    /// Where entities that could not be served are to end the run, ends it.
    fn check_servable(&self, store: &FeatureStore, summary: &RunSummary) -> Result<(), Error> {
        match summary.views.iter().find(|view| view.not_servable > 0) {
            Some(view) if store.options().strict => Err(Error::NotServable {
                view: view.view.clone(),
                entities: view.not_servable,
                first: view.first_not_servable.iter().map(RefusedEntity::to_string).collect::<Vec<_>>().join(", "),
            }),
            _ => Ok(()),
        }
    }

    /// Says which files are not those that were materialized: what is served comes from others than this training set.
    fn unlike_materialized(&mut self, store: &FeatureStore, made: &Made) -> Result<Vec<String>, Error> {
        let latest = self.run.pushed.map(|pushed| pushed.log.latest_history()).transpose()?.flatten();
        let Some((_, history)) = latest else { return Ok(Vec::new()) };
        let mut warnings = Vec::new();
        for recorded in &history.sources {
            let name = &recorded.source;
            let is_read = self.run.plan.views.iter().flat_map(|view| &view.sources).any(|source| source.name == *name);
            if !is_read || self.run.request.overrides.iter().any(|given| given.source == *name) {
                continue;
            }
            let mut unlike = Vec::new();
            for file in &recorded.files {
                let is_it = |count: &&FileCount| {
                    count.source == *name && store.project().recorded_path(&count.path) == file.path
                };
                match made.files.iter().find(is_it) {
                    Some(count) if self.digests.of(&count.path)? == file.sha256 => {}
                    Some(_) => unlike.push(format!("{} has other bytes", file.path.display())),
                    None => unlike.push(format!("{} is not read any more", file.path.display())),
                }
            }
            if !unlike.is_empty() {
                let more = match unlike.len().saturating_sub(FILES_SHOWN) {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                unlike.truncate(FILES_SHOWN);
                warnings.push(format!(
                    "source {name}: its files are not those that were materialized: {}{more}; what is served comes from the old \
                     ones: put them back, or run `onepath materialize`",
                    unlike.join(", ")
                ));
            }
        }
        Ok(warnings)
    }

    fn summary(&self, store: &FeatureStore, made: &Made, record: &SpineRecord) -> Result<RunSummary, Error> {
        let request = self.run.request;
        let nulls = self.run.names.iter().zip(&self.nulls);
        let overridden: Vec<&str> = request.overrides.iter().map(|given| given.source.as_str()).collect();
        let seen = Seen {
            asked: &made.asked,
            views: &made.seen,
            files: &made.files,
            left_out: &made.left_out,
            pushed: self.run.pushed,
            overridden: &overridden,
            nulls: nulls.map(|(feature, nulls)| FeatureNulls { feature: feature.clone(), nulls: *nulls }).collect(),
        };
        let spine = match (record, &request.spine) {
            (SpineRecord::File { path, as_of_column, .. }, SpineSource::File { as_of_unit, .. }) => {
                Some(SpineColumn { path, name: as_of_column, unit: *as_of_unit })
            }
            _ => None,
        };
        RunSummary::new(store.project(), store.storage(), self.run.plan, seen, spine)
    }
}

/// The features asked for, as arrays in the plan's order.
pub(super) fn features(plan: &FeaturePlan, mut replayed: Vec<Replayed>) -> Result<Vec<ArrayRef>, Error> {
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

/// Where the manifest of an output lies.
pub(in crate::feature_store) fn manifest_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".manifest.json");
    PathBuf::from(name)
}
