//! What a project has: the entries of the catalog as JSON, as `--format json` prints them, with warnings.

use std::path::PathBuf;

use onepath::feature_store::{Filter, Kind};
use pyo3::prelude::*;

use crate::fault::Fault;
use crate::store::{Store, text};

/// The entries of one kind that meet a filter.
#[pyfunction]
#[pyo3(signature = (store, kind, *, search = None, owner = None, tag = None, stale = false))]
pub(crate) fn catalog_list(
    py: Python<'_>,
    store: &Bound<'_, Store>,
    kind: &str,
    search: Option<String>,
    owner: Option<String>,
    tag: Option<String>,
    stale: bool,
) -> PyResult<(String, Vec<String>)> {
    let known = Kind::ALL.into_iter().find(|known| known.name() == kind);
    let kind = known.ok_or_else(|| Fault::request(format!("{kind:?} is not listed")))?;
    let filter = Filter { search, owner, tag, stale };
    store.get().look_and_tell(py, |store| text(&store.catalog()?.list(kind, &filter)?))
}

/// One thing, described.
#[pyfunction]
pub(crate) fn catalog_describe(
    py: Python<'_>,
    store: &Bound<'_, Store>,
    name: &str,
) -> PyResult<(String, Vec<String>)> {
    store.get().look_and_tell(py, |store| text(&store.describe(name)?))
}

/// What something is made of and what is made of it: as JSON, and as a graph of Graphviz.
#[pyfunction]
pub(crate) fn catalog_lineage(
    py: Python<'_>,
    store: &Bound<'_, Store>,
    name: &str,
) -> PyResult<(String, String, Vec<String>)> {
    let ((json, dot), warnings) = store.get().look_and_tell(py, |store| {
        let lineage = store.catalog()?.lineage(name)?;
        Ok((text(&lineage)?, lineage.to_dot()))
    })?;
    Ok((json, dot, warnings))
}

/// Notes the training set at a path, whose manifest lies beside it, as one of the project.
#[pyfunction]
pub(crate) fn note_training_set(py: Python<'_>, store: &Bound<'_, Store>, path: PathBuf) -> PyResult<Vec<String>> {
    Ok(store.get().look_and_tell(py, |store| Ok(store.note_training_set(&path)?))?.1)
}
