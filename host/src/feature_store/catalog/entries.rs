//! What the catalog says of each thing. These structs are what every door shows: the command line, `/v1` and Python.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::admission::{Cost, StateGrowth};
use crate::feature_store::TrainingSet;
use crate::schema::ValueType;

/// What a project has, for whoever looks for something.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Catalog {
    /// The project's name.
    pub project: String,
    /// What features describe.
    pub entities: Vec<EntityEntry>,
    /// The sources of events.
    pub sources: Vec<SourceEntry>,
    /// The feature views, each version by itself.
    pub views: Vec<ViewEntry>,
    /// Their features, in the order of the views.
    pub features: Vec<FeatureEntry>,
    /// The feature services.
    pub services: Vec<ServiceEntry>,
    /// The training sets that were made of it, the newest first.
    pub training_sets: Vec<TrainingSetEntry>,
}

/// A column with its type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// The type of its values, where it is known.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// Whether a value may be null.
    pub nullable: bool,
    /// What it is, for people: as the project says, else as the author of a transform says.
    pub description: Option<String>,
}

/// An entity.
#[derive(Clone, Debug, Serialize)]
pub struct EntityEntry {
    /// Its name.
    pub entity: String,
    /// What it is, for people.
    pub description: Option<String>,
    /// Its key columns.
    pub keys: Vec<Column>,
    /// The sources whose events are about it.
    pub sources: Vec<String>,
    /// The views whose features describe it.
    pub views: Vec<String>,
}

/// A source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceEntry {
    /// Its name.
    pub source: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// The entities that its events are about.
    pub entities: Vec<String>,
    /// The files of its history, as the project names them.
    pub files: Vec<String>,
    /// The column that says when an event happened.
    pub event_time: String,
    /// The unit of it, where it is an integer.
    pub event_time_unit: Option<&'static str>,
    /// The column that says when an event arrived.
    pub arrival_time: Option<String>,
    /// The unit of it, where it is an integer.
    pub arrival_time_unit: Option<&'static str>,
    /// How times are written that are text.
    pub time_format: Option<String>,
    /// The column that names an event.
    pub event_id: Option<String>,
    /// How often its files are materialized, as people mean it to be.
    pub materialize_every: Option<String>,
    /// What is expected of the fields of pushed events, in words.
    pub expect: BTreeMap<String, String>,
    /// What becomes of a pushed event that is not as expected, where something is expected of events.
    pub on_bad_event: Option<&'static str>,
    /// Offsets of the log that are left out.
    pub skip_offsets: Vec<u64>,
    /// Its columns: those that are declared, and those that views read.
    pub columns: Vec<SourceColumn>,
    /// The columns that are computed of the others, by name.
    pub derived: BTreeMap<String, String>,
    /// The views that read it.
    pub views: Vec<String>,
}

/// A column of a source.
#[derive(Clone, Debug, Serialize)]
pub struct SourceColumn {
    /// Name, type and description.
    #[serde(flatten)]
    pub column: Column,
    /// `key`, `event time`, `arrival time`, `event id` or `field`.
    pub role: &'static str,
    /// What files and pushes call it, where that is another name.
    pub mapped_from: Option<String>,
    /// The views that read it.
    pub views: Vec<String>,
}

/// How old the newest event may be, and how old it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Freshness {
    /// How old it may be before people are told.
    pub freshness: Option<String>,
    /// The newest event that the online states include: of a view without events, that of the view it reads whose newest event is
    /// the oldest.
    pub newest_event: Option<String>,
    /// How many whole seconds old that is.
    pub newest_event_age_s: Option<i64>,
    /// Whether it is as young as promised; nothing where nothing is promised, or no events are read.
    pub is_fresh: Option<bool>,
    /// Whether it is older than promised, or events are read and there never was one.
    pub is_stale: bool,
}

/// Who reads a view or a feature.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readers {
    /// Other views.
    pub views: Vec<String>,
    /// Services.
    pub services: Vec<String>,
    /// Training sets, by their paths.
    pub training_sets: Vec<String>,
}

impl Readers {
    /// Whether nobody does.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty() && self.services.is_empty() && self.training_sets.is_empty()
    }
}

/// A version of a feature view.
#[derive(Clone, Debug, Serialize)]
pub struct ViewEntry {
    /// Its name and version, such as `activity@v1`.
    pub view: String,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: u32,
    /// All versions of the view.
    pub versions: Vec<u32>,
    /// What its features describe.
    pub entity: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// How old its newest event may be, and is.
    #[serde(flatten)]
    pub fresh: Freshness,
    /// How old the newest event may be for its features to be served.
    pub ttl: Option<String>,
    /// What replaces the nulls of its features, by feature.
    pub defaults: serde_json::Map<String, serde_json::Value>,
    /// The times to live of single features, by feature.
    pub feature_ttls: BTreeMap<String, String>,
    /// `declared`, or the path of its transform.
    pub transform: String,
    /// The fields of the newest row that are features, where it declares such.
    pub latest: Vec<String>,
    /// What decides between rows of one time, where it declares such.
    pub tie_break: Option<String>,
    /// The constants that its transform is given.
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// The digest of the component that makes its features, where there is one.
    pub component: Option<String>,
    /// The author's version of it.
    pub author_version: Option<String>,
    /// The version of the format of its states.
    pub state_version: Option<u32>,
    /// Whether the component is in quarantine, for it gave two answers.
    pub quarantined: bool,
    /// Why less is known of it than there is: its component was not built, or its sources have changed since.
    pub problem: Option<String>,
    /// The sources whose events it reads.
    pub sources: Vec<String>,
    /// The fields of events that it reads.
    pub event_fields: Vec<Column>,
    /// What each question brings beside the keys, as the project says.
    pub inputs: Vec<String>,
    /// The fields of requests that it reads.
    pub request_fields: Vec<Column>,
    /// Its features, in order.
    pub features: Vec<ViewFeature>,
    /// Who reads it.
    pub readers: Readers,
    /// What is measured of it: told where one view is described, and not where all are listed.
    pub measured: Option<Measured>,
}

/// A feature of a view, in short.
#[derive(Clone, Debug, Serialize)]
pub struct ViewFeature {
    /// Its name.
    pub name: String,
    /// Its type, where it is known.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// What it means, in a line.
    pub meaning: String,
}

/// What is measured of a view.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// What the component costs, where `onepath check` has recorded it.
    pub cost: Option<Cost>,
    /// How the state of an entity grows; nothing where there is none.
    pub state_growth: Option<StateGrowth>,
    /// How many bytes a state may have.
    pub state_bytes_max: u64,
    /// How many entities have a state online; nothing before the view was materialized.
    pub entities: Option<u64>,
}

/// What a feature is made of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reads {
    /// Whether these are what this feature itself is made of; if not, they are what its view reads, of which this feature may use a part.
    pub is_exact: bool,
    /// Columns of sources: `events.amount`.
    pub columns: Vec<String>,
    /// Sources of which it needs no column but the keys and the times of the events.
    pub sources: Vec<String>,
    /// Features of other views.
    pub features: Vec<String>,
    /// Fields of the request.
    pub request_fields: Vec<String>,
}

/// A feature.
#[derive(Clone, Debug, Serialize)]
pub struct FeatureEntry {
    /// Its reference, such as `activity@v1:purchase_count_30d`.
    pub feature: String,
    /// Its name.
    pub name: String,
    /// The view that gives it, with its version.
    pub view: String,
    /// What it describes.
    pub entity: Option<String>,
    /// Its type, where it is known.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// Whether it may be null.
    pub nullable: bool,
    /// Who answers for it: its own owner, else that of the view.
    pub owner: Option<String>,
    /// What it is, as the project says.
    pub description: Option<String>,
    /// What it is, as the author of the transform says.
    pub documentation: Option<String>,
    /// How it is made, in words, where it is declared.
    pub made: Option<String>,
    /// Which stretch of time it is of, where it is declared.
    pub window: Option<String>,
    /// Its free labels, and those of the view.
    pub tags: BTreeMap<String, String>,
    /// What replaces a null of it.
    pub default: Option<serde_json::Value>,
    /// How old the newest event may be for it to be served: its own, else that of the view.
    pub ttl: Option<String>,
    /// Whether profiles of training sets name its texts, which may tell of people.
    pub profile_values: bool,
    /// How old the newest event may be, and is.
    #[serde(flatten)]
    pub fresh: Freshness,
    /// What it is made of.
    pub reads: Reads,
    /// Who reads it.
    pub readers: Readers,
}

impl FeatureEntry {
    /// What it means, in one line: the project's description, else the first paragraph of the author's, else how it is made.
    pub fn meaning(&self) -> String {
        let documentation = self.documentation.as_deref().and_then(|text| text.split("\n\n").next());
        let text = self.description.as_deref().or(documentation).or(self.made.as_deref()).unwrap_or_default();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

/// A feature service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceEntry {
    /// Its name.
    pub service: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// What it is for, for people.
    pub description: Option<String>,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// What the project says that it gives.
    pub selects: Vec<String>,
    /// What a question must bring.
    pub inputs: Vec<ServiceInput>,
    /// What it gives, in order.
    pub features: Vec<ServiceFeature>,
    /// The views that are run for it, with their components.
    pub views: Vec<ServiceView>,
    /// Whether a feature that it gives is stale.
    pub is_stale: bool,
    /// The training sets that were made with it, by their paths.
    pub training_sets: Vec<String>,
}

/// What a question to a service must bring.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServiceInput {
    /// The name of the key or request field.
    pub name: String,
    /// The type of its values.
    #[serde(rename = "type")]
    pub value_type: ValueType,
    /// Whether a value may be null.
    pub nullable: bool,
    /// Whether it is a key.
    pub key: bool,
}

/// A feature of a service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceFeature {
    /// Its reference, as answers name it.
    pub feature: String,
    /// Its type, where it is known.
    #[serde(rename = "type")]
    pub value_type: Option<ValueType>,
    /// The view that gives it, with its version.
    pub view: String,
}

/// A view of a service.
#[derive(Clone, Debug, Serialize)]
pub struct ServiceView {
    /// The view, with its version.
    pub view: String,
    /// The digest of its component.
    pub component: Option<String>,
}

/// A training set.
#[derive(Clone, Debug, Serialize)]
pub struct TrainingSetEntry {
    /// What was noted when it was made.
    #[serde(flatten)]
    pub noted: TrainingSet,
    /// Whether its manifest still lies there.
    pub is_there: bool,
    /// The views whose component is another one now.
    pub changed_views: Vec<String>,
}
