//! The names that an event's expressions see: the fields of the sources, their derived columns, and the event time.

use onepath_definition::{Function, Literal, Node, NodeIndex, ValueType};

use super::fault::DeclareFault;
use super::sql::{self, Names, Nodes, Typed};
use super::{defined, named};
use crate::project::{Source, SqlText};
use crate::schema::Field;

/// What every event calls the time at which it happened.
const EVENT_TIME: &str = "event_time";

/// The fields of one source that are known.
pub(crate) struct SourceFields<'a> {
    /// The source.
    pub(crate) source: &'a Source,
    /// Its fields, with keys, times and the event id.
    pub(crate) fields: Vec<Field>,
}

/// A field as all sources have it.
struct KnownField {
    name: String,
    value_type: ValueType,
    nullable: bool,
    /// The source that has it first.
    source: String,
    /// A source that has it with another type.
    other: Option<(String, ValueType)>,
}

/// Expressions over the events of some sources.
pub(super) struct EventScope<'a> {
    known: Vec<KnownField>,
    derived: Vec<&'a (String, SqlText)>,
    /// The derived columns that are being lowered.
    deriving: Vec<usize>,
    /// The fields that are read, in the order of their places.
    pub used: Vec<onepath_definition::Field>,
    /// Their nodes.
    pub nodes: Nodes,
    /// Why a name has no node, where it should have one.
    fault: Option<DeclareFault>,
    /// Whether a name was asked for that nothing has.
    is_unknown: bool,
    /// The first source.
    source: Option<&'a Source>,
}

impl<'a> EventScope<'a> {
    pub fn new(sources: &'a [SourceFields<'a>]) -> Self {
        let mut known: Vec<KnownField> = Vec::new();
        for SourceFields { source, fields } in sources {
            for field in fields {
                let value_type = defined(field.value_type);
                match known.iter_mut().find(|known| known.name == field.name) {
                    Some(known) if known.value_type == value_type => known.nullable |= field.nullable,
                    Some(known) => known.other = Some((source.name.clone(), value_type)),
                    None => known.push(KnownField {
                        name: field.name.clone(),
                        value_type,
                        nullable: field.nullable,
                        source: source.name.clone(),
                        other: None,
                    }),
                }
            }
        }
        // What one source lacks is null there.
        for known in &mut known {
            let lacks = |fields: &SourceFields<'_>| !fields.fields.iter().any(|field| field.name == known.name);
            known.nullable |= sources.iter().any(lacks);
        }
        let mut derived: Vec<&(String, SqlText)> = Vec::new();
        for column in sources.iter().flat_map(|fields| &fields.source.derived) {
            if !derived.iter().any(|other| other.0 == column.0 && other.1.text == column.1.text) {
                derived.push(column);
            }
        }
        Self {
            known,
            derived,
            deriving: Vec::new(),
            used: Vec::new(),
            nodes: Nodes::default(),
            fault: None,
            is_unknown: false,
            source: sources.first().map(|fields| fields.source),
        }
    }

    /// The node of an expression.
    pub fn lower(&mut self, text: &SqlText) -> Result<Typed, DeclareFault> {
        let mut nodes = std::mem::take(&mut self.nodes);
        let lowered = self.lower_into(text, &mut nodes);
        self.nodes = nodes;
        lowered
    }

    fn lower_into(&mut self, text: &SqlText, nodes: &mut Nodes) -> Result<Typed, DeclareFault> {
        self.is_unknown = false;
        let lowered = sql::expression(&text.text, self, nodes);
        match self.fault.take() {
            // A fault of a field is told where it is read.
            Some(mut fault) if fault.0.span.is_empty() => {
                fault.0.span = text.span.clone();
                Err(fault)
            }
            Some(fault) => Err(fault),
            None => lowered.map_err(|fault| self.with_hint(DeclareFault::of_sql(text, fault))),
        }
    }

    /// A fault of an expression; where a name was not found, with what to do about a field that is not known yet.
    fn with_hint(&self, mut fault: DeclareFault) -> DeclareFault {
        let Some(source) = self.source.filter(|_| self.is_unknown) else { return fault };
        let hint = format!("a field of events that no file has yet is declared under [sources.{}.fields]", source.name);
        fault.0.help = Some(fault.0.help.map_or_else(|| hint.clone(), |help| format!("{help} {hint}")));
        fault
    }

    /// The node of an expression that is true or false.
    pub fn condition(&mut self, text: &SqlText) -> Result<NodeIndex, DeclareFault> {
        let typed = self.lower(text)?;
        if typed.value_type != ValueType::Boolean {
            return Err(DeclareFault::new(
                text.span.clone(),
                format!("a condition is true or false, and this is {}", named(typed.value_type)),
                "compare it: \"amount > 0\", \"event_type = 'purchase'\"",
            ));
        }
        Ok(typed.node)
    }

    /// All of `conditions`; none where there is none.
    pub fn all_of(&mut self, mut conditions: Vec<NodeIndex>) -> Option<NodeIndex> {
        conditions.sort_unstable();
        conditions.dedup();
        match conditions.as_slice() {
            [] => None,
            [one] => Some(*one),
            _ => Some(self.nodes.add(Node::Call { function: Function::And, arguments: conditions })),
        }
    }

    /// Whether two values are equal.
    pub fn equals(&mut self, value: Typed, literal: Literal) -> NodeIndex {
        let literal = self.nodes.literal(literal);
        self.nodes.add(Node::Call { function: Function::Equal, arguments: vec![value.node, literal.node] })
    }

    /// A whole number as float64; anything else as it is.
    pub fn as_float64(&mut self, value: Typed) -> Typed {
        if value.value_type != ValueType::Int64 {
            return value;
        }
        let node = self.nodes.add(Node::Call { function: Function::ToFloat64, arguments: vec![value.node] });
        Typed { node, value_type: ValueType::Float64, ..value }
    }

    /// A derived column.
    fn derived(&mut self, at: usize, nodes: &mut Nodes) -> Option<Typed> {
        let (name, text) = self.derived[at];
        let fault = if self.deriving.contains(&at) {
            let help = "a derived column is of other columns: write it without itself";
            Err(DeclareFault::new(text.span.clone(), format!("the derived column {name:?} is of itself"), help))
        } else if self.derived.iter().any(|other| other.0 == *name && other.1.text != text.text) {
            let message = format!("two sources of one view derive {name:?} in two ways");
            Err(DeclareFault::new(text.span.clone(), message, "derive it in one way, or under two names"))
        } else {
            self.deriving.push(at);
            let lowered = self.lower_into(text, nodes);
            self.deriving.pop();
            lowered
        };
        fault.map_err(|fault| self.fault = Some(fault)).ok()
    }
}

impl Names for EventScope<'_> {
    fn find(&mut self, name: &str, nodes: &mut Nodes) -> Option<Typed> {
        if self.fault.is_some() {
            return None;
        }
        if let Some(at) = self.derived.iter().position(|column| column.0 == name) {
            return self.derived(at, nodes);
        }
        let Some(known) = self.known.iter().find(|known| known.name == name) else {
            self.is_unknown = name != EVENT_TIME;
            let time = (!self.is_unknown).then(|| nodes.add(Node::Time));
            return time.map(|node| Typed { node, value_type: ValueType::Time, nullable: false });
        };
        if let Some((source, value_type)) = &known.other {
            let (one, other) = (named(known.value_type), named(*value_type));
            let message = format!("{name} is {one} in source {:?} and {other} in source {source:?}", known.source);
            // The place is that of the expression, which is not known here.
            let help = "a view's sources agree on the type of a field that it reads: declare the same type in both";
            self.fault = Some(DeclareFault::new(0..0, message, help));
            return None;
        }
        let at = match self.used.iter().position(|used| used.name == name) {
            Some(at) => at,
            None => {
                let (name, value_type, nullable) = (known.name.clone(), known.value_type, known.nullable);
                self.used.push(onepath_definition::Field { name, value_type, nullable });
                self.used.len() - 1
            }
        };
        let node = nodes.add(Node::Event(at as u32));
        Some(Typed { node, value_type: known.value_type, nullable: known.nullable })
    }

    fn all(&self) -> Vec<String> {
        let mut all: Vec<String> = self.known.iter().map(|known| known.name.clone()).collect();
        all.extend(self.derived.iter().map(|column| column.0.clone()));
        if !all.iter().any(|name| name == EVENT_TIME) {
            all.push(EVENT_TIME.to_owned());
        }
        all
    }
}
