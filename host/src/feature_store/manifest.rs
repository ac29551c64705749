//! The proof that a training set carries: what it was made of, by digests.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::skips::skipped;
use super::{FeaturePlan, FeatureStore, RunSummary, SourceOverride};
use crate::Error;
use crate::events::FileCount;
use crate::files::{CONVERSIONS_VERSION, Digests};
use crate::log::Parts;
use crate::wasm::ENGINE_VERSION;

/// Failures that are told one by one.
pub(super) const FAILURES_SHOWN: usize = 10;

/// What a training set was made of. The same inputs give the same manifest, whatever the threads or batches.
///
/// Only what decides features is read again. The rest is for people and their tools: another onepath may have written it
/// otherwise, or not at all, and its training set can be pinned all the same.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Manifest {
    pub(crate) onepath: String,
    pub(crate) engine: String,
    /// The version of the conversions by which files and log were read.
    #[serde(skip_deserializing)]
    conversions: u32,
    #[serde(skip_deserializing)]
    project: String,
    pub(crate) service: Option<String>,
    pub(crate) features: Vec<String>,
    pub(crate) views: Vec<ViewRecord>,
    #[serde(skip_deserializing)]
    sources: Vec<SourceRecord>,
    /// The newest offset of the log, where pushed events were read too.
    #[serde(skip_deserializing)]
    log_offset: Option<u64>,
    /// The epoch of the log by whose stamps they were read, where it is not the first.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    log_epoch: Option<u64>,
    /// Events of the log that the project leaves out.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<SkippedRecord>,
    /// Always written.
    #[serde(skip_deserializing)]
    spine: Option<SpineRecord>,
    #[serde(skip_deserializing)]
    rows: u64,
    /// Rows without an answer: events left out, questions answered with nulls.
    #[serde(skip_deserializing)]
    failures: u64,
    /// The first of them.
    #[serde(skip_deserializing, skip_serializing_if = "Vec::is_empty")]
    first_failures: Vec<String>,
    #[serde(skip_deserializing)]
    summary: RunSummary,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    output: Option<OutputRecord>,
    /// The profile of its features, beside it.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileRecord>,
}

/// The profile of a training set.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ProfileRecord {
    /// Its name in the folder of the manifest.
    pub(super) file: PathBuf,
    pub(super) sha256: String,
}

/// What a view was made by.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct ViewRecord {
    pub(crate) view: String,
    #[serde(skip_deserializing)]
    component: String,
    #[serde(skip_deserializing)]
    author_version: String,
    #[serde(skip_deserializing)]
    state_version: u32,
    #[serde(skip_deserializing)]
    ttl: Option<String>,
    /// What replaces the nulls of its features, and their own times to live, by feature.
    #[serde(skip_deserializing, skip_serializing_if = "serde_json::Map::is_empty")]
    defaults: serde_json::Map<String, serde_json::Value>,
    #[serde(skip_deserializing, skip_serializing_if = "BTreeMap::is_empty")]
    feature_ttls: BTreeMap<String, String>,
    #[serde(skip_deserializing)]
    parameters: serde_json::Map<String, serde_json::Value>,
    /// Where its package had changed since: the digests of the sources that its component was built from, and of those that there were.
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    stale: Option<StaleRecord>,
    /// The digest of its identity.
    #[serde(skip_deserializing)]
    identity: String,
    /// What its identity is made of; nothing in training sets that were made before identities were recorded.
    #[serde(default)]
    pub(crate) parts: Parts,
}

#[derive(Clone, Debug, Serialize)]
struct StaleRecord {
    built_from: String,
    sources: String,
}

/// Events of a source that were left out of the log.
#[derive(Clone, Debug, Serialize)]
struct SkippedRecord {
    source: String,
    events: u64,
    offsets: Vec<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct SourceRecord {
    source: String,
    /// Relative to the project's folder, where the file lies in it.
    path: PathBuf,
    rows: u64,
    sha256: String,
}

/// Where the questions came from.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(super) enum SpineRecord {
    File { path: PathBuf, as_of_column: String, rows: u64, sha256: String },
    AtEvents { at: &'static str },
    Grid { every: String, from: String, to: String },
}

/// What a run read, and what became of it.
pub(super) struct MadeOf<'a> {
    pub(super) files: &'a [FileCount],
    pub(super) summary: RunSummary,
    pub(super) failures: u64,
    pub(super) first_failures: Vec<String>,
    pub(super) spine: SpineRecord,
    pub(super) rows: u64,
    pub(super) log_offset: Option<u64>,
    pub(super) log_epoch: Option<u64>,
    /// Sources whose log was not read, because other files stood for them.
    pub(super) overridden: &'a [SourceOverride],
}

#[derive(Clone, Debug, Serialize)]
struct OutputRecord {
    path: PathBuf,
    bytes: u64,
    sha256: String,
}

impl Manifest {
    pub(super) fn new(
        store: &FeatureStore,
        plan: &FeaturePlan,
        made_of: MadeOf<'_>,
        digests: &mut Digests,
    ) -> Result<Self, Error> {
        let MadeOf { files, summary, failures, first_failures, spine, rows, log_offset, log_epoch, overridden } =
            made_of;
        let mut sources: Vec<SourceRecord> = Vec::new();
        for count in files {
            let path = store.project().recorded_path(&count.path);
            if !sources.iter().any(|known| known.source == count.source && known.path == path) {
                sources.push(SourceRecord {
                    source: count.source.clone(),
                    path,
                    rows: count.rows,
                    sha256: digests.of(&count.path)?,
                });
            }
        }
        let views = plan.views.iter().map(|view| ViewRecord {
            view: view.program.id().to_owned(),
            component: view.program.digest().to_owned(),
            author_version: view.program.description().author_version.clone(),
            state_version: view.program.description().state_version,
            ttl: view.view.ttl.map(|ttl| ttl.to_string()),
            defaults: view
                .program
                .defaults()
                .map(|(feature, value)| (feature.to_owned(), crate::files::to_json(&value)))
                .collect(),
            feature_ttls: view.program.own_ttls().map(|(feature, ttl)| (feature.to_owned(), ttl.to_string())).collect(),
            parameters: view
                .view
                .parameters
                .iter()
                .map(|(name, value)| (name.clone(), crate::files::to_json(value)))
                .collect(),
            stale: store
                .stale(&view.view, view.program.digest())
                .ok()
                .flatten()
                .map(|stale| StaleRecord { built_from: stale.built_from, sources: stale.sources }),
            identity: view.identity.digest(),
            parts: view.identity.parts().clone(),
        });
        Ok(Self {
            onepath: env!("CARGO_PKG_VERSION").to_owned(),
            engine: ENGINE_VERSION.to_owned(),
            conversions: CONVERSIONS_VERSION,
            project: store.project().name.clone(),
            service: plan.service.clone(),
            features: plan.features.iter().map(|feature| plan.resolved(feature).to_string()).collect(),
            views: views.collect(),
            sources,
            skipped: log_offset.map_or_else(Vec::new, |up_to| skipped_of(plan, overridden, up_to)),
            log_offset,
            log_epoch,
            spine: Some(spine),
            rows,
            failures,
            first_failures,
            summary,
            output: None,
            profile: None,
        })
    }

    /// Names the file that was written, by its place in the project.
    pub(super) fn set_output(&mut self, path: PathBuf, sha256: &str, bytes: u64) {
        self.output = Some(OutputRecord { path, bytes, sha256: sha256.to_owned() });
    }

    /// Names the profile that was written beside it.
    pub(super) fn set_profile(&mut self, profile: ProfileRecord) {
        self.profile = Some(profile);
    }

    /// The newest offset of the log, where pushed events were read too.
    pub(super) fn log_offset(&self) -> Option<u64> {
        self.log_offset
    }

    /// Events of all files.
    pub(super) fn events(&self) -> u64 {
        self.sources.iter().map(|source| source.rows).sum()
    }

    pub(super) fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("names, numbers and paths are always JSON")
    }

    /// What decides features, of a manifest that was written.
    pub(crate) fn from_json(json: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(json)
    }
}

/// The events that are left out of a log that is read up to an offset.
fn skipped_of(plan: &FeaturePlan, overridden: &[SourceOverride], up_to: u64) -> Vec<SkippedRecord> {
    let mut records: Vec<SkippedRecord> = Vec::new();
    for source in plan.views.iter().flat_map(|view| &view.sources) {
        let is_told = records.iter().any(|known| known.source == source.name);
        let offsets = skipped(source, up_to);
        if !is_told && !offsets.is_empty() && overridden.iter().all(|given| given.source != source.name) {
            records.push(SkippedRecord { source: source.name.clone(), events: offsets.len() as u64, offsets });
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn manifest() -> Manifest {
        let view = ViewRecord {
            view: "seen@v1".to_owned(),
            component: "c0".to_owned(),
            author_version: "1".to_owned(),
            state_version: 2,
            ttl: None,
            defaults: serde_json::Map::new(),
            feature_ttls: BTreeMap::new(),
            parameters: serde_json::Map::new(),
            stale: None,
            identity: "1d".to_owned(),
            parts: serde_json::from_str(r#"{"component": "c0", "ttl": "none"}"#).expect("parts"),
        };
        Manifest {
            onepath: "0.1.0".to_owned(),
            engine: "48".to_owned(),
            conversions: 3,
            project: "p".to_owned(),
            service: None,
            features: vec!["seen@v1:events".to_owned()],
            views: vec![view],
            sources: Vec::new(),
            log_offset: None,
            log_epoch: None,
            skipped: Vec::new(),
            spine: Some(SpineRecord::AtEvents { at: "events" }),
            rows: 4,
            failures: 0,
            first_failures: Vec::new(),
            summary: RunSummary::default(),
            output: None,
            profile: None,
        }
    }

    #[test]
    fn what_decides_features_is_read_as_it_was_written() {
        let written = manifest();
        let read = Manifest::from_json(written.to_json().as_bytes()).expect("reads");
        assert_eq!((read.onepath, read.engine, read.service), (written.onepath, written.engine, written.service));
        assert_eq!(read.features, written.features);
        assert_eq!(read.views.len(), 1);
        assert_eq!(read.views[0].view, written.views[0].view);
        assert!(!read.views[0].parts.is_empty());
        assert_eq!(read.views[0].parts, written.views[0].parts);
    }

    #[test]
    fn nothing_else_is_needed() {
        let few = r#"{"onepath": "0", "engine": "1", "features": [], "views": [{"view": "a@v1"}]}"#;
        let read = Manifest::from_json(few.as_bytes()).expect("reads");
        assert!(read.service.is_none() && read.views[0].parts.is_empty());
        // Written otherwise by another onepath.
        let others = few.replacen('{', r#"{"spine": {"moons": 3}, "rows": "many", "summary": null, "new": [], "#, 1);
        assert!(Manifest::from_json(others.as_bytes()).is_ok(), "{others}");
        for needed in ["onepath", "engine", "features", "views", "view"] {
            let without = few.replace(&format!("\"{needed}\""), "\"other\"");
            let error = Manifest::from_json(without.as_bytes()).expect_err(needed).to_string();
            assert!(error.starts_with(&format!("missing field `{needed}`")), "{error}");
        }
    }

    #[test]
    fn members_are_written_in_one_order() {
        expect![[r#"
            {
              "onepath": "0.1.0",
              "engine": "48",
              "conversions": 3,
              "project": "p",
              "service": null,
              "features": [
                "seen@v1:events"
              ],
              "views": [
                {
                  "view": "seen@v1",
                  "component": "c0",
                  "author_version": "1",
                  "state_version": 2,
                  "ttl": null,
                  "parameters": {},
                  "identity": "1d",
                  "parts": {
                    "component": "c0",
                    "ttl": "none"
                  }
                }
              ],
              "sources": [],
              "log_offset": null,
              "spine": {
                "at": "events"
              },
              "rows": 4,
              "failures": 0,
              "summary": {
                "spine": {
                  "rows": 0,
                  "rounded": 0,
                  "first_as_of": null,
                  "last_as_of": null
                },
                "sources": [],
                "views": [],
                "nulls": [],
                "warnings": []
              }
            }"#]]
        .assert_eq(&manifest().to_json());
    }
}
