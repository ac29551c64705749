//! A declaration, and what it reads, to a definition.

use onepath_definition::{Answer, Checked, Definition, Feature, Function, Keep, Literal, Node, Span, ValueType};

use super::aggregate::aggregate;
use super::events::{EventScope, SourceFields};
use super::fault::DeclareFault;
use super::sql::{self, Names, Nodes, Typed};
use super::stores::StoreSet;
use super::{defined, named};
use crate::batch::Value;
use crate::project::{Declaration, DeclaredFeature, Making, SqlText};
use crate::time::parse_time;

/// The name of the time that a question is about.
const AS_OF: &str = "as_of";

/// A feature of another view, or a field of the request, that a view reads.
#[derive(Clone, Debug)]
pub(crate) struct InputField {
    /// What the view calls it.
    pub(crate) name: String,
    /// Its type.
    pub(crate) value_type: crate::schema::ValueType,
    /// Whether it may be null.
    pub(crate) nullable: bool,
}

/// The definition of a view that declares `declaration` and reads events of `sources`, the request fields `request` beside those that
/// it declares itself, and the features `inputs` of other views.
pub(crate) fn lower(
    declaration: &Declaration,
    sources: &[SourceFields<'_>],
    request: &[InputField],
    inputs: &[InputField],
) -> Result<Definition, DeclareFault> {
    let field = |field: &InputField| onepath_definition::Field {
        name: field.name.clone(),
        value_type: defined(field.value_type),
        nullable: field.nullable,
    };
    let own = declaration.request.iter().map(|declared| onepath_definition::Field {
        name: declared.name.clone(),
        value_type: defined(declared.value_type),
        nullable: declared.nullable.unwrap_or(true),
    });
    let mut view = Lowering {
        declaration,
        events: EventScope::new(sources),
        stores: StoreSet::default(),
        request: own.chain(request.iter().map(field)).collect(),
        inputs: inputs.iter().map(field).collect(),
        features: vec![Lowered::Not; declaration.features.len()],
        newest: None,
        path: Vec::new(),
        fault: None,
    };
    view.check_names()?;
    let mut question = Nodes::default();
    let mut features = Vec::with_capacity(declaration.features.len());
    for (at, feature) in declaration.features.iter().enumerate() {
        // Its default is the host's to apply, whatever makes it null.
        let typed = view.feature(at, &mut question)?;
        features.push(Feature {
            name: feature.name.clone(),
            nullable: typed.nullable,
            // What a feature means is said in the project file, and decides no value.
            documentation: String::new(),
            node: typed.node,
        });
    }
    let Lowering { events, stores, request, inputs, .. } = view;
    let (stores, reads) = stores.finish();
    let definition = Definition {
        event_fields: events.used,
        request_fields: request,
        input_features: inputs,
        event: events.nodes.finish(),
        stores,
        reads,
        question: question.finish(),
        features,
    };
    match Checked::new(definition) {
        Ok(checked) => Ok(checked.definition().clone()),
        Err(wrong) => {
            let span = declaration.features.first().map_or(0..0, |feature| feature.span.clone());
            Err(DeclareFault::new(
                span,
                wrong.to_string(),
                "this is a fault of onepath: please report it with this view",
            ))
        }
    }
}

/// How far a feature is lowered.
#[derive(Clone, Copy)]
enum Lowered {
    Not,
    Begun,
    Done(Typed),
}

/// A view that is being lowered.
struct Lowering<'a> {
    declaration: &'a Declaration,
    events: EventScope<'a>,
    stores: StoreSet,
    request: Vec<onepath_definition::Field>,
    inputs: Vec<onepath_definition::Field>,
    features: Vec<Lowered>,
    /// The store of the newest row, with the types of what it keeps.
    newest: Option<(u32, Vec<ValueType>)>,
    /// The features that are being lowered, each for the one before it.
    path: Vec<usize>,
    /// Why a name has no node, where it should have one.
    fault: Option<DeclareFault>,
}

impl Lowering<'_> {
    /// Refuses two things that expressions would call the same.
    fn check_names(&self) -> Result<(), DeclareFault> {
        for (at, feature) in self.declaration.features.iter().enumerate() {
            let name = &feature.name;
            let is_input = |fields: &[onepath_definition::Field]| fields.iter().any(|field| field.name == *name);
            let other = match () {
                () if name == AS_OF => "the time that a question is about",
                () if is_input(&self.request) => "a field of the request",
                () if is_input(&self.inputs) => "an input of the view",
                () if self.declaration.features[..at].iter().any(|before| before.name.eq_ignore_ascii_case(name)) => {
                    "another feature but for the case of its letters"
                }
                () => continue,
            };
            let message = format!("feature {name:?} is named as {other}");
            return Err(DeclareFault::new(feature.span.clone(), message, "give the feature another name"));
        }
        for field in &self.inputs {
            if self.request.iter().any(|request| request.name == field.name) {
                let declared = self.declaration.request.iter().find(|declared| declared.name == field.name);
                let span = declared.map(|declared| &declared.span);
                let span = span.or(self.declaration.features.first().map(|feature| &feature.span));
                let message = format!("{:?} is both an input of the view and a field of its request", field.name);
                let help = "give the input another name: \"view:feature as NAME\"";
                return Err(DeclareFault::new(span.cloned().unwrap_or_default(), message, help));
            }
        }
        Ok(())
    }

    /// The node of a feature, without its default.
    fn feature(&mut self, at: usize, nodes: &mut Nodes) -> Result<Typed, DeclareFault> {
        let feature = &self.declaration.features[at];
        match self.features[at] {
            Lowered::Done(typed) => return Ok(typed),
            Lowered::Begun => return Err(self.circle(at)),
            Lowered::Not => {}
        }
        self.features[at] = Lowered::Begun;
        self.path.push(at);
        let typed = match &feature.making {
            Making::Expression(text) => self.expression(text, nodes)?,
            Making::Aggregate(made) => {
                let reading = aggregate(made, &mut self.events, &mut self.stores)?;
                let node = nodes.add(Node::Read(reading.read));
                Typed { node, value_type: reading.value_type, nullable: reading.nullable }
            }
            Making::Latest(column) => self.latest(*column, nodes)?,
        };
        default_of(feature, typed)?;
        self.path.pop();
        self.features[at] = Lowered::Done(typed);
        Ok(typed)
    }

    fn expression(&mut self, text: &SqlText, nodes: &mut Nodes) -> Result<Typed, DeclareFault> {
        let lowered = sql::expression(&text.text, self, nodes);
        match self.fault.take() {
            Some(fault) => Err(fault),
            None => lowered.map_err(|fault| DeclareFault::of_sql(text, fault)),
        }
    }

    /// A field of the newest row.
    fn latest(&mut self, column: usize, nodes: &mut Nodes) -> Result<Typed, DeclareFault> {
        let declaration = self.declaration;
        let (store, types) = match &self.newest {
            Some(newest) => newest,
            None => {
                let (mut values, mut types) = (Vec::new(), Vec::new());
                for text in &declaration.latest {
                    let typed = self.events.lower(text)?;
                    values.push(typed.node);
                    types.push(typed.value_type);
                }
                let tie_break = match &declaration.tie_break {
                    Some(text) => Some(self.tie_break(text)?),
                    None => None,
                };
                let store = self.stores.store(None, None, Keep::Row { values, tie_break });
                self.newest.insert((store, types))
            }
        };
        let read = self.stores.read(*store, Span::All, Answer::Column(column as u32));
        Ok(Typed { node: nodes.add(Node::Read(read)), value_type: types[column], nullable: true })
    }

    fn tie_break(&mut self, text: &SqlText) -> Result<u32, DeclareFault> {
        let typed = self.events.lower(text)?;
        if typed.value_type == ValueType::Float64List {
            return Err(DeclareFault::new(text.span.clone(), "lists have no order", "break ties by another field"));
        }
        Ok(typed.node)
    }

    /// The fault of features that are of each other.
    fn circle(&self, at: usize) -> DeclareFault {
        let first = self.path.iter().position(|before| *before == at).unwrap_or(0);
        let names: Vec<&str> =
            self.path[first..].iter().chain([&at]).map(|at| self.declaration.features[*at].name.as_str()).collect();
        let last = *self.path.last().unwrap_or(&at);
        let span = match &self.declaration.features[last].making {
            Making::Expression(text) => text.span.clone(),
            _ => self.declaration.features[last].span.clone(),
        };
        let mut fault = DeclareFault::new(
            span,
            format!("features are of each other in a circle: {}", names.join(" -> ")),
            "a feature may not need itself: write one of them without the others",
        );
        fault.0.label = Some("this closes the circle".to_owned());
        fault
    }
}

impl Names for Lowering<'_> {
    fn find(&mut self, name: &str, nodes: &mut Nodes) -> Option<Typed> {
        if self.fault.is_some() {
            return None;
        }
        if let Some(at) = self.declaration.features.iter().position(|feature| feature.name == name) {
            // As others see it: with its default.
            let found = self.feature(at, nodes);
            let found = found.and_then(|typed| with_default(&self.declaration.features[at], typed, nodes));
            return found.map_err(|fault| self.fault = Some(fault)).ok();
        }
        let found = |fields: &[onepath_definition::Field]| fields.iter().position(|field| field.name == name);
        let (node, field) = if let Some(at) = found(&self.request) {
            (Node::Request(at as u32), &self.request[at])
        } else if let Some(at) = found(&self.inputs) {
            (Node::Input(at as u32), &self.inputs[at])
        } else {
            let as_of = (name == AS_OF).then(|| nodes.add(Node::Time));
            return as_of.map(|node| Typed { node, value_type: ValueType::Time, nullable: false });
        };
        Some(Typed { node: nodes.add(node), value_type: field.value_type, nullable: field.nullable })
    }

    fn all(&self) -> Vec<String> {
        let features = self.declaration.features.iter().map(|feature| feature.name.clone());
        let fields = self.request.iter().chain(&self.inputs).map(|field| field.name.clone());
        features.chain(fields).chain([AS_OF.to_owned()]).collect()
    }
}

/// The default of a feature, as a value of its type.
fn default_of(feature: &DeclaredFeature, typed: Typed) -> Result<Option<Literal>, DeclareFault> {
    let Some((value, span)) = &feature.default else { return Ok(None) };
    let literal = match (typed.value_type, value) {
        (ValueType::Boolean, Value::Bool(value)) => Some(Literal::Boolean(*value)),
        (ValueType::Int64, Value::Int64(value)) => Some(Literal::Int64(*value)),
        (ValueType::Float64, Value::Float64(value)) => Some(Literal::Float64(*value)),
        (ValueType::Float64, Value::Int64(value)) => Some(Literal::Float64(*value as f64)),
        (ValueType::Text, Value::Text(value)) => Some(Literal::Text(value.clone())),
        (ValueType::Time, Value::Time(value)) => Some(Literal::Time(*value)),
        (ValueType::Time, Value::Text(text)) => parse_time(text).ok().map(Literal::Time),
        (ValueType::Float64List, Value::Float64List(value)) => Some(Literal::Float64List(value.clone())),
        _ => None,
    };
    let wrong = || {
        let (name, value_type) = (&feature.name, named(typed.value_type));
        let message = format!("{value} is not a value of feature {name:?}, which is {value_type}");
        DeclareFault::new(span.clone(), message, format!("write a value of type {value_type}"))
    };
    literal.ok_or_else(wrong).map(Some)
}

/// A feature with its default where it is null.
fn with_default(feature: &DeclaredFeature, typed: Typed, nodes: &mut Nodes) -> Result<Typed, DeclareFault> {
    let Some(literal) = default_of(feature, typed)?.filter(|_| typed.nullable) else { return Ok(typed) };
    let literal = nodes.literal(literal);
    let node = nodes.add(Node::Call { function: Function::Coalesce, arguments: vec![typed.node, literal.node] });
    Ok(Typed { node, value_type: typed.value_type, nullable: false })
}
