//! `update`: which events each store keeps, and what of them.

use onepath_definition::{Keep, Node, NodeIndex};

use super::View;
use super::code::{Code, Level};
use super::expression::Expressions;
use super::names::{Names, identifier};
use super::store::{is_without_value, pushed};

impl View<'_> {
    /// The expressions of an event.
    pub(super) fn event(&self) -> Expressions<'_> {
        let fields = &self.definition.event_fields;
        let leaf = move |node: &Node| match node {
            Node::Event(field) => {
                let field = &fields[*field as usize];
                Code::postfix(format!("event.{}", identifier(&field.name)), field.value_type).nullable(field.nullable)
            }
            _ => Code::postfix("Time::from(at)", onepath_definition::ValueType::Time),
        };
        Expressions::new(&self.definition.event.nodes, self.event_types, leaf)
    }

    pub(super) fn update(&self) -> String {
        if self.stores.is_empty() {
            // Events come, and none is kept.
            let update = "fn update(&mut self, _at: EventTime) {}\n\n".to_owned();
            return if self.about.has_sources { update } else { String::new() };
        }
        let mut event = self.event();
        let groups = self.groups(&event);
        let mut roots = Vec::new();
        for (filter, stores) in &groups {
            roots.extend(filter);
            for store in stores {
                let store = &self.definition.stores[*store];
                roots.extend(store.value);
                if let Keep::Row { values, tie_break } = &store.keep {
                    roots.extend(values.iter().chain(tie_break));
                }
            }
        }
        let mut names = Names::beside(&["self", "event", "at", "sql", "value"]);
        let name = |node: NodeIndex| self.name_of_event(&event, node);
        let known: Vec<Option<String>> = (0..self.definition.event.nodes.len() as u32).map(name).collect();
        let lets = event.bind(&roots, &mut names, |node| known[node as usize].clone());
        let mut body = lets;
        for (filter, stores) in &groups {
            let pushes: Vec<String> = stores.iter().map(|store| self.push(&event, *store)).collect();
            let pushes = pushes.concat();
            match filter.map(|filter| event.condition(filter)) {
                // An event that is kept where its value is there.
                Some(condition) => body += &format!("if {} {{\n{pushes}}}\n", condition.text),
                None => body += &pushes,
            }
        }
        let event_argument = if self.definition.event_fields.is_empty() { "" } else { "event: &Event, " };
        let (output, end) = if body.contains('?') { (" -> Result<(), String>", "Ok(())\n") } else { ("", "") };
        format!("fn update(&mut self, {event_argument}at: EventTime){output} {{\n{body}{end}}}\n\n")
    }

    /// The stores by their filters: those that follow each other where an event may fail, since the first failure counts.
    fn groups(&self, event: &Expressions<'_>) -> Vec<(Option<NodeIndex>, Vec<usize>)> {
        let mut groups: Vec<(Option<NodeIndex>, Vec<usize>)> = Vec::new();
        let stores = &self.definition.stores;
        let fails = |store: &onepath_definition::Store| {
            let row = match &store.keep {
                Keep::Row { values, tie_break } => values.iter().chain(tie_break).copied().collect(),
                _ => Vec::new(),
            };
            store.filter.iter().chain(&store.value).chain(&row).any(|node| event.code(*node).fails)
        };
        let any_fails = stores.iter().any(fails);
        for (at, store) in stores.iter().enumerate() {
            let known = match any_fails {
                true => groups.last_mut().filter(|(filter, _)| *filter == store.filter),
                false => groups.iter_mut().find(|(filter, _)| *filter == store.filter),
            };
            match known {
                Some((_, stores)) => stores.push(at),
                None => groups.push((store.filter, vec![at])),
            }
        }
        groups
    }

    /// What a shared value of an event is called.
    fn name_of_event(&self, event: &Expressions<'_>, node: NodeIndex) -> Option<String> {
        match event.node(node) {
            Node::Call { function: onepath_definition::Function::ToFloat64, arguments } => {
                match event.node(arguments[0]) {
                    Node::Event(field) => Some(self.definition.event_fields[*field as usize].name.clone()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Adds an event to a store.
    fn push(&self, event: &Expressions<'_>, at: usize) -> String {
        let (store, name) = (&self.definition.stores[at], &self.stores[at].name);
        if let Keep::Row { values, tie_break } = &store.keep {
            return self.push_row(event, values, *tie_break);
        }
        let Some(value) = store.value.map(|value| event.code(value)) else {
            return format!("self.{name}.push(at, ());\n");
        };
        if is_without_value(&store.keep) {
            return match (value.nullable, value.fails) {
                (true, _) => format!("if {}.is_some() {{\nself.{name}.push(at, ());\n}}\n", value.at(Level::Postfix)),
                (false, true) => format!("{};\nself.{name}.push(at, ());\n", value.text),
                (false, false) => format!("self.{name}.push(at, ());\n"),
            };
        }
        if !value.nullable {
            return format!("self.{name}.push(at, {});\n", pushed(&store.keep, &value));
        }
        let value = value.as_ref();
        let variable = match value.text.strip_prefix("event.") {
            Some(field) if field.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && field != "at" => field,
            _ => "value",
        };
        let kept = pushed(&store.keep, &Code::postfix(variable, value.value_type));
        format!("if let Some({variable}) = {} {{\nself.{name}.push(at, {kept});\n}}\n", value.text)
    }
}
