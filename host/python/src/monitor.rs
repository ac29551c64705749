//! Health of a project: drift, freshness and materializations, as JSON, as `--format json` prints them, with warnings.

use std::path::PathBuf;

use onepath::monitor::{DriftRequest, DriftSide, EntitiesTold, Period};
use onepath::time::{AsOf, Length};
use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::fault::Fault;
use crate::server::Server;
use crate::store::{Store, text};
use crate::values;

/// What is compared with what.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(crate) struct Compared<'py> {
    /// The manifest of the training set that counts as usual; without one `baseline` does.
    against: Option<PathBuf>,
    baseline: Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>,
    /// The manifest of the training set that is looked at; without one what was served is.
    with: Option<PathBuf>,
    since: Option<Bound<'py, PyAny>>,
    until: Option<Bound<'py, PyAny>>,
    service: Option<String>,
    naive: bool,
}

/// A moment: a time, or a length of time back from now.
#[derive(Clone, Copy)]
enum Moment {
    Ago(Length),
    At(AsOf),
}

impl Moment {
    fn of(value: &Bound<'_, PyAny>, naive: bool) -> PyResult<Self> {
        if let Ok(text) = value.cast::<PyString>() {
            let text = text.to_str()?;
            if let Ok(length) = text.parse() {
                return Ok(Self::Ago(length));
            }
            let time = onepath::time::parse_time(text)
                .map_err(|error| Fault::request(format!("{error}, nor a length of time such as 24h")))?;
            return Ok(Self::At(AsOf::from_micros(time)));
        }
        Ok(Self::At(AsOf::from_micros(values::micros(value, naive)?)))
    }

    fn as_of(self, now: i64) -> AsOf {
        match self {
            Self::Ago(length) => AsOf::from_micros(now.saturating_sub(length.0)),
            Self::At(as_of) => as_of,
        }
    }
}

/// The distributions of features, compared.
#[pyfunction]
pub(crate) fn drift(
    py: Python<'_>,
    store: &Bound<'_, Store>,
    compared: Compared<'_>,
) -> PyResult<(String, Vec<String>)> {
    let moment = |given: Option<&Bound<'_, PyAny>>| given.map(|given| Moment::of(given, compared.naive)).transpose();
    let (since, until) = (moment(compared.since.as_ref())?, moment(compared.until.as_ref())?);
    let baseline = match &compared.baseline {
        Some((from, to)) => Some((moment(Some(from))?, moment(Some(to))?)),
        None => None,
    };
    let Compared { against, with, service, .. } = compared;
    store.get().look_and_tell(py, |store| {
        let now = store.options().clock.now();
        let served = |since: Option<Moment>, until: Option<Moment>| {
            let at = |moment: Option<Moment>| moment.map(|moment| moment.as_of(now));
            DriftSide::Served(Period { since: at(since), until: at(until) })
        };
        let reference = match (against, baseline) {
            (_, Some((from, to))) => served(from, to),
            (Some(manifest), None) => DriftSide::TrainingSet(manifest),
            (None, None) => return Err(Fault::request("nothing counts as usual: give against or baseline")),
        };
        let observed = with.map_or_else(|| served(since, until), DriftSide::TrainingSet);
        text(&store.drift(&DriftRequest { reference, observed, service })?)
    })
}

/// Which promises of freshness are kept, and whether one is broken. With `most`, the oldest entities too, so many of each view. `server` is
/// that of the store where it is open: it has newer events than the stored states.
#[pyfunction]
#[pyo3(signature = (store, server = None, most = None))]
pub(crate) fn freshness(
    py: Python<'_>,
    store: &Bound<'_, Store>,
    server: Option<&Bound<'_, Server>>,
    most: Option<usize>,
) -> PyResult<(String, bool, Vec<String>)> {
    let entities = most.map_or(EntitiesTold::None, EntitiesTold::Oldest);
    let server = server.map(|server| server.get().server()).transpose()?;
    let ((report, is_broken), warnings) = store.get().look_and_tell(py, |store| {
        let applied = server.map(|server| server.status().newest_events).unwrap_or_default();
        let report = store.freshness_with(&applied, entities)?;
        Ok((text(&report)?, report.is_broken()))
    })?;
    Ok((report, is_broken, warnings))
}

/// How the materializations of sources keep time, and whether one is late.
#[pyfunction]
pub(crate) fn materializations(py: Python<'_>, store: &Bound<'_, Store>) -> PyResult<(String, bool, Vec<String>)> {
    let ((report, is_late), warnings) = store.get().look_and_tell(py, |store| {
        let report = store.materializations()?;
        Ok((text(&report)?, report.is_late()))
    })?;
    Ok((report, is_late, warnings))
}
