//! What a declared feature is made of, by its definition: which columns, which features, which fields of a request.

use std::collections::BTreeSet;

use onepath_definition::{Answer, Definition, Keep, Node, NodeIndex, Program, Read};

use super::entries::Reads;
use crate::project::{Input, Making, View};

/// What the feature at a place of a definition is made of. Features of other views have the references of the view's inputs.
pub(super) fn declared_reads(definition: &Definition, feature: usize, view: &View) -> Reads {
    let counts_all = view.transform.declaration().is_some_and(|declaration| {
        let making = declaration.features.get(feature).map(|feature| &feature.making);
        matches!(making, Some(Making::Aggregate(made)) if made.value.is_none())
    });
    let mut found = Found { counts_all, ..Found::default() };
    if let Some(feature) = definition.features.get(feature) {
        found.question(definition, feature.node);
    }
    let name = |fields: &[onepath_definition::Field], at: u32| fields.get(at as usize).map(|field| field.name.clone());
    let fields: Vec<String> = found.events.iter().filter_map(|at| name(&definition.event_fields, *at)).collect();
    let input = |at: &u32| {
        let name = name(&definition.input_features, *at)?;
        view.inputs.iter().find_map(|input| match input {
            Input::Feature { reference, name: known } if *known == name => Some(reference.to_string()),
            _ => None,
        })
    };
    let of_sources = |source: &String| fields.iter().map(|field| format!("{source}.{field}")).collect::<Vec<_>>();
    Reads {
        is_exact: true,
        columns: view.sources.iter().flat_map(of_sources).collect(),
        sources: if found.reads_events && fields.is_empty() { view.sources.clone() } else { Vec::new() },
        features: found.inputs.iter().filter_map(input).collect(),
        request_fields: found.requests.iter().filter_map(|at| name(&definition.request_fields, *at)).collect(),
    }
}

/// The places of what was found.
#[derive(Default)]
struct Found {
    /// Whether it is an aggregate of events, and not of a value of them: a store that it shares with others may hold one.
    counts_all: bool,
    reads_events: bool,
    events: BTreeSet<u32>,
    requests: BTreeSet<u32>,
    inputs: BTreeSet<u32>,
}

impl Found {
    fn question(&mut self, definition: &Definition, node: NodeIndex) {
        for node in reached(&definition.question, [node]) {
            match node {
                Node::Request(at) => drop(self.requests.insert(*at)),
                Node::Input(at) => drop(self.inputs.insert(*at)),
                Node::Read(at) => {
                    if let Some(read) = definition.reads.get(*at as usize) {
                        self.read(definition, read);
                    }
                }
                Node::Event(_) | Node::Time | Node::Literal(_) | Node::Null(_) | Node::Call { .. } => {}
            }
        }
    }

    fn read(&mut self, definition: &Definition, read: &Read) {
        let Some(store) = definition.stores.get(read.store as usize) else { return };
        self.reads_events = true;
        let mut nodes: Vec<NodeIndex> = store.filter.into_iter().collect();
        nodes.extend(store.value.filter(|value| !self.counts_all && !is_idle(definition, *value, read.answer)));
        if let Keep::Row { values, tie_break } = &store.keep {
            nodes.extend(tie_break);
            // A row is kept for all of its columns, and each is read by itself.
            nodes.extend(match read.answer {
                Answer::Column(at) => values.get(at as usize),
                _ => None,
            });
        }
        for node in reached(&definition.event, nodes) {
            if let Node::Event(at) = node {
                self.events.insert(*at);
            }
        }
    }
}

/// Whether the value of a store decides nothing of an answer: how many events there were and when, where each has a value.
fn is_idle(definition: &Definition, value: NodeIndex, answer: Answer) -> bool {
    let is_of_events = matches!(
        answer,
        Answer::Count
            | Answer::TimeOfFirst
            | Answer::TimeOfLast
            | Answer::SinceFirst(_)
            | Answer::SinceLast(_)
            | Answer::Sessions
            | Answer::SessionLength(_)
    );
    let field = match definition.event.nodes.get(value as usize) {
        Some(Node::Event(at)) => definition.event_fields.get(*at as usize),
        _ => None,
    };
    is_of_events && field.is_some_and(|field| !field.nullable)
}

/// The nodes that others are computed of, and those themselves.
fn reached(program: &Program, from: impl IntoIterator<Item = NodeIndex>) -> Vec<&Node> {
    let (mut open, mut seen, mut nodes) = (from.into_iter().collect::<Vec<_>>(), BTreeSet::new(), Vec::new());
    while let Some(at) = open.pop() {
        let Some(node) = program.nodes.get(at as usize).filter(|_| seen.insert(at)) else { continue };
        if let Node::Call { arguments, .. } = node {
            open.extend(arguments);
        }
        nodes.push(node);
    }
    nodes
}
