//! A feature view ready to run: its component, its parameters and its time to live.

use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::rules::Rules;
use super::shown::{OutputSink, Shown};
use super::{FeatureRule, RuledStatuses};
use crate::batch::{Answers, Column, Rows, Value};
use crate::digest::hex;
use crate::schema::{Description, Field, ValueType};
use crate::time::{AsOf, Length};
use crate::wasm::{CallError, Component, OwnInstance, Watched, Written};

/// A feature view ready to run. Immutable, shared by all threads.
#[derive(Clone, Debug)]
pub struct ViewProgram {
    id: String,
    component: Arc<Component>,
    parameters: Vec<Column>,
    fingerprint: String,
    ttl: Option<Length>,
    rules: Rules,
    has_sources: bool,
    /// Its calls have an instance of their own.
    own: Option<Arc<OwnInstance>>,
    /// Who is shown what its component writes.
    shown: Option<Shown>,
}

/// A view whose parameters do not fit its component.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A parameter that the component does not have.
    #[error("view {view} gives parameter {parameter}, which its transform does not have; it has: {known}")]
    Unknown {
        /// The view.
        view: String,
        /// The parameter.
        parameter: String,
        /// Those that exist.
        known: String,
    },
    /// A parameter that the component needs.
    #[error("view {view} must give parameter {parameter} ({value_type}): add it to its `parameters`")]
    Missing {
        /// The view.
        view: String,
        /// The parameter.
        parameter: String,
        /// Its type.
        value_type: ValueType,
    },
    /// A parameter of the wrong type.
    #[error("view {view}, parameter {parameter}: {found} is not a value of type {value_type}")]
    Type {
        /// The view.
        view: String,
        /// The parameter.
        parameter: String,
        /// The type that the transform describes.
        value_type: ValueType,
        /// The value given.
        found: String,
    },
    /// Values that the transform itself does not take, such as a length of time beyond its bound.
    #[error("view {view}: its transform refuses the parameters: {message}")]
    Refused {
        /// The view.
        view: String,
        /// What the transform says.
        message: String,
    },
    /// Event fields without a source to bring them.
    #[error("view {view} reads events ({fields}) but has no sources: add `sources = [...]`")]
    NoSources {
        /// The view.
        view: String,
        /// The event fields of its transform.
        fields: String,
    },
    /// Something is decided of a feature that the component does not have.
    #[error("view {view} has no feature {feature}; it has: {known}")]
    Feature {
        /// The view.
        view: String,
        /// The feature.
        feature: String,
        /// Those that exist.
        known: String,
    },
    /// A default that is no value of its feature.
    #[error("view {view}: the default of feature {feature} must be a value of type {value_type}, and {reason}")]
    Default {
        /// The view.
        view: String,
        /// The feature.
        feature: String,
        /// The type that the transform describes.
        value_type: ValueType,
        /// What is wrong with the value given.
        reason: String,
    },
}

impl ViewProgram {
    /// Joins a view to its component. `parameters` are the view's constants by name; the transform is asked whether it takes
    /// them, so that it need not refuse every row later.
    pub fn new(
        id: String,
        component: Arc<Component>,
        parameters: &[(String, Value)],
        ttl: Option<Length>,
        has_sources: bool,
    ) -> Result<Self, ProgramError> {
        let description = component.description();
        if let Some((unknown, _)) =
            parameters.iter().find(|(name, _)| !description.parameters.iter().any(|field| field.name == *name))
        {
            let known = names(&description.parameters);
            return Err(ProgramError::Unknown { view: id, parameter: unknown.clone(), known });
        }
        if !has_sources && !description.event_fields.is_empty() {
            return Err(ProgramError::NoSources { view: id, fields: names(&description.event_fields) });
        }
        let columns = description.parameters.iter().map(|field| parameter(&id, field, parameters));
        let parameters = columns.collect::<Result<Vec<_>, _>>()?;
        if let Some(message) = refused(&component, &parameters) {
            return Err(ProgramError::Refused { view: id, message });
        }
        let fingerprint = fingerprint(&component, &parameters);
        Ok(Self {
            id,
            component,
            parameters,
            fingerprint,
            ttl,
            rules: Rules::default(),
            has_sources,
            own: None,
            shown: None,
        })
    }

    /// The same view, with what is decided of its features: each is named once.
    pub fn with_rules(self, rules: &[FeatureRule]) -> Result<Self, ProgramError> {
        let rules = Rules::new(&self.id, self.component.description(), rules)?;
        Ok(Self { rules, ..self })
    }

    /// The view's name and version: `activity@v1`.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The SHA-256 of its component.
    pub fn digest(&self) -> &str {
        self.component.digest()
    }

    /// What decides its states: the digest of its component and, where it has parameters, `+` and a digest of their bits.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What its component takes and gives.
    pub fn description(&self) -> &Description {
        self.component.description()
    }

    /// How old the newest event may be before the view answers null.
    pub fn ttl(&self) -> Option<Length> {
        self.ttl
    }

    /// How old the newest event may be before an output feature is null: its own time to live, or else the view's.
    pub fn ttl_of(&self, feature: usize) -> Option<Length> {
        self.rules.ttl_of(feature).or(self.ttl)
    }

    /// The time to live that an output feature has of its own.
    pub fn own_ttl(&self, feature: usize) -> Option<Length> {
        self.rules.ttl_of(feature)
    }

    /// What replaces a null of an output feature, as a value of its type.
    pub fn default_of(&self, feature: usize) -> Option<Value> {
        self.rules.default_of(feature)
    }

    /// The features that have a default, each with its value.
    pub fn defaults(&self) -> impl Iterator<Item = (&str, Value)> {
        let fields = self.description().output_features.iter().enumerate();
        fields.filter_map(|(at, field)| Some((field.name.as_str(), self.default_of(at)?)))
    }

    /// The features that have a time to live of their own.
    pub fn own_ttls(&self) -> impl Iterator<Item = (&str, Length)> {
        let fields = self.description().output_features.iter().enumerate();
        fields.filter_map(|(at, field)| Some((field.name.as_str(), self.own_ttl(at)?)))
    }

    /// Whether an output feature may be null, however the transform answers.
    pub fn may_be_null(&self, feature: usize) -> bool {
        let is_nullable = self.description().output_features[feature].nullable || self.ttl_of(feature).is_some();
        is_nullable && self.default_of(feature).is_none()
    }

    /// What is decided of its features.
    pub(super) fn rules(&self) -> &Rules {
        &self.rules
    }

    /// The statuses of its features with rules, of no row.
    pub(super) fn no_statuses(&self) -> RuledStatuses {
        self.rules.no_statuses()
    }

    /// Whether events reach it.
    pub fn has_sources(&self) -> bool {
        self.has_sources
    }

    /// The position of an output feature.
    pub fn feature(&self, name: &str) -> Option<usize> {
        self.description().output_features.iter().position(|field| field.name == name)
    }

    /// The same, whose calls have an instance of their own, which was never called and which nobody else calls. What they write is
    /// shown to nobody: they are made to prove what other calls gave.
    pub(crate) fn on_fresh_instance(&self) -> Self {
        Self { own: Some(Arc::default()), shown: None, ..self.clone() }
    }

    /// The same, whose component's output is shown to `sink`; `keys` names the key columns of the entity of its view. Its calls
    /// have one row each.
    pub(crate) fn shown_to(self, sink: OutputSink, keys: Vec<String>) -> Self {
        Self { shown: Some(Shown { sink, keys }), ..self }
    }

    /// Who is shown what its component writes.
    pub(super) fn shown(&self) -> Option<&Shown> {
        self.shown.as_ref()
    }

    /// One call of its component. What it writes goes to `written`, if it is wanted.
    pub(super) fn process(&self, rows: &Rows, written: Option<&mut Written>) -> Result<Answers, CallError> {
        match &self.own {
            Some(own) => self.component.process_on(own, &self.parameters, rows, written),
            None => self.component.process(&self.parameters, rows, written),
        }
    }

    /// What a state of it holds, in words; `None` where its component was built without saying that.
    pub(crate) fn debug_state(&self, state: &[u8]) -> Result<Option<String>, CallError> {
        self.component.debug_state(state)
    }

    /// What watching its component has come to.
    pub(crate) fn watched(&self) -> Watched {
        self.component.watched()
    }

    /// Whether its component is in quarantine, and gives errors alone.
    pub(crate) fn is_quarantined(&self) -> bool {
        self.component.is_quarantined()
    }

    /// Puts its component in quarantine for what another process found.
    pub(crate) fn quarantined_before(&self, difference: &str) {
        self.component.quarantined_before(difference);
    }

    /// Notes that so many vectors were served with it as of a moment.
    pub(crate) fn served(&self, vectors: u64, as_of: AsOf) {
        self.component.given(vectors, as_of.micros());
    }

    /// Its parameters, one column of one row each, in the order of the description.
    pub(crate) fn parameters(&self) -> &[Column] {
        &self.parameters
    }
}

/// Why the transform does not take these parameters, asked in a call without rows: a failure of that is about nothing else.
/// Whatever else may go wrong in such a call is left to the laws of admission, which make calls with rows.
fn refused(component: &Component, parameters: &[Column]) -> Option<String> {
    if parameters.is_empty() {
        return None;
    }
    let description = component.description();
    let none = |fields: &[Field]| fields.iter().map(|field| Column::new(field.value_type)).collect();
    let rows = Rows {
        event_fields: none(&description.event_fields),
        request_fields: none(&description.request_fields),
        input_features: none(&description.input_features),
        ..Rows::default()
    };
    match component.process_fresh(parameters, &rows, None) {
        Err(CallError::Failure { row: None, message }) => Some(message),
        _ => None,
    }
}

fn fingerprint(component: &Component, parameters: &[Column]) -> String {
    if parameters.is_empty() {
        return component.digest().to_owned();
    }
    let names = component.description().parameters.iter().map(|field| field.name.as_str());
    let bits = names.zip(parameters).map(|(name, value)| format!("{name}={}\n", value.value(0).hex()));
    let digest = Sha256::digest(bits.collect::<String>());
    let short = hex(&digest[..8]);
    format!("{}+{short}", component.digest())
}

/// A column of one row: the value given, the integer as a float64 where one is wanted, or null where that is allowed.
fn parameter(view: &str, field: &Field, given: &[(String, Value)]) -> Result<Column, ProgramError> {
    let mut column = Column::new(field.value_type);
    let value = match given.iter().find(|(name, _)| *name == field.name) {
        Some((_, Value::Int64(value))) if field.value_type == ValueType::Float64 => Value::Float64(*value as f64),
        Some((_, value)) => value.clone(),
        None if field.nullable => Value::Null,
        None => {
            return Err(ProgramError::Missing {
                view: view.to_owned(),
                parameter: field.name.clone(),
                value_type: field.value_type,
            });
        }
    };
    column.push(&value).map_err(|_| ProgramError::Type {
        view: view.to_owned(),
        parameter: field.name.clone(),
        value_type: field.value_type,
        found: value.to_string(),
    })?;
    Ok(column)
}

pub(super) fn names(fields: &[Field]) -> String {
    if fields.is_empty() {
        return "none".to_owned();
    }
    fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(", ")
}
