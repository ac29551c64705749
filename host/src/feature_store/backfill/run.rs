//! What every way of running a backfill needs, and what is known before it runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::spine_file::Leading;
use super::{BackfillRequest, field, wrong};
use crate::Error;
use crate::events::Pushed;
use crate::feature_store::FeaturePlan;
use crate::feature_store::history::Events;
use crate::files::storage::Version;
use crate::files::{InputError, Storage};
use crate::project::{Project, Source, is_same_file};
use crate::replay::Proving;

/// What every way of running needs.
pub(super) struct Run<'a> {
    pub(super) plan: &'a FeaturePlan,
    pub(super) request: &'a BackfillRequest,
    /// The names of the feature columns.
    pub(super) names: Vec<String>,
    pub(super) inputs: Vec<PathBuf>,
    pub(super) pushed: Option<Pushed<'a>>,
    pub(super) proving: Proving,
}

impl Run<'_> {
    pub(super) fn events(&self) -> Events<'_> {
        Events::Declared { overrides: &self.request.overrides, pushed: self.pushed }
    }

    /// The newest offset of the log, where some source of the plan reads it.
    pub(super) fn log_offset(&self) -> Option<u64> {
        let overridden = |source: &Source| self.request.overrides.iter().any(|given| given.source == source.name);
        let reads_log = self.plan.views.iter().flat_map(|view| &view.sources).any(|source| !overridden(source));
        self.pushed.filter(|_| reads_log).map(|pushed| pushed.up_to)
    }

    /// The epoch of the log that is read, where it is not the first.
    pub(super) fn log_epoch(&self) -> Option<u64> {
        self.log_offset().and(self.pushed).map(|pushed| pushed.log.epoch()).filter(|epoch| *epoch > 0)
    }

    /// The columns that lead, then one per feature.
    pub(super) fn schema(&self, leading: &[(FieldRef, Leading)]) -> Result<SchemaRef, Error> {
        if let Some((field, _)) = leading.iter().find(|(field, _)| self.names.contains(field.name())) {
            return Err(wrong(format!(
                "the spine already has a column {}: give --full-feature-names, or rename the spine's column",
                field.name()
            )));
        }
        let spine = leading.iter().map(|(field, _)| Arc::clone(field));
        let features = self.names.iter().zip(self.plan.types());
        let features = features.map(|(name, value_type)| field(name, value_type));
        Ok(Arc::new(Schema::new(spine.chain(features).collect::<Vec<FieldRef>>())))
    }

    /// The inputs with their sizes and versions, but for the project file, of which the plan is what counts.
    pub(super) fn changes(
        &self,
        project: &Project,
        storage: &dyn Storage,
    ) -> Result<Vec<(PathBuf, u64, Version)>, Error> {
        let change = |path: &PathBuf| {
            let identity = storage.identity(path).map_err(|error| InputError::from_storage(path, error))?;
            Ok((project.recorded_path(path), identity.bytes, identity.version))
        };
        self.inputs[1..].iter().map(change).collect()
    }
}

/// Refuses an output that would replace what the run reads.
pub(super) fn check_output(out: &Path, inputs: &[PathBuf]) -> Result<(), Error> {
    match inputs.iter().find(|input| is_same_file(input, out)) {
        Some(input) => {
            Err(wrong(format!("{} would be replaced, but the run reads {}", out.display(), input.display())))
        }
        None => Ok(()),
    }
}

/// The names of the feature columns; two of one name are refused.
pub(super) fn feature_names(plan: &FeaturePlan, full: bool) -> Result<Vec<String>, Error> {
    let names = plan.names(full);
    for (at, name) in names.iter().enumerate() {
        if names[..at].contains(name) {
            let help = if full { "name it once" } else { "give --full-feature-names, or name it once" };
            return Err(wrong(format!("two of the features asked for would be in one column {name}: {help}")));
        }
    }
    Ok(names)
}
