//! From columns of sources, over features and services, to training sets: what something is made of, and what is made of it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::entries::Catalog;
use super::name::Meant;
use crate::Error;

/// What a thing is made of, and what is made of it.
#[derive(Clone, Debug, Serialize)]
pub struct Lineage {
    /// What was asked about, as it was named.
    pub name: String,
    /// The nodes that it is.
    pub of: Vec<String>,
    /// What was asked about, what it is made of and what is made of it: columns and request fields first, then features, services and
    /// training sets.
    pub nodes: Vec<LineageNode>,
    /// What is made of what.
    pub edges: Vec<LineageEdge>,
}

/// What a node of a lineage is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LineageKind {
    /// The events of a source, of which nothing but keys and times is read.
    Source,
    /// A column of a source.
    Column,
    /// A field of a request.
    RequestField,
    /// A feature.
    Feature,
    /// A service.
    Service,
    /// A training set.
    TrainingSet,
}

/// A node of a lineage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineageNode {
    /// Its kind and name, which nothing else has: `column:events.amount`.
    pub id: String,
    /// What it is.
    pub kind: LineageKind,
    /// Its name: `events.amount`, `activity@v1:purchase_count_30d`.
    pub name: String,
    /// The source of a column, the view of a feature.
    pub group: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
}

/// An edge of a lineage.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct LineageEdge {
    /// The node that is read.
    pub from: String,
    /// The node that is made of it.
    pub to: String,
    /// Whether it is known that it is read; if not, the component of the view reads it, and this feature may do without.
    pub is_exact: bool,
}

impl Catalog {
    /// What a thing is made of, and what is made of it. It is named as for [`Catalog::describe`], or a column of a source:
    /// `events.amount`.
    pub fn lineage(&self, name: &str) -> Result<Lineage, Error> {
        let mut graph = Graph::of(self);
        let of: BTreeSet<String> = match self.meant(name)? {
            Meant::Feature(at) => [feature_id(&self.features[at].feature)].into(),
            Meant::View(at) => graph.of_group(LineageKind::Feature, &self.views[at].view),
            Meant::Entity(at) => {
                let views = &self.entities[at].views;
                views.iter().flat_map(|view| graph.of_group(LineageKind::Feature, view)).collect()
            }
            Meant::Service(at) => [service_id(&self.services[at].service)].into(),
            Meant::TrainingSet(at) => [set_id(&self.training_sets[at].noted.path.display().to_string())].into(),
            Meant::Source(at) => {
                let source = &self.sources[at].source;
                let mut of = graph.of_group(LineageKind::Column, source);
                of.extend(graph.of_group(LineageKind::Source, source));
                of
            }
            Meant::Column(at, column) => {
                let source = &self.sources[at];
                let id = graph.column(&format!("{}.{column}", source.source), &source.source, source.owner.as_ref());
                [id].into()
            }
        };
        Ok(graph.around(name, of))
    }
}

fn feature_id(feature: &str) -> String {
    format!("feature:{feature}")
}

fn service_id(service: &str) -> String {
    format!("service:{service}")
}

fn set_id(path: &str) -> String {
    format!("training-set:{path}")
}

/// All nodes and edges of a project.
#[derive(Default)]
struct Graph {
    nodes: BTreeMap<String, LineageNode>,
    edges: BTreeSet<LineageEdge>,
}

impl Graph {
    fn of(catalog: &Catalog) -> Self {
        let mut graph = Self::default();
        let owner = |source: &str| {
            let source = catalog.sources.iter().find(|entry| entry.source == source);
            source.and_then(|source| source.owner.as_ref())
        };
        for feature in &catalog.features {
            let to = graph.node(LineageNode {
                id: feature_id(&feature.feature),
                kind: LineageKind::Feature,
                name: feature.feature.clone(),
                group: Some(feature.view.clone()),
                owner: feature.owner.clone(),
            });
            let mut from = Vec::new();
            for column in &feature.reads.columns {
                let source = column.split_once('.').map_or(column.as_str(), |(source, _)| source);
                from.push(graph.column(column, source, owner(source)));
            }
            for source in &feature.reads.sources {
                from.push(graph.node(LineageNode {
                    id: format!("source:{source}"),
                    kind: LineageKind::Source,
                    name: source.clone(),
                    group: Some(source.clone()),
                    owner: owner(source).cloned(),
                }));
            }
            for field in &feature.reads.request_fields {
                from.push(graph.node(LineageNode {
                    id: format!("request:{field}"),
                    kind: LineageKind::RequestField,
                    name: format!("request:{field}"),
                    group: None,
                    owner: None,
                }));
            }
            from.extend(feature.reads.features.iter().map(|feature| feature_id(feature)));
            from.into_iter().for_each(|from| graph.edge(from, to.clone(), feature.reads.is_exact));
        }
        graph.read_services(catalog);
        graph.read_sets(catalog);
        // What is read and is not there is told by those who plan.
        let Self { nodes, edges } = &mut graph;
        edges.retain(|edge| nodes.contains_key(&edge.from) && nodes.contains_key(&edge.to));
        graph
    }

    fn read_services(&mut self, catalog: &Catalog) {
        for service in &catalog.services {
            let to = self.node(LineageNode {
                id: service_id(&service.service),
                kind: LineageKind::Service,
                name: service.service.clone(),
                group: None,
                owner: service.owner.clone(),
            });
            for given in &service.features {
                let name = given.feature.split_once(':').map_or("", |(_, name)| name);
                self.edge(feature_id(&format!("{}:{name}", given.view)), to.clone(), true);
            }
        }
    }

    /// A training set is made of its service; and of the features that the service does not give any more, or of all without one.
    fn read_sets(&mut self, catalog: &Catalog) {
        for set in &catalog.training_sets {
            let path = set.noted.path.display().to_string();
            let to = self.node(LineageNode {
                id: set_id(&path),
                kind: LineageKind::TrainingSet,
                name: path,
                group: None,
                owner: None,
            });
            let service = set.noted.service.as_deref().map(service_id).filter(|id| self.nodes.contains_key(id));
            for feature in &set.noted.features {
                let from = feature_id(feature);
                let by_service = service.as_ref().map(|service| LineageEdge {
                    from: from.clone(),
                    to: service.clone(),
                    is_exact: true,
                });
                if by_service.is_none_or(|edge| !self.edges.contains(&edge)) {
                    self.edge(from, to.clone(), true);
                }
            }
            if let Some(service) = service {
                self.edge(service, to, true);
            }
        }
    }

    fn node(&mut self, node: LineageNode) -> String {
        let id = node.id.clone();
        self.nodes.entry(id.clone()).or_insert(node);
        id
    }

    fn column(&mut self, name: &str, source: &str, owner: Option<&String>) -> String {
        self.node(LineageNode {
            id: format!("column:{name}"),
            kind: LineageKind::Column,
            name: name.to_owned(),
            group: Some(source.to_owned()),
            owner: owner.cloned(),
        })
    }

    fn edge(&mut self, from: String, to: String, is_exact: bool) {
        self.edges.insert(LineageEdge { from, to, is_exact });
    }

    fn of_group(&self, kind: LineageKind, group: &str) -> BTreeSet<String> {
        let of = self.nodes.values().filter(|node| node.kind == kind && node.group.as_deref() == Some(group));
        of.map(|node| node.id.clone()).collect()
    }

    /// The part of the graph that leads to these nodes, and that they lead to.
    fn around(self, name: &str, of: BTreeSet<String>) -> Lineage {
        let mut above: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        let mut below: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for edge in &self.edges {
            above.entry(&edge.to).or_default().push(&edge.from);
            below.entry(&edge.from).or_default().push(&edge.to);
        }
        let reach = |next: &BTreeMap<&str, Vec<&str>>| {
            let (mut open, mut seen): (Vec<&str>, BTreeSet<String>) =
                (of.iter().map(String::as_str).collect(), of.clone());
            while let Some(at) = open.pop() {
                for &other in next.get(at).into_iter().flatten() {
                    if seen.insert(other.to_owned()) {
                        open.push(other);
                    }
                }
            }
            seen
        };
        let (up, down) = (reach(&above), reach(&below));
        let is_within =
            |edge: &&LineageEdge| [&up, &down].iter().any(|part| part.contains(&edge.from) && part.contains(&edge.to));
        let edges = self.edges.iter().filter(is_within).cloned().collect();
        let mut nodes: Vec<LineageNode> = up.union(&down).filter_map(|id| self.nodes.get(id).cloned()).collect();
        nodes.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
        Lineage { name: name.to_owned(), of: of.into_iter().collect(), nodes, edges }
    }
}

impl Lineage {
    /// The node of this id.
    pub fn node(&self, id: &str) -> Option<&LineageNode> {
        self.nodes.iter().find(|node| node.id == id)
    }

    /// It as a graph of Graphviz: columns in a box for each source, features in a box for each view. What is not known to be read by
    /// the feature itself is a dashed edge.
    pub fn to_dot(&self) -> String {
        let name = quoted(&self.name);
        let mut dot = format!("digraph {name} {{\n    rankdir=LR;\n    node [shape=box, fontname=\"sans-serif\"];\n");
        let mut groups: BTreeMap<(bool, &str), Vec<&LineageNode>> = BTreeMap::new();
        for node in &self.nodes {
            match &node.group {
                Some(group) => groups.entry((node.kind == LineageKind::Feature, group)).or_default().push(node),
                None => dot.push_str(&format!("    {}", self.dot_node(node))),
            }
        }
        for (at, ((is_view, group), nodes)) in groups.into_iter().enumerate() {
            let label = quoted(&format!("{} {group}", if is_view { "view" } else { "source" }));
            dot.push_str(&format!("    subgraph cluster_{at} {{\n        label={label};\n"));
            nodes.into_iter().for_each(|node| dot.push_str(&format!("        {}", self.dot_node(node))));
            dot.push_str("    }\n");
        }
        for LineageEdge { from, to, is_exact } in &self.edges {
            let style = if *is_exact { "" } else { " [style=dashed]" };
            dot.push_str(&format!("    {} -> {}{style};\n", quoted(from), quoted(to)));
        }
        dot.push_str("}\n");
        dot
    }

    /// A node in a line. Within a group the name of the group is left out.
    fn dot_node(&self, node: &LineageNode) -> String {
        let label = match (&node.group, node.kind) {
            (Some(_), LineageKind::Source) => "events",
            (Some(_), _) => node.name.rsplit([':', '.']).next().unwrap_or_default(),
            (None, _) => &node.name,
        };
        let shape = match node.kind {
            LineageKind::Service => ", shape=component",
            LineageKind::TrainingSet => ", shape=note",
            _ => "",
        };
        let width = if self.of.contains(&node.id) { ", penwidth=2" } else { "" };
        format!("{} [label={}{shape}{width}];\n", quoted(&node.id), quoted(label))
    }
}

/// A text as Graphviz takes it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
