//! All that planning can know, as faults of the project file: told before the first question, at the line that is wrong.

use std::ops::Range;

use super::{FeatureSelection, FeatureStore, PlannedView};
use crate::Error;
use crate::evaluate::{ProgramError, ViewProgram};
use crate::events::EventSchema;
use crate::project::{FieldSet, Input, View, closest};
use crate::schema::ValueType;

impl FeatureStore {
    /// Plans every view and every service, so that misfits are reported now and not at the first question.
    pub fn plan_project(&self) -> Result<(), Error> {
        let views = self.plan_views(|_| true)?;
        self.check_event_fields(&views)?;
        self.check_request_fields(&views)?;
        for service in self.project().services.clone() {
            let plan = self.plan(&FeatureSelection::Service(service.name.clone()))?;
            let names = plan.names(true);
            let is_key = |name: &String| plan.keys().iter().any(|key| key.name == *name);
            let is_taken = |at: &usize| names[..*at].contains(&names[*at]) || is_key(&names[*at]);
            let Some(at) = (0..names.len()).find(is_taken) else { continue };
            let text = plan.features[at].reference.to_string();
            let selected =
                service.features.iter().position(|selection| selection.view() == plan.features[at].reference.view);
            let span = selected.and_then(|selected| service.spans.get(selected)).cloned().unwrap_or_default();
            let message =
                format!("service {:?} has two columns named {}: the second is {text}", service.name, names[at]);
            let help =
                "view and feature are joined by __: rename one of the views or features, or leave one out".to_owned();
            return Err(self.project().fault(&span, message, help).into());
        }
        Ok(())
    }

    /// Refuses fields of one source that views read as what cannot be both.
    fn check_event_fields(&self, views: &[PlannedView]) -> Result<(), Error> {
        for source in &self.project().sources {
            let readers = views.iter().filter(|view| view.view.sources.contains(&source.name));
            let readers = readers.map(|view| (view.program.id(), view.program.description().event_fields.as_slice()));
            EventSchema::new(source, readers).map_err(|wrong| self.project().misfit(wrong))?;
        }
        Ok(())
    }

    /// Refuses request fields that views read as what cannot be both, and those that are declared and that no view reads.
    fn check_request_fields(&self, views: &[PlannedView]) -> Result<(), Error> {
        let mut read = FieldSet::new("request".to_owned(), Vec::new());
        for view in views {
            for field in &view.program.description().request_fields {
                read.read(view.program.id(), field).map_err(|wrong| self.project().misfit(wrong))?;
            }
        }
        let unread = self.project().request_fields.iter().find(|declared| read.get(&declared.name).is_none());
        let Some(unread) = unread else { return Ok(()) };
        let names = read.fields.iter().map(|field| field.name.as_str());
        let meant = match closest(&unread.name, names) {
            Some(meant) => format!("did you mean {meant:?}? "),
            None => String::new(),
        };
        let message = format!("no view reads the request field {:?}", unread.name);
        let help = format!("{meant}remove this line: a field that nothing reads does nothing");
        Err(self.project().fault(&unread.span.clone(), message, help).into())
    }

    /// Refuses inputs that the transform of a view does not read.
    pub(super) fn check_inputs_are_read(&self, view: &View, program: &ViewProgram) -> Result<(), Error> {
        let description = program.description();
        for (input, span) in view.inputs.iter().zip(&view.spans.inputs) {
            let (name, fields, kind) = match input {
                Input::Feature { name, .. } => (name, &description.input_features, "input feature"),
                Input::Request(name) => (name, &description.request_fields, "request field"),
            };
            if fields.iter().any(|field| field.name == *name) {
                continue;
            }
            let known: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
            let message = format!("the transform of view {} reads no {kind} {name:?}", view.label());
            let help = match (closest(name, known.iter().copied()), input) {
                (Some(meant), Input::Feature { reference, .. }) => {
                    format!("it reads {}: write \"{reference} as {meant}\", or remove this input", known.join(", "))
                }
                (Some(_), Input::Request(_)) => {
                    format!("it reads {}: name one of them, or remove this input", known.join(", "))
                }
                (None, _) if known.is_empty() => format!("remove this input: it reads no {kind}s"),
                (None, _) => format!("remove this input, or give it a name that it reads: {}", known.join(", ")),
            };
            return Err(self.project().fault(span, message, help).into());
        }
        Ok(())
    }

    /// Refuses facts about features that the transform does not give: a renamed feature would lose its owner unseen.
    pub(super) fn check_facts(&self, view: &View, program: &ViewProgram) -> Result<(), Error> {
        match view.features.keys().find(|name| program.feature(name).is_none()) {
            Some(unknown) => Err(self.no_feature(program, unknown, view.spans.features.get(unknown))),
            None => Ok(()),
        }
    }

    /// A feature that a view does not give: at its place in the project file, if it stands there.
    pub(super) fn no_feature(&self, program: &ViewProgram, name: &str, span: Option<&Range<usize>>) -> Error {
        let known: Vec<&str> = program.description().output_features.iter().map(|field| field.name.as_str()).collect();
        let listed = known.join(", ");
        let Some(span) = span else {
            return Error::UnknownFeature { view: program.id().to_owned(), feature: name.to_owned(), known: listed };
        };
        let message = format!("view {} has no feature {name:?}", program.id());
        self.project().fault(span, message, features_help(name, &known)).into()
    }

    /// An input that does not fit: at its place in the project file, if it stands there.
    pub(super) fn misplaced(&self, view: &View, span: Option<&Range<usize>>, message: String, help: String) -> Error {
        match span {
            Some(span) => self.project().fault(span, message, help).into(),
            None => Error::Input { view: view.label(), message: format!("{message}: {help}") },
        }
    }

    /// A view that does not fit its component, at the line of the project file that does not.
    pub(super) fn misfit_of_program(&self, view: &View, wrong: ProgramError) -> Error {
        let table = &view.spans.table;
        let parameter = |name: &str| view.spans.parameters.get(name).unwrap_or(table);
        let (span, message, help) = match &wrong {
            ProgramError::Unknown { view, parameter: name, known } => (
                parameter(name),
                format!("the transform of view {view} has no parameter {name:?}"),
                format!("remove it; the parameters are: {known}"),
            ),
            ProgramError::Missing { view, parameter, value_type } => (
                table,
                format!("view {view} does not give the parameter {parameter:?} ({value_type}) of its transform"),
                format!("add it: parameters = {{ {parameter} = ... }}"),
            ),
            ProgramError::Type { view, parameter: name, value_type, found } => (
                parameter(name),
                format!("view {view}: {found} is not a value of the parameter {name:?}, which is {value_type}"),
                format!("write a value of type {value_type}"),
            ),
            ProgramError::Refused { view, message } => (
                view_parameters(&self.project().views, view).unwrap_or(table),
                format!("view {view}: its transform refuses the parameters: {message}"),
                "give parameters that it takes".to_owned(),
            ),
            ProgramError::Feature { view: label, feature, known } => (
                view.spans.features.get(feature).unwrap_or(table),
                format!("view {label} has no feature {feature:?}"),
                features_help(feature, &known.split(", ").collect::<Vec<_>>()),
            ),
            ProgramError::Default { view: label, feature, value_type, reason } => (
                view.spans.defaults.get(feature).unwrap_or(table),
                format!(
                    "view {label}: the default of feature {feature:?} must be a value of type {value_type}, and {reason}"
                ),
                format!("write {}, or remove it", written_as(*value_type)),
            ),
            ProgramError::NoSources { view, fields } => (
                table,
                format!("view {view} has no sources, and its transform reads events ({fields})"),
                "name the sources whose events it reads: sources = [...]".to_owned(),
            ),
        };
        self.project().fault(span, message, help).into()
    }
}

/// Which features there are instead of `name`.
fn features_help(name: &str, known: &[&str]) -> String {
    let meant = match closest(name, known.iter().copied()) {
        Some(meant) => format!("did you mean {meant:?}? "),
        None => String::new(),
    };
    format!("{meant}it has: {}", known.join(", "))
}

/// How a value of this type is written in the project file.
fn written_as(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::Bool => "true or false",
        ValueType::Int64 => "a whole number, such as 0",
        ValueType::Float64 => "a number, such as 0.5, nan or inf",
        ValueType::Text => "a text, such as \"none\"",
        ValueType::Time => "a time, such as \"2024-02-29T12:00:00Z\"",
        ValueType::Float64List => "a list of numbers, such as [0.0, 0.5]",
    }
}

/// Where the first parameter of the view with this label stands.
fn view_parameters<'a>(views: &'a [View], label: &str) -> Option<&'a Range<usize>> {
    let view = views.iter().find(|view| view.label() == label)?;
    view.spans.parameters.values().min_by_key(|span| span.start)
}
