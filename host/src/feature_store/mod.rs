//! The feature store of one project: plans, training sets, materialized states. It knows nothing of answering online.
//!
//! - `plan`: from references to the views that must run, and `run_views`, which runs them in order, offline and online.
//! - `planning`: errors that planning can find are reported early. - `admit`, `check`: components are pinned and keep the laws.
//! - `components`: where they lie, and the component store. - `quarantine`: components that gave two answers stay out of use.
//! - `declared`: declared views are lowered and built. - `explain`: what a view gives and keeps, in words.
//! - `rules`: defaults and times to live of single features. - `identity`: what decides the values of a view.
//! - `schema`, `absent`: what events have, and which fields no file has.
//! - `history`: views replayed for a spine, over declared events or over those that serving saw. - `feeds`: what views share.
//! - `past`: questions about the past. - `history_index`: the events of a materialized history by entity, for them.
//! - `backfill`: training sets. - `manifest`, `summary`, `warnings`: what a run was made of, saw, and should tell.
//! - `materialize`, `fold`, `folded_ids`: history and log become online states, and the ids of history a file; `kept`: the project
//!   as it was then.
//! - `catalog`: what there is, whose it is, what it means, and who reads it. - `training_sets`: notes of those that were made.
//! - `clock`: what the log's clock says, and its repair. - `stores`: the stores of a project, open. - `spine`, `asked`: questions, and
//!   words for who was asked about. - `reset`: the stores are removed. - `skips`: what a project must agree on with its log.

mod absent;
mod admit;
mod asked;
mod backfill;
mod built;
mod catalog;
mod check;
mod clock;
mod components;
mod declared;
mod eject;
mod explain;
mod feeds;
mod fold;
mod folded_ids;
mod history;
mod history_index;
mod identity;
mod kept;
mod manifest;
mod materialize;
mod options;
mod past;
mod plan;
mod planning;
mod quarantine;
mod reset;
mod rules;
mod schema;
mod skips;
mod spine;
mod steps;
mod stores;
mod summary;
mod training_sets;
mod warnings;

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex};

use onepath_definition::Definition;

pub use admit::Locking;
use admit::stopped;
pub use backfill::{BackfillReport, BackfillRequest, BackfillTimes, ProofSummary, SpineSource};
pub use built::WhereStale;
pub(crate) use catalog::NewestEvents;
pub use catalog::{
    Catalog, Column, Described, EntityEntry, FeatureEntry, Filter, Freshness, Kind, Lineage, LineageEdge, LineageKind,
    LineageNode, Listing, Measured, Readers, Reads, ServiceEntry, ServiceFeature, ServiceInput, ServiceView,
    SourceColumn, SourceEntry, TrainingSetEntry, ViewEntry, ViewFeature,
};
pub use check::{Earlier, ViewCheck};
pub(crate) use clock::{AcceptAnswer, answer_accept};
pub use clock::{ClockReport, RepairReport};
pub(crate) use declared::{StandardChoice, transform_path};
pub use eject::{EjectError, Ejected};
pub use explain::{ExplainedFeature, ExplainedStore, ExplainedView};
pub(crate) use history::Events;
pub use history::{HistoricalFeatures, SourceOverride};
pub(crate) use identity::source_parts;
pub(crate) use kept::Behind;
pub(crate) use manifest::Manifest;
pub use materialize::{MaterializeReport, MaterializedView, RefusedEntity};
pub use options::OpenOptions;
pub(crate) use past::PastEvents;
pub(crate) use plan::run_views;
pub use plan::{FeaturePlan, FeatureSelection, PlannedFeature, PlannedView};
pub use quarantine::{QuarantineRecord, QuarantinedView};
pub use reset::{Kept, Reset, ResetFile};
pub(crate) use rules::recorded_rules;
pub(crate) use schema::{event_schema, with_inferred};
pub use spine::Spine;
pub use steps::{StateText, Step, StepEvent, Steps, StepsRequest};
pub use stores::Stores;
pub use summary::{FeatureNulls, RunSummary, SourceSummary, SpineSummary, UnseenEvents, ViewSummary};
pub use training_sets::{TRAINING_SETS_MAX, TrainingSet, TrainingSetView};
pub(crate) use warnings::warnings_of_push;

use crate::Error;
use crate::admission::Gate;
use crate::build::component_path;
use crate::declare::Standard;
use crate::digest::sha256_hex;
use crate::evaluate::{ProgramError, ViewProgram};
use crate::files::Storage;
use crate::files::storage::{Pin, PinnedStorage};
use crate::project::{self, LimitSettings, Project, View};
use crate::replay::ReplayTimes;
use crate::threads::OnceMap;
use crate::wasm::{Component, Isolation, Limits, Runtime};

/// The feature store of one project.
pub struct FeatureStore {
    project: Project,
    runtime: Arc<Runtime>,
    options: OpenOptions,
    programs: OnceMap<String, Arc<ViewProgram>>,
    components: OnceMap<PathBuf, Arc<Component>>,
    /// What declared views are lowered to.
    definitions: OnceMap<String, Arc<Definition>>,
    /// What they are made of.
    standards: OnceMap<StandardChoice, Arc<Standard>>,
    /// The views whose components were found good to use.
    admitted: OnceMap<String, ()>,
    /// Where components are compiled and tried.
    gate: Gate,
    /// That of the options, which a run may hold to one state of every file.
    storage: Arc<dyn Storage>,
    /// The same.
    pinned: Arc<PinnedStorage>,
    /// Where is kept what memory does not hold, unless the options name a folder.
    spill_dir: PathBuf,
    /// Where the time of its replays went.
    times: ReplayTimes,
    /// By view, the components of a project that is opened as it once was, instead of those that its file names.
    kept_components: Option<BTreeMap<String, PathBuf>>,
    /// Rows of one call of its replays: those of the options, or what `verify` drew.
    batch_rows: AtomicUsize,
    /// The fields that no file has, by source: each is told once.
    told_absent: Mutex<HashSet<(String, String)>>,
    /// The histories that were asked about, and their files.
    histories: past::KnownHistories,
}

impl FeatureStore {
    /// Opens the project in `dir`: reads `onepath.toml`. Components are loaded when they are needed.
    ///
    /// The limits, the share of repeated calls and the admission that the project file sets replace those of `options`.
    pub fn open(dir: &Path, options: OpenOptions) -> Result<Self, Error> {
        Self::of_project(Project::load(dir)?, options)
    }

    fn of_project(project: Project, mut options: OpenOptions) -> Result<Self, Error> {
        options.limits = limits(&project.limits, options.limits);
        options.repeat_every = project.repeat_every.unwrap_or(options.repeat_every);
        options.limits = limits(&options.limits_first, options.limits);
        options.admission = project.admission.unwrap_or(options.admission);
        options.isolation = match project.isolation {
            None => options.isolation,
            Some(project::Isolation::Shared) => Isolation::Shared,
            Some(project::Isolation::Call) => Isolation::Call,
        };
        let cache = project.data_dir().join("cache");
        let gate = options.gate(Some(cache.clone()));
        let repeats = quarantine::repeats(&project, &options);
        let limits = options.limits.clone();
        let runtime = Runtime::start(options.variant, limits, Some(cache), repeats, options.isolation)?;
        let pinned = PinnedStorage::new(Arc::clone(&options.storage));
        let storage = Arc::clone(&pinned) as Arc<dyn Storage>;
        let batch_rows = AtomicUsize::new(options.batch_rows);
        let (times, spill_dir) = (ReplayTimes::default(), project.data_dir());
        Ok(Self {
            project,
            runtime,
            options,
            programs: OnceMap::default(),
            components: OnceMap::default(),
            definitions: OnceMap::default(),
            standards: OnceMap::default(),
            admitted: OnceMap::default(),
            gate,
            storage,
            pinned,
            spill_dir,
            times,
            kept_components: None,
            batch_rows,
            told_absent: Mutex::default(),
            histories: past::KnownHistories::default(),
        })
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// How it was opened.
    pub fn options(&self) -> &OpenOptions {
        &self.options
    }

    /// Where its inputs lie.
    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// Holds every input to the state in which it is met first, until the pin is dropped.
    pub(crate) fn pin_inputs(&self) -> Pin {
        self.pinned.pin()
    }

    /// The component file of a view.
    pub fn component_path(&self, view: &View) -> PathBuf {
        match &self.kept_components {
            Some(kept) => kept.get(&view.label()).cloned().unwrap_or_default(),
            None => component_path(&self.project.root, &self.project.data_dir(), &transform_path(view)),
        }
    }

    /// The view ready to run. Its component is loaded on first use: it must be the one that is pinned, where components are
    /// locked, and keep the laws, by [`OpenOptions::admission`].
    pub fn program(&self, view: &View) -> Result<Arc<ViewProgram>, Error> {
        let program = self.loaded(view)?;
        self.admitted.get_or_make(&view.label(), || {
            self.check_lock(view, &program)?;
            self.check_built(view, program.digest())?;
            self.admit(view, &program)
        })?;
        Ok(program)
    }

    /// The view ready to run, with whatever component it has.
    fn loaded(&self, view: &View) -> Result<Arc<ViewProgram>, Error> {
        self.programs.get_or_make(&view.label(), || {
            let component = self.component_in(&self.component_file(view)?)?;
            let program = self.program_of(view, component).map_err(|wrong| self.misfit_of_program(view, wrong))?;
            let program = Arc::new(program);
            self.check_facts(view, &program)?;
            self.warn_of_defaults(view, &program);
            Ok(program)
        })
    }

    fn program_of(&self, view: &View, component: Arc<Component>) -> Result<ViewProgram, ProgramError> {
        let program = ViewProgram::new(view.label(), component, &view.parameters, view.ttl, !view.sources.is_empty())?;
        let program = program.with_rules(&rules::rules_of(view))?;
        let Some(sink) = &self.options.show_output else { return Ok(program) };
        let entity = view.entity.as_ref().and_then(|name| self.project.entity(name).ok());
        let keys = entity.map_or_else(Vec::new, |entity| entity.keys.iter().map(|key| key.name.clone()).collect());
        Ok(program.shown_to(sink.clone(), keys))
    }

    fn component(&self, path: &PathBuf) -> Result<Arc<Component>, Error> {
        self.components.get_or_make(path, || {
            self.gate.compile(&self.runtime, path).map_err(stopped)?;
            let component = self.runtime.load(path)?;
            self.quarantine_again(&component)?;
            Ok(Arc::new(component))
        })
    }

    /// The view, with its time to live and parameters, run by the component of `digest`, which this project once served with.
    pub(crate) fn served_program(&self, view: &View, digest: &str) -> Result<Arc<ViewProgram>, Error> {
        let present = self.component_file(view).ok().and_then(|file| self.components.get(&file.path));
        let present = present.filter(|present| present.digest() == digest);
        if let Some(present) = present {
            return Ok(Arc::new(self.program_of(view, present)?));
        }
        let file = self.served_file(digest)?;
        let lost = || Error::LostComponent {
            view: view.label(),
            digest: digest.to_owned(),
            path: self.kept_component(digest),
            elsewhere: self.not_in_store(),
        };
        if !file.path.exists() {
            return Err(lost());
        }
        // One that cannot be loaded is not what was kept, for that was loaded once.
        let component = self.component_in(&file).ok().filter(|kept| kept.digest() == digest).ok_or_else(lost)?;
        Ok(Arc::new(self.program_of(view, component)?))
    }

    /// Keeps the bytes of a view's component under its digest, so that what it served can be replayed after it changed. What is kept
    /// and is damaged is written anew.
    pub(crate) fn keep_component(&self, view: &View, digest: &str) -> Result<(), Error> {
        let kept = self.kept_component(digest);
        if std::fs::read(&kept).is_ok_and(|bytes| sha256_hex(bytes) == digest) {
            return Ok(());
        }
        let write = |source| Error::Write { path: kept.clone(), source };
        let component = self.component_file(view)?.path;
        let bytes = std::fs::read(&component).map_err(write)?;
        if sha256_hex(&bytes) != digest {
            return Err(write(std::io::Error::other(
                "the component was replaced while it was loaded: run the command again",
            )));
        }
        let dir = kept.parent().expect("a file in a folder of the project");
        std::fs::create_dir_all(dir).map_err(write)?;
        let temporary = tempfile::NamedTempFile::new_in(dir).map_err(write)?;
        std::fs::write(temporary.path(), bytes).and_then(|()| temporary.as_file().sync_all()).map_err(write)?;
        // As readable as the component itself.
        let permissions = component.metadata().map(|metadata| metadata.permissions()).map_err(write)?;
        temporary.as_file().set_permissions(permissions).map_err(write)?;
        temporary.persist(&kept).map_err(|error| write(error.error))?;
        Ok(())
    }

    pub(crate) fn log_path(&self) -> PathBuf {
        self.project.data_dir().join("log.sqlite")
    }

    /// The folder of the ids of materialized histories.
    pub(crate) fn ids_dir(&self) -> PathBuf {
        self.project.data_dir().join("ids")
    }

    pub(crate) fn online_path(&self) -> PathBuf {
        self.project.data_dir().join("online.sqlite")
    }

    pub(crate) fn served_path(&self) -> PathBuf {
        self.project.data_dir().join("served.sqlite")
    }

    /// What components may use, with what the project sets.
    pub fn limits(&self) -> &Limits {
        self.runtime.limits()
    }

    fn kept_component(&self, digest: &str) -> PathBuf {
        self.project.data_dir().join("components").join("served").join(format!("{digest}.wasm"))
    }
}

/// The limits of `base`, but for those that the project sets.
fn limits(settings: &LimitSettings, base: Limits) -> Limits {
    let size = |setting: Option<u64>, base: usize| setting.and_then(|bytes| bytes.try_into().ok()).unwrap_or(base);
    Limits {
        component_bytes_max: settings.component_bytes_max.unwrap_or(base.component_bytes_max),
        function_bytes_max: settings.function_bytes_max.unwrap_or(base.function_bytes_max),
        compile_ms_max: settings.compile_ms_max.unwrap_or(base.compile_ms_max),
        admission_ms_max: settings.admission_ms_max.unwrap_or(base.admission_ms_max),
        admission_bytes_max: settings.admission_bytes_max.unwrap_or(base.admission_bytes_max),
        memory_bytes_max: size(settings.memory_bytes_max, base.memory_bytes_max),
        table_elements_max: size(settings.table_elements_max, base.table_elements_max),
        stack_bytes_max: size(settings.stack_bytes_max, base.stack_bytes_max),
        call_ms_max: settings.call_ms_max.unwrap_or(base.call_ms_max),
        output_bytes_max: size(settings.output_bytes_max, base.output_bytes_max),
        description_bytes_max: size(settings.description_bytes_max, base.description_bytes_max),
        state_bytes_max: size(settings.state_bytes_max, base.state_bytes_max),
        stderr_bytes_max: size(settings.stderr_bytes_max, base.stderr_bytes_max),
    }
}
