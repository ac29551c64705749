//! What `reader.py` says of a Feast repository.

use std::collections::BTreeMap;

use serde::Deserialize;

/// A Feast repository, as Feast itself loads it.
#[derive(Clone, Debug, Deserialize)]
pub struct Repository {
    /// The version of Feast.
    pub feast: String,
    /// Its folder, absolute.
    pub root: String,
    /// The project's name.
    pub project: String,
    /// Where its objects were found: `definitions` or `registry`.
    pub came_from: String,
    /// The kind of its offline store.
    pub offline_store: String,
    /// What people say about the project.
    #[serde(flatten)]
    pub facts: Facts,
    /// What features describe.
    pub entities: Vec<Entity>,
    /// Its feature views, those over streams too.
    pub views: Vec<View>,
    /// The names of its label views.
    pub labels: Vec<String>,
    /// The views that Python computes for each question.
    pub on_demand: Vec<OnDemandView>,
    /// What models read.
    pub services: Vec<Service>,
    /// The names of its permissions.
    pub permissions: Vec<String>,
}

/// What people say about a thing.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Facts {
    /// What it is.
    pub description: String,
    /// Who answers for it.
    pub owner: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
}

/// What features describe; Feast gives each one key column.
#[derive(Clone, Debug, Deserialize)]
pub struct Entity {
    /// Its name.
    pub name: String,
    /// The key column.
    pub join_key: String,
    /// The declared type, in capitals; `UNKNOWN` where none is.
    #[serde(rename = "type")]
    pub key_type: String,
    /// What people say about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// A feature view over a batch source.
#[derive(Clone, Debug, Deserialize)]
pub struct View {
    /// Its name.
    pub name: String,
    /// The class of Feast's.
    pub kind: String,
    /// The names of its entities.
    pub entities: Vec<String>,
    /// Its features; none where Feast is to infer them of the source.
    pub features: Vec<Field>,
    /// Every declared column, keys included.
    pub schema: Vec<Field>,
    /// The declared key columns.
    pub entity_columns: Vec<Field>,
    /// The time to live in microseconds; 0 for none.
    pub ttl_us: i64,
    /// Where its history lies.
    pub batch: Option<Source>,
    /// Where its fresh events come from.
    pub stream: Option<Source>,
    /// Whether it is served.
    pub online: bool,
    /// The Python of its transformation.
    pub python: Option<String>,
    /// How many aggregations it declares.
    pub aggregations: usize,
    /// The views that it is made of.
    pub of_views: Vec<String>,
    /// The version that it is pinned to.
    pub version: String,
    /// What people say about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// A declared column.
#[derive(Clone, Debug, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its type, as Feast prints it.
    #[serde(rename = "type")]
    pub feast_type: String,
    /// What it is.
    pub description: String,
    /// Free labels.
    pub tags: BTreeMap<String, String>,
    /// Whether vectors are searched by it.
    pub vector_index: bool,
}

/// A source of events.
#[derive(Clone, Debug, Deserialize)]
pub struct Source {
    /// Its name; for a file without one, its path.
    pub name: String,
    /// The class of Feast's, such as `FileSource`.
    pub kind: String,
    /// The column of event times, as it is called after `field_mapping`.
    pub timestamp_field: String,
    /// The column by which Feast breaks ties; nothing for none.
    pub created_timestamp_column: String,
    /// The names of columns in the file, and what Feast calls them.
    pub field_mapping: BTreeMap<String, String>,
    /// The file, where it is one.
    pub file: Option<SourceFile>,
    /// What people say about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// The file of a source.
#[derive(Clone, Debug, Deserialize)]
pub struct SourceFile {
    /// As it is written in Feast.
    pub uri: String,
    /// Where it lies on this machine, absolute; none for another place.
    pub path: Option<String>,
    /// Whether that is a folder of files.
    pub folder: bool,
    /// `parquet`, `delta` and so on.
    pub format: String,
    /// The columns and their types, as Arrow prints them, where the file could be read.
    pub columns: Option<Vec<(String, String)>>,
    /// Why it could not.
    pub problem: Option<String>,
}

/// A view that Python computes for each question.
#[derive(Clone, Debug, Deserialize)]
pub struct OnDemandView {
    /// Its name.
    pub name: String,
    /// Its features.
    pub features: Vec<Field>,
    /// The views that it reads.
    pub views: Vec<String>,
    /// The fields of the request that it reads.
    pub request: Vec<Field>,
    /// `pandas`, `python` and so on.
    pub mode: String,
    /// Its source text.
    pub python: Option<String>,
    /// What people say about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What one model reads.
#[derive(Clone, Debug, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// The features of each view.
    pub projections: Vec<Projection>,
    /// References that Feast resolves when it applies the repository.
    pub references: Vec<String>,
    /// What people say about it.
    #[serde(flatten)]
    pub facts: Facts,
}

/// Some features of a view, by a name and by keys of a service's own.
#[derive(Clone, Debug, Deserialize)]
pub struct Projection {
    /// The view.
    pub view: String,
    /// What the service calls it.
    pub alias: Option<String>,
    /// The view's key columns, and what entity rows call them.
    pub join_key_map: BTreeMap<String, String>,
    /// The features; none for all.
    pub features: Vec<String>,
    /// The version that it is pinned to.
    pub version: Option<i64>,
}

impl Repository {
    /// Reads what the reader said.
    pub fn parse(json: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(json)
    }
}
