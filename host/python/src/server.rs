//! The online half of a project: questions and pushes, answered in this process.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use arrow::array::{ArrayRef, RecordBatch, RecordBatchIterator};
use arrow::datatypes::Schema;
use onepath::batch::Column;
use onepath::events::{Arrival, JsonEvents};
use onepath::feature_store::FeatureSelection;
use onepath::files::{arrow_field, into_arrow};
use onepath::time::AsOf;
use onepath::{OnlineFeatures, PreparedRequest};
use pyo3::prelude::*;
use pyo3::types::{PyCapsule, PyDict, PyList, PyMapping, PyString};

use crate::fault::Fault;
use crate::served::HttpServer;
use crate::work::Going;
use crate::{tables, values};

/// Plans that are kept by the names that they were asked for by.
const PLANS_MAX: usize = 256;

/// A project that answers and takes events, until it is closed.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct Server {
    server: RwLock<Option<Arc<onepath::Server>>>,
    plans: Mutex<HashMap<Vec<String>, Arc<PreparedRequest>>>,
    going: Going,
    /// The process that opened it.
    process: u32,
}

impl Server {
    pub(crate) fn new(server: onepath::Server, going: Going) -> Self {
        Self {
            server: RwLock::new(Some(Arc::new(server))),
            plans: Mutex::default(),
            going,
            process: std::process::id(),
        }
    }

    fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    pub(crate) fn server(&self) -> Result<Arc<onepath::Server>, Fault> {
        // Before its locks: who held one at the fork is not here.
        if self.is_forked() {
            return Err(Fault::forked("this feature store"));
        }
        let server = self.server.read().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().map(Arc::clone).ok_or_else(|| Fault::closed("the server"))
    }

    fn prepared(&self, server: &onepath::Server, features: &Bound<'_, PyAny>) -> PyResult<Arc<PreparedRequest>> {
        if let Ok(service) = features.cast::<PyString>() {
            let service = FeatureSelection::Service(service.to_str()?.to_owned());
            return Ok(server.prepare(&service).map_err(Fault::from)?);
        }
        let names: Vec<String> = features.extract()?;
        let plans = || self.plans.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = plans().get(&names) {
            return Ok(Arc::clone(prepared));
        }
        let prepared = server.prepare(&selection(features)?).map_err(Fault::from)?;
        let mut plans = plans();
        if plans.len() >= PLANS_MAX {
            plans.clear();
        }
        plans.insert(names, Arc::clone(&prepared));
        Ok(prepared)
    }
}

/// The features of a service by its name, or those of a list of references.
pub(crate) fn selection(features: &Bound<'_, PyAny>) -> PyResult<FeatureSelection> {
    if let Ok(service) = features.cast::<PyString>() {
        return Ok(FeatureSelection::Service(service.to_str()?.to_owned()));
    }
    let names: Vec<String> = features.extract()?;
    if names.is_empty() {
        return Err(Fault::request("no features are asked for: name a service, or features as \"view:feature\"").into());
    }
    let references = names.iter().map(|name| name.parse()).collect::<Result<_, onepath::project::ReferenceError>>();
    Ok(FeatureSelection::References(references.map_err(|error| Fault::request(error.to_string()))?))
}

/// The inputs of a request by name, of rows (a list of dicts) or of columns (a dict of lists).
fn inputs(prepared: &PreparedRequest, rows: &Bound<'_, PyAny>, naive: bool) -> PyResult<Vec<(String, Column)>> {
    let typed = |name: &str| {
        let input = prepared.inputs().iter().find(|input| input.name == name);
        input.map(|input| input.value_type).ok_or_else(|| {
            let known: Vec<&str> = prepared.inputs().iter().map(|input| input.name.as_str()).collect();
            Fault::request(format!("{name} is not read by the features asked for; they read: {}", known.join(", ")))
        })
    };
    let mut inputs = Vec::new();
    if let Ok(columns) = rows.cast::<PyDict>() {
        for (name, cells) in columns {
            let name: String = name.extract()?;
            let value_type = typed(&name)?;
            // A text would be taken for the list of its letters.
            let cells = if cells.is_instance_of::<PyString>() { None } else { cells.try_iter().ok() };
            let cells = cells.ok_or_else(|| {
                let text = format!(
                    "{name} is one value where a list is expected: give {{\"{name}\": [...]}}, or [{{\"{name}\": ...}}]"
                );
                Fault::request(text)
            })?;
            let column = values::column((&name, value_type), cells, naive)?;
            inputs.push((name, column));
        }
        return Ok(inputs);
    }
    let no_row = || {
        Fault::request(
            "entity_rows is a list of dicts, a dict of lists, or a table, such as [{\"customer_id\": \"c1\"}]",
        )
    };
    let rows = rows.try_iter().map_err(|_| no_row())?.collect::<PyResult<Vec<_>>>()?;
    let Some(first) = rows.first() else {
        return Err(Fault::request("no entity is asked about: give at least one row").into());
    };
    let names: Vec<String> = first.cast::<PyMapping>().map_err(|_| no_row())?.keys()?.extract()?;
    for (at, row) in rows.iter().enumerate() {
        if row.cast::<PyMapping>().is_err() {
            return Err(no_row().into());
        }
        if row.len()? != names.len() {
            return Err(Fault::request(format!("row {} has other fields than the first one", at + 1)).into());
        }
    }
    for name in names {
        let python_name = PyString::new(first.py(), &name);
        let cells = rows.iter().map(|row| row.get_item(&python_name));
        let column = values::column((&name, typed(&name)?), cells, naive)?;
        inputs.push((name, column));
    }
    Ok(inputs)
}

/// What a push did, as Python's `PushResult` has it: appended, duplicates, adjusted, offset, dead letters.
type Applied = (u64, u64, u64, u64, u64);

fn told(applied: onepath::Applied) -> Applied {
    (applied.appended, applied.duplicates, applied.adjusted, applied.offset, applied.dead_letters)
}

#[pymethods]
impl Server {
    /// The answer to a question about entities.
    #[pyo3(signature = (features, entity_rows, *, as_of = None, full_feature_names = false, naive = false))]
    fn get_online_features(
        &self,
        py: Python<'_>,
        features: &Bound<'_, PyAny>,
        entity_rows: &Bound<'_, PyAny>,
        as_of: Option<&Bound<'_, PyAny>>,
        full_feature_names: bool,
        naive: bool,
    ) -> PyResult<Answer> {
        let server = self.server()?;
        let prepared = self.prepared(&server, features)?;
        let as_of = as_of.map(|as_of| values::micros(as_of, naive)).transpose()?.map(AsOf::from_micros);
        let mut request = prepared.request().as_of(as_of);
        for (name, column) in inputs(&prepared, entity_rows, naive)? {
            request = request.input(&name, column).map_err(|error| Fault::request(error.to_string()))?;
        }
        let request = request.build().map_err(|error| Fault::request(error.to_string()))?;
        let answer = match as_of {
            None => py.detach(|| server.get_online_features(&request)),
            // It may be replayed, which takes its time.
            Some(_) => Going::default().run(py, None, || server.get_online_features(&request))?,
        };
        let keys = request.prepared().inputs().iter().zip(request.inputs()).filter(|(input, _)| input.is_key);
        let keys = keys.map(|(_, column)| column.clone()).collect();
        Ok(Answer { answer: answer.map_err(Fault::from)?, keys, prepared, full_feature_names })
    }

    /// Takes events as a JSON list of objects: when it returns they are on disk.
    fn push_json(&self, py: Python<'_>, source: &str, events: &str) -> PyResult<Applied> {
        let server = self.server()?;
        let push = || -> Result<_, Fault> {
            let events = JsonEvents::parse(events).map_err(|error| Fault::request(error.to_string()))?;
            Ok(server.push(source, server.checked(source, events)?)?)
        };
        let applied = Going::default().run(py, None, push)??;
        Ok(told(applied))
    }

    /// Takes the events of a file. They arrive now, when they happened ("event-time"), or when a column says.
    fn ingest(&self, py: Python<'_>, source: &str, path: PathBuf, arrived_at: &str) -> PyResult<Applied> {
        let server = self.server()?;
        let arrival = match arrived_at {
            "now" => Arrival::Now,
            "event-time" => Arrival::EventTime,
            column => Arrival::Column(column.to_owned()),
        };
        let ingest = || server.ingest(source, &path, &arrival).map_err(Fault::from);
        let applied = Going::default().run(py, None, ingest)??;
        Ok(told(applied))
    }

    /// Serves over HTTP, on a thread of this process.
    #[pyo3(signature = (listen, token = None))]
    fn serve(&self, py: Python<'_>, listen: &str, token: Option<&str>) -> PyResult<HttpServer> {
        HttpServer::start(py, self.server()?, listen, token)
    }

    /// What was to be told since this was asked last.
    fn warnings(&self) -> Vec<String> {
        self.going.warnings()
    }

    /// The newest offset of the log that answers see, and why the server cannot go on, if it cannot.
    fn status(&self) -> PyResult<(u64, Option<String>, Option<String>)> {
        let status = self.server()?.status();
        Ok((status.offset, status.ended, status.behind))
    }

    /// Waits until all that was taken is written.
    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        let server = self.server()?;
        py.detach(|| server.flush());
        Ok(())
    }

    /// Waits until all that was taken is written, and gives the project back to other processes.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_forked() {
            return Ok(());
        }
        let server = self.server.write().unwrap_or_else(PoisonError::into_inner).take();
        self.plans.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let Some(server) = server else { return Ok(()) };
        let closed = py.detach(|| match Arc::try_unwrap(server) {
            Ok(server) => server.close().map_err(Fault::from),
            // A question of another thread has it, and closes it at its end.
            Err(server) => {
                server.flush();
                Ok(())
            }
        });
        Ok(closed?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.is_forked() {
            // Its threads are in another process: whoever waited for them would wait for ever.
            let server = self.server.get_mut().unwrap_or_else(PoisonError::into_inner).take();
            std::mem::forget(server);
        }
    }
}

/// The answer to a question.
#[pyclass(frozen, module = "onepath._onepath")]
pub(crate) struct Answer {
    answer: OnlineFeatures,
    /// The values of the keys.
    keys: Vec<Column>,
    prepared: Arc<PreparedRequest>,
    full_feature_names: bool,
}

impl Answer {
    fn feature_names(&self) -> impl Iterator<Item = String> {
        self.prepared.features().iter().map(|feature| match self.full_feature_names {
            true => format!("{}__{}", feature.view, feature.name),
            false => feature.name.clone(),
        })
    }

    /// Names and columns: the keys, then the features.
    fn columns(&self) -> impl Iterator<Item = (String, &Column)> {
        let keys = self.prepared.inputs().iter().filter(|input| input.is_key).map(|input| input.name.clone());
        keys.zip(&self.keys).chain(self.feature_names().zip(&self.answer.features))
    }
}

#[pymethods]
impl Answer {
    /// By name, a list with a value per row: the keys, then the features.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let lists = PyDict::new(py);
        for (name, column) in self.columns() {
            lists.set_item(name, values::list(py, column)?)?;
        }
        Ok(lists)
    }

    /// By feature, a list with a status per row.
    fn statuses<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let lists = PyDict::new(py);
        for (name, statuses) in self.feature_names().zip(&self.answer.statuses) {
            lists.set_item(name, PyList::new(py, statuses.iter().map(|status| status.as_str()))?)?;
        }
        Ok(lists)
    }

    /// The cut-off that was used.
    #[getter]
    fn as_of<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        values::datetime(py, self.answer.as_of.micros())
    }

    /// The newest offset of the log that was visible then.
    #[getter]
    fn offset(&self) -> u64 {
        self.answer.offset
    }

    /// Whether it was replayed, because states had passed its as-of.
    #[getter]
    fn replayed(&self) -> bool {
        self.answer.replayed
    }

    /// An Arrow stream in a capsule: the keys, then the features.
    #[pyo3(signature = (requested_schema = None))]
    fn __arrow_c_stream__<'py>(
        &self,
        py: Python<'py>,
        requested_schema: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyCapsule>> {
        drop(requested_schema);
        let fail = |error: arrow::error::ArrowError| Fault::request(error.to_string());
        let fields = self.columns().map(|(name, column)| arrow_field(&name, column.value_type(), true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let arrays = self.columns().map(|(_, column)| into_arrow(column.clone()));
        let arrays = arrays.collect::<Result<Vec<ArrayRef>, _>>().map_err(fail)?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), arrays).map_err(fail)?;
        tables::stream(py, Box::new(RecordBatchIterator::new([Ok(batch)], schema)))
    }
}
