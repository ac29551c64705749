//! The answers of both to the same entity rows, feature by feature.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::{cast, concat_batches};
use arrow::datatypes::{DataType, Int64Type};
use arrow::error::ArrowError;
use serde_json::json;

use super::cell::{Cell, Same, cells, time};
use super::import::ImportedView;
use super::reason::{Fact, Reason};
use crate::time::Length;

/// The column by which Feast's rows are told apart.
const ROW: &str = "onepath_row";

/// How many examples of a reason are shown.
const EXAMPLES: usize = 3;

/// A view whose features are compared.
#[derive(Clone, Debug)]
pub struct ComparedView {
    view: ImportedView,
    /// The places of its features among those of the view.
    features: Vec<usize>,
    arrival: bool,
    time: String,
}

impl ComparedView {
    /// Some features of a view, whose source has an arrival time or none.
    pub fn new(view: &ImportedView, features: Vec<usize>, arrival: bool) -> Self {
        Self { view: view.clone(), features, arrival, time: view.time.clone() }
    }

    /// The columns of both for each feature: the one here, and the one in Feast.
    fn columns(&self) -> impl Iterator<Item = (String, String)> {
        let feast = self.view.feast.alias.as_ref().unwrap_or(&self.view.feast.view);
        self.features.iter().map(move |at| {
            let (here, there) = &self.view.features[*at];
            (format!("{}__{here}", self.view.name), format!("{feast}__{there}"))
        })
    }

    /// References to its features.
    pub fn references(&self) -> impl Iterator<Item = String> {
        self.features.iter().map(|at| format!("{}:{}", self.view.name, self.view.features[*at].0))
    }

    /// Its key columns in entity rows: here, and in Feast.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        let feast = &self.view.feast;
        feast.keys.iter().map(|(own, name)| (name.as_str(), feast.join_key_map.get(own).unwrap_or(own).as_str()))
    }

    fn feast_features(&self) -> Vec<&str> {
        self.features.iter().map(|at| self.view.features[*at].1.as_str()).collect()
    }

    /// What Feast is asked for.
    pub fn projection(&self) -> serde_json::Value {
        let feast = &self.view.feast;
        let features = self.feast_features();
        json!({ "view": feast.view, "alias": feast.alias, "join_key_map": feast.join_key_map, "features": features })
    }
}

/// The answers of both.
pub struct Answers {
    views: Vec<ComparedView>,
    /// The key columns of entity rows.
    keys: BTreeMap<String, ArrayRef>,
    as_ofs: ArrayRef,
    rows: usize,
    feast_rows: usize,
    /// The row of Feast's that answers each entity row.
    there: Vec<Option<usize>>,
    /// The rows that are equal to an earlier one.
    duplicates: Vec<usize>,
    /// Per view and feature, the values of both.
    values: Vec<Vec<(Vec<Cell>, Vec<Cell>)>>,
}

/// How the answers of one feature compare.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct FeatureCounts {
    /// `view:feature`, as it is called here.
    pub feature: String,
    /// Entity rows.
    pub rows: usize,
    /// Equal, nulls too.
    pub equal: usize,
    /// Both have a value, and not the same.
    pub differ: usize,
    /// Null in Feast alone.
    pub null_in_feast: usize,
    /// Null in onepath alone.
    pub null_in_onepath: usize,
    /// Feast has no row.
    pub no_row_in_feast: usize,
}

/// A reason, and where it holds.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Reasoned {
    /// The reason.
    pub reason: Reason,
    /// What it means.
    pub explanation: &'static str,
    /// Entity rows for which it holds.
    pub rows: usize,
    /// Values that differ by it; 0 where it is of rows alone.
    pub values: usize,
    /// Some of them.
    pub examples: Vec<Example>,
}

/// A difference.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Example {
    /// The keys of the entity row.
    pub entity: BTreeMap<String, String>,
    /// Its as-of.
    pub as_of: String,
    /// The feature; none for a whole row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<String>,
    /// The value here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub onepath: Option<String>,
    /// The value in Feast.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feast: Option<String>,
    /// What there is to see.
    pub detail: String,
}

/// How the answers compare.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Comparison {
    /// Entity rows.
    pub rows: usize,
    /// Rows that Feast gave.
    pub rows_of_feast: usize,
    /// By feature.
    pub features: Vec<FeatureCounts>,
    /// Why they differ.
    pub reasons: Vec<Reasoned>,
    /// Whether every difference has a known reason.
    pub explained: bool,
}

impl Answers {
    /// The answers of onepath, with the entity rows, and those of Feast.
    pub fn new(
        views: Vec<ComparedView>,
        as_of: &str,
        here: &[RecordBatch],
        there: &[RecordBatch],
    ) -> Result<Self, ArrowError> {
        let whole = |batches: &[RecordBatch]| match batches.first() {
            Some(first) => concat_batches(&first.schema(), batches),
            None => Err(ArrowError::InvalidArgumentError("there are no entity rows".to_owned())),
        };
        let (here, there) = (whole(here)?, whole(there)?);
        let column = |table: &RecordBatch, name: &str| {
            let missing = || ArrowError::SchemaError(format!("there is no column {name:?}"));
            table.column_by_name(name).cloned().ok_or_else(missing)
        };
        let mut keys = BTreeMap::new();
        for (name, _) in views.iter().flat_map(ComparedView::keys) {
            keys.insert(name.to_owned(), column(&here, name)?);
        }
        let mut values = Vec::new();
        for view in &views {
            let both = |(of_here, of_there): (String, String)| {
                Ok((cells(&column(&here, &of_here)?)?, cells(&column(&there, &of_there)?)?))
            };
            values.push(view.columns().map(both).collect::<Result<_, ArrowError>>()?);
        }
        let (rows, feast_rows) = (here.num_rows(), there.num_rows());
        let mut row_there = vec![None; rows];
        let numbers = cast(&column(&there, ROW)?, &DataType::Int64)?;
        for (at, row) in numbers.as_primitive::<Int64Type>().iter().enumerate() {
            if let Some(slot) = row.and_then(|row| row_there.get_mut(usize::try_from(row).ok()?)) {
                *slot = Some(at);
            }
        }
        let as_ofs = column(&here, as_of)?;
        let mut answers =
            Self { views, keys, as_ofs, rows, feast_rows, there: row_there, duplicates: Vec::new(), values };
        answers.find_duplicates()?;
        Ok(answers)
    }

    /// Gives rows that Feast has once the answer of the one that is there.
    fn find_duplicates(&mut self) -> Result<(), ArrowError> {
        let rows = self.keyed(&self.keys.keys().map(String::as_str).collect::<Vec<_>>())?;
        let mut of: HashMap<&str, usize> = HashMap::new();
        for (row, key) in rows.iter().enumerate() {
            if let Some(at) = self.there[row] {
                of.insert(key, at);
            }
        }
        for (row, key) in rows.iter().enumerate() {
            if self.there[row].is_none()
                && let Some(at) = of.get(key.as_str())
            {
                self.there[row] = Some(*at);
                self.duplicates.push(row);
            }
        }
        Ok(())
    }

    /// As-of and some keys of each row, as a text.
    fn keyed(&self, keys: &[&str]) -> Result<Vec<String>, ArrowError> {
        let mut columns = vec![cells(&self.as_ofs)?];
        for key in keys {
            columns.push(cells(&self.keys[*key])?);
        }
        Ok((0..self.rows)
            .map(|row| format!("{:?}", columns.iter().map(|column| &column[row]).collect::<Vec<_>>()))
            .collect())
    }

    /// What is to be known of the rows whose answers differ: a question for the reader, `None` where there is nothing to ask.
    pub fn question(&self) -> Option<serde_json::Value> {
        let views = self.views.iter().enumerate().map(|(at, view)| {
            let (here, asked): (Vec<&str>, Vec<&str>) = view.keys().unzip();
            let rows = self.differing(at);
            let own: Vec<&str> = view.view.feast.keys.iter().map(|(own, _)| own.as_str()).collect();
            debug_assert_eq!(here.len(), own.len());
            json!({
                "view": view.view.feast.view, "keys": asked, "own_keys": own, "time": view.time,
                "features": view.feast_features(), "arrival": view.arrival, "rows": rows,
            })
        });
        let views: Vec<serde_json::Value> = views.collect();
        let is_empty = views.iter().all(|view| view["rows"].as_array().is_none_or(Vec::is_empty));
        (!is_empty).then(|| json!({ "views": views }))
    }

    /// The rows whose answers differ in a view, or that Feast does not have.
    fn differing(&self, view: usize) -> Vec<usize> {
        let differs = |row: &usize| match self.there[*row] {
            None => true,
            Some(there) => self.values[view].iter().any(|(here, feast)| here[*row].same(&feast[there]) != Same::Yes),
        };
        (0..self.rows).filter(differs).collect()
    }

    /// How they compare, with what the reader knows of the rows that [`Answers::question`] asks about.
    pub fn compare(&self, facts: Vec<Vec<Fact>>) -> Result<Comparison, ArrowError> {
        let facts: Vec<HashMap<usize, Fact>> =
            facts.into_iter().map(|facts| facts.into_iter().map(|fact| (fact.row, fact)).collect()).collect();
        let mut reasons = Reasons::default();
        for &row in &self.duplicates {
            reasons.row(Reason::Duplicate, row, || self.example(row, "Feast has one row of these"));
        }
        self.missing(&facts, &mut reasons)?;
        let mut features = Vec::new();
        for (at, view) in self.views.iter().enumerate() {
            for (place, reference) in view.references().enumerate() {
                features.push(self.feature((at, place), reference, facts.get(at), &mut reasons));
            }
        }
        let reasons = reasons.finish();
        let explained = reasons.iter().all(|reasoned| reasoned.reason.explains());
        Ok(Comparison { rows: self.rows, rows_of_feast: self.feast_rows, features, reasons, explained })
    }

    /// Why Feast lacks rows.
    fn missing(&self, facts: &[HashMap<usize, Fact>], reasons: &mut Reasons) -> Result<(), ArrowError> {
        // Feast joins one view after the other, and after each keeps one row of those that are equal in the keys so far.
        let mut kept: Vec<(Vec<String>, HashMap<String, usize>)> = Vec::new();
        let mut so_far: Vec<&str> = Vec::new();
        for view in &self.views {
            so_far.extend(view.keys().map(|(here, _)| here).filter(|key| !so_far.contains(key)).collect::<Vec<_>>());
            let rows = self.keyed(&so_far)?;
            let there = rows.iter().enumerate().filter(|(row, _)| self.there[*row].is_some());
            let there = there.map(|(row, key)| (key.clone(), row)).collect();
            kept.push((rows, there));
        }
        for row in (0..self.rows).filter(|row| self.there[*row].is_none()) {
            let fact = |at: usize| facts.get(at).and_then(|facts| facts.get(&row));
            let dropping =
                (0..self.views.len()).find(|at| fact(*at).is_some_and(|fact| fact.events > 0 && fact.in_ttl == 0));
            if let Some(at) = dropping {
                let (view, events) = (&self.views[at].view, fact(at).map_or(0, |fact| fact.events));
                let within = view
                    .ttl
                    .map_or_else(|| "before the as-of".to_owned(), |ttl| format!("within {ttl} before the as-of"));
                let detail = format!(
                    "{} of {}, none {within}",
                    if events == 1 { "1 event".to_owned() } else { format!("{events} events") },
                    view.name
                );
                reasons.row(Reason::Dropped, row, || self.example(row, &detail));
            } else if let Some(other) = kept.iter().find_map(|(rows, there)| there.get(&rows[row])) {
                let kept = self.example(*other, "").entity;
                let detail = format!("Feast kept {}", told(&kept));
                reasons.row(Reason::MergedEarly, row, || self.example(row, &detail));
            } else {
                reasons.row(Reason::Unexplained, row, || self.example(row, "Feast has no such row"));
            }
        }
        Ok(())
    }

    fn feature(
        &self,
        (view, place): (usize, usize),
        feature: String,
        facts: Option<&HashMap<usize, Fact>>,
        reasons: &mut Reasons,
    ) -> FeatureCounts {
        let mut counts = FeatureCounts { feature, rows: self.rows, ..FeatureCounts::default() };
        let (here, there) = &self.values[view][place];
        let ComparedView { view: imported, arrival, .. } = &self.views[view];
        let ttl: Option<Length> = imported.ttl;
        for row in 0..self.rows {
            let Some(at) = self.there[row] else {
                counts.no_row_in_feast += 1;
                continue;
            };
            let (here, there) = (&here[row], &there[at]);
            if here.same(there) == Same::Yes {
                counts.equal += 1;
                continue;
            }
            match (here, there) {
                (Cell::Null, _) => counts.null_in_onepath += 1,
                (_, Cell::Null) => counts.null_in_feast += 1,
                _ => counts.differ += 1,
            }
            let fact = facts.and_then(|facts| facts.get(&row));
            let reason = fact.map_or(Reason::Unexplained, |fact| fact.reason(place, here, there, ttl, *arrival));
            let detail = || fact.map_or_else(String::new, |fact| fact.told(place));
            let name = &counts.feature;
            reasons.value(reason, row, || Example {
                feature: Some(name.clone()),
                onepath: Some(here.to_string()),
                feast: Some(there.to_string()),
                ..self.example(row, &detail())
            });
        }
        counts
    }

    fn example(&self, row: usize, detail: &str) -> Example {
        let shown = |array: &ArrayRef| match cells(&array.slice(row, 1)).map(|mut cells| cells.pop()) {
            Ok(Some(Cell::Text(text))) => text,
            Ok(Some(Cell::Time(ns))) => time(ns),
            Ok(Some(cell)) => cell.to_string(),
            _ => String::new(),
        };
        Example {
            entity: self.keys.iter().map(|(name, column)| (name.clone(), shown(column))).collect(),
            as_of: shown(&self.as_ofs),
            feature: None,
            onepath: None,
            feast: None,
            detail: detail.to_owned(),
        }
    }
}

/// The keys of an entity row, in words.
pub fn told(entity: &BTreeMap<String, String>) -> String {
    entity.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
}

/// Reasons as they are found.
#[derive(Default)]
struct Reasons(BTreeMap<Reason, (std::collections::BTreeSet<usize>, usize, Vec<Example>)>);

impl Reasons {
    fn row(&mut self, reason: Reason, row: usize, example: impl FnOnce() -> Example) {
        self.add(reason, row, 0, example);
    }

    fn value(&mut self, reason: Reason, row: usize, example: impl FnOnce() -> Example) {
        self.add(reason, row, 1, example);
    }

    fn add(&mut self, reason: Reason, row: usize, values: usize, example: impl FnOnce() -> Example) {
        let (rows, count, examples) = self.0.entry(reason).or_default();
        // One example of each row.
        if rows.insert(row) && examples.len() < EXAMPLES {
            examples.push(example());
        }
        *count += values;
    }

    fn finish(self) -> Vec<Reasoned> {
        let reasoned =
            |(reason, (rows, values, examples)): (Reason, (std::collections::BTreeSet<usize>, usize, Vec<Example>))| {
                Reasoned { reason, explanation: reason.explanation(), rows: rows.len(), values, examples }
            };
        self.0.into_iter().map(reasoned).collect()
    }
}
