//! One project: training sets, states, proofs, and what its views are. Each call opens the project anew, as the command does.

use std::path::PathBuf;

use onepath::feature_store::{
    BackfillRequest, FeatureStore, Locking, OpenOptions, SourceOverride, SpineSource, StateText, Step, StepsRequest,
    WhereStale,
};
use onepath::replay::OnError;
use onepath::time::{self, AsOf, AvailableAt, TimeError, TimeUnit};
use onepath::{FirstReservation, ServerOptions, Unmaterialized, usage};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::json;

use crate::fault::Fault;
use crate::server::{Server, selection};
use crate::values;
use crate::work::Going;

/// A project's folder, and how it is opened.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct Store {
    path: PathBuf,
    program: Option<PathBuf>,
    before: Vec<std::ffi::OsString>,
    locked: bool,
    stale: bool,
}

/// What a run may take, and who is told of it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Running<'py> {
    memory: Option<u64>,
    threads: Option<usize>,
    progress: Option<Bound<'py, PyAny>>,
}

/// A training set to write.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Wanted<'py> {
    /// Without one, feature history is wanted: at each event, or at each step of `every`.
    spine: Option<PathBuf>,
    out: PathBuf,
    sources: Files,
    as_of_column: Option<String>,
    as_of_unit: Option<String>,
    every: Option<Every<'py>>,
    full_feature_names: bool,
    strict: bool,
    on_error: String,
    resume: bool,
}

/// Regular moments: the step, the first and the last of them, and whether times without a zone are in UTC.
type Every<'py> = (Length, Bound<'py, PyAny>, Bound<'py, PyAny>, bool);

/// The step between moments: a text such as `1d`, or microseconds.
#[derive(FromPyObject)]
enum Length {
    Micros(i64),
    Text(String),
}

impl Wanted<'_> {
    fn spine(&self) -> PyResult<SpineSource> {
        if let Some(path) = &self.spine {
            let as_of_unit = self.as_of_unit.as_deref().map(unit).transpose()?;
            return Ok(SpineSource::File { path: path.clone(), as_of_column: self.as_of_column.clone(), as_of_unit });
        }
        let Some((every, from, to, naive)) = &self.every else { return Ok(SpineSource::AtEvents) };
        let every = match every {
            Length::Micros(micros) => time::Length(*micros),
            Length::Text(text) => text.parse().map_err(|error: TimeError| Fault::request(format!("every: {error}")))?,
        };
        let moment = |of: &Bound<'_, PyAny>| Ok::<_, PyErr>(AsOf::from_micros(values::micros(of, *naive)?));
        Ok(SpineSource::Grid { every, from: moment(from)?, to: moment(to)? })
    }
}

/// An entity to replay.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
struct Entity<'py> {
    keys: Vec<(String, String)>,
    request_fields: Vec<(String, String)>,
    as_of: Option<Bound<'py, PyAny>>,
    sources: Files,
    naive: bool,
}

/// Files that stand for a source.
type Files = Vec<(String, Vec<PathBuf>)>;

impl Store {
    fn options(&self) -> OpenOptions {
        OpenOptions {
            command: self.program.clone(),
            command_arguments: self.before.clone(),
            locking: if self.locked { Locking::Enforced } else { Locking::Free },
            stale: if self.stale { WhereStale::Warn } else { WhereStale::Refuse },
            ..OpenOptions::default()
        }
    }

    /// Runs `work` over the project, and gives with what comes of it what is worth a look.
    fn run<T: Send>(
        &self,
        py: Python<'_>,
        running: &Running<'_>,
        change: impl FnOnce(OpenOptions) -> OpenOptions + Send,
        work: impl FnOnce(&FeatureStore) -> Result<T, Fault> + Send,
    ) -> PyResult<(T, Vec<String>)> {
        let going = Going::default();
        let mut options = going.told(self.options());
        options.memory_bytes = running.memory.unwrap_or(options.memory_bytes);
        options.threads = running.threads.unwrap_or(options.threads).max(1);
        let done = going.run(py, running.progress.as_ref(), || {
            work(&FeatureStore::open(&self.path, change(options)).map_err(Fault::from)?)
        })??;
        Ok((done, going.warnings()))
    }

    /// The same of what takes a moment.
    fn look<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&FeatureStore) -> Result<T, Fault> + Send,
    ) -> PyResult<T> {
        Ok(self.look_and_tell(py, work)?.0)
    }

    /// The same, with what is worth a look.
    pub(crate) fn look_and_tell<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&FeatureStore) -> Result<T, Fault> + Send,
    ) -> PyResult<(T, Vec<String>)> {
        let running = Running { memory: None, threads: None, progress: None };
        self.run(py, &running, |options| options, work)
    }
}

fn overrides(files: Files) -> Vec<SourceOverride> {
    files.into_iter().map(|(source, files)| SourceOverride { source, files }).collect()
}

/// A value as JSON.
pub(crate) fn text(value: &impl serde::Serialize) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::io("cannot write JSON", &error))
}

fn unit(name: &str) -> Result<TimeUnit, Fault> {
    let units = [TimeUnit::Seconds, TimeUnit::Milliseconds, TimeUnit::Microseconds, TimeUnit::Nanoseconds];
    let names = ["s", "ms", "us", "ns"];
    let at = names.iter().position(|known| *known == name);
    at.map(|at| units[at]).ok_or_else(|| Fault::request(format!("{name:?} is no unit: it is one of s, ms, us, ns")))
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (path, program, before, *, locked = false, stale = false))]
    fn new(
        path: PathBuf,
        program: Option<PathBuf>,
        before: Vec<std::ffi::OsString>,
        locked: bool,
        stale: bool,
    ) -> Self {
        Self { path, program, before, locked, stale }
    }

    /// What the project file says, as JSON.
    fn project(&self, py: Python<'_>) -> PyResult<String> {
        self.look(py, |store| {
            let project = store.project();
            let views = project.views.iter().map(|view| {
                json!({
                    "name": view.name, "version": view.version, "entity": view.entity, "sources": view.sources,
                    "owner": view.owner, "description": view.description, "tags": view.tags,
                    "freshness": view.freshness.map(|freshness| freshness.to_string()),
                })
            });
            let services = project.services.iter().map(|service| {
                let features: Vec<String> = service.features.iter().map(ToString::to_string).collect();
                json!({ "name": service.name, "features": features, "description": service.description })
            });
            let sources = project.sources.iter().map(|source| {
                let keys: Vec<&str> = source.keys.iter().map(|key| key.name.as_str()).collect();
                json!({
                    "name": source.name, "keys": keys, "event_time": source.event_time,
                    "arrival_time": source.arrival_time, "event_id": source.event_id, "files": source.files,
                })
            });
            text(&json!({
                "name": project.name,
                "root": project.root,
                "data_dir": project.data_dir(),
                "entities": project.entities.iter().map(|entity| &entity.name).collect::<Vec<_>>(),
                "views": views.collect::<Vec<_>>(),
                "services": services.collect::<Vec<_>>(),
                "sources": sources.collect::<Vec<_>>(),
            }))
        })
    }

    /// What a selection of features asks for and gives, as JSON.
    fn plan(&self, py: Python<'_>, features: &Bound<'_, PyAny>, full_feature_names: bool) -> PyResult<String> {
        let selection = selection(features)?;
        self.look(py, |store| {
            let plan = store.plan(&selection)?;
            let keys = plan.keys();
            let keys = keys.iter().map(|key| json!({ "name": key.name, "type": key.key_type.value_type() }));
            let names = plan.names(full_feature_names);
            let features =
                names.iter().zip(plan.types()).map(|(name, value_type)| json!({ "name": name, "type": value_type }));
            text(&json!({
                "keys": keys.collect::<Vec<_>>(),
                "request_fields": plan.request_fields(),
                "features": features.collect::<Vec<_>>(),
            }))
        })
    }

    /// Writes a training set, and gives the report as JSON and the warnings.
    fn backfill(
        &self,
        py: Python<'_>,
        features: &Bound<'_, PyAny>,
        wanted: Wanted<'_>,
        running: Running<'_>,
    ) -> PyResult<(String, Vec<String>)> {
        let on_error = match &*wanted.on_error {
            "stop" => OnError::Stop,
            "null" => OnError::Null,
            other => return Err(Fault::request(format!("on_error is \"stop\" or \"null\", and not {other:?}")).into()),
        };
        let request = BackfillRequest {
            selection: selection(features)?,
            spine: wanted.spine()?,
            out: wanted.out,
            overrides: overrides(wanted.sources),
            full_feature_names: wanted.full_feature_names,
            resume: wanted.resume,
        };
        let strict = wanted.strict;
        usage::keep_freed_memory();
        let change = |options| OpenOptions { strict, on_error, ..options };
        self.run(py, &running, change, |store| text(&store.backfill(&request)?))
    }

    /// Folds history and log into online states, and gives the report as JSON and the warnings.
    fn materialize(
        &self,
        py: Python<'_>,
        up_to: Option<&Bound<'_, PyAny>>,
        sources: Files,
        running: Running<'_>,
        naive: bool,
    ) -> PyResult<(String, Vec<String>)> {
        let up_to = up_to.map(|up_to| values::micros(up_to, naive)).transpose()?.map(AvailableAt::from_micros);
        let overrides = overrides(sources);
        self.run(py, &running, |options| options, |store| text(&store.materialize(&overrides, up_to)?))
    }

    /// Replays what was served, and gives the report as JSON, whether all is equal, and the warnings.
    fn verify(
        &self,
        py: Python<'_>,
        since: Option<&Bound<'_, PyAny>>,
        running: Running<'_>,
        naive: bool,
    ) -> PyResult<(String, bool, Vec<String>)> {
        let since = since.map(|since| values::micros(since, naive)).transpose()?.map(AsOf::from_micros);
        let verify = |store: &FeatureStore| {
            let report = store.verify(since)?;
            Ok((text(&report)?, report.is_equal()))
        };
        let ((report, is_equal), warnings) = self.run(py, &running, |options| options, verify)?;
        Ok((report, is_equal, warnings))
    }

    /// What a view gives and keeps, as JSON.
    fn explain(&self, py: Python<'_>, view: &str) -> PyResult<String> {
        self.look(py, |store| {
            let view = store.project().view(view).map_err(onepath::Error::from)?.clone();
            let explained = store.explain(&view)?;
            let plan = store.program(&view)?;
            let description = plan.description();
            text(&json!({
                "explained": explained,
                "component": plan.digest(),
                "event_fields": description.event_fields,
                "request_fields": description.request_fields,
            }))
        })
    }

    /// One entity replayed through a view, step by step: a dict for each event and for the question at the end.
    fn steps<'py>(&self, py: Python<'py>, view: &str, entity: Entity<'py>) -> PyResult<Bound<'py, PyList>> {
        let Entity { keys, request_fields, as_of, sources, naive } = entity;
        let as_of = as_of.map(|as_of| values::micros(&as_of, naive)).transpose()?.map(AsOf::from_micros);
        let request = StepsRequest { keys, request_fields, as_of, overrides: overrides(sources) };
        let (steps, texts) = self.look(py, |store| {
            let view = store.project().view(view).map_err(onepath::Error::from)?.clone();
            let steps = store.steps(&view, &request)?;
            let texts = steps.steps.iter().map(|step| store.state_text(&view, &step.state).map_err(Fault::from));
            let texts = texts.collect::<Result<Vec<_>, _>>()?;
            Ok((steps, texts))
        })?;
        let shown = steps.steps.iter().zip(&texts).map(|(step, text)| shown(py, &steps, step, text));
        PyList::new(py, shown.collect::<PyResult<Vec<_>>>()?)
    }

    /// Opens the online half of the project, as its only writer.
    #[pyo3(signature = (*, allow_unmaterialized = false, pin = None))]
    fn server(&self, py: Python<'_>, allow_unmaterialized: bool, pin: Option<PathBuf>) -> PyResult<Server> {
        let going = Going::default();
        let options = ServerOptions {
            open: going.told(self.options()),
            pin,
            unmaterialized: if allow_unmaterialized { Unmaterialized::Allow } else { Unmaterialized::Refuse },
            first_reservation: FirstReservation::AtQuestion,
            // Whoever waits can interrupt it.
            push_ms_max: 3_600_000,
            ..ServerOptions::default()
        };
        let opened = going.run(py, None, || onepath::Server::open(&self.path, options).map_err(Fault::from))??;
        Ok(Server::new(opened, going))
    }
}

/// A step of a replay as a dict.
fn shown<'py>(
    py: Python<'py>,
    steps: &onepath::feature_store::Steps,
    step: &Step,
    text: &StateText,
) -> PyResult<Bound<'py, PyDict>> {
    let named = |names: &[String], values: &[onepath::batch::Value]| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (name, value) in names.iter().zip(values) {
            dict.set_item(name, values::object(py, value)?)?;
        }
        Ok(dict)
    };
    let dict = PyDict::new(py);
    let event = step.event.as_ref().map(|event| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        dict.set_item("event_time", values::datetime(py, event.event_time.micros())?)?;
        dict.set_item("available_at", values::datetime(py, event.available_at.micros())?)?;
        dict.set_item("source", &event.source)?;
        dict.set_item("offset", event.log_offset)?;
        dict.set_item("fields", named(&steps.fields, &event.fields)?)?;
        Ok(dict)
    });
    dict.set_item("event", event.transpose()?)?;
    dict.set_item("as_of", values::datetime(py, step.as_of.micros())?)?;
    dict.set_item("state", &step.state[..])?;
    dict.set_item(
        "state_text",
        match text {
            StateText::Text(text) => Some(text.clone()),
            StateText::Failed(why) => Some(format!("not shown: {why}")),
            StateText::NotBuilt => None,
        },
    )?;
    dict.set_item("features", named(&steps.features, &step.values)?)?;
    let statuses = PyDict::new(py);
    for (name, status) in steps.features.iter().zip(&step.statuses) {
        statuses.set_item(name, status.as_str())?;
    }
    dict.set_item("statuses", statuses)?;
    Ok(dict)
}
