//! `read`: what questions read of the stores, and the features computed of it.

use std::collections::BTreeMap;

use onepath_definition::{Answer, Function, Keep, Node, NodeIndex, Span, ValueType};

use super::View;
use super::code::{Code, has_word};
use super::expression::Expressions;
use super::names::{Names, identifier};
use super::read::{part, read};

impl View<'_> {
    pub(super) fn read(&self) -> String {
        let mut names = Names::beside(&["self", "request", "inputs", "as_of", "sql", "value"]);
        let (mut body, reads) = self.reads(&mut names);
        let definition = self.definition;
        let (request, inputs) = (&definition.request_fields, &definition.input_features);
        let leaf = |node: &Node| match node {
            Node::Read(at) => reads[*at as usize].clone(),
            Node::Request(at) | Node::Input(at) => {
                let (row, fields) =
                    if matches!(node, Node::Request(_)) { ("request", request) } else { ("inputs", inputs) };
                let field = &fields[*at as usize];
                Code::postfix(format!("{row}.{}", identifier(&field.name)), field.value_type).nullable(field.nullable)
            }
            _ => Code::postfix("Time::from(as_of)", ValueType::Time),
        };
        let mut question = Expressions::new(&definition.question.nodes, self.question_types, leaf);
        let roots: Vec<NodeIndex> = definition.features.iter().map(|feature| feature.node).collect();
        body += &question.bind(&roots, &mut names, |node| self.name_of_question(node));
        let mut features = String::new();
        for feature in &definition.features {
            let code = self.feature(&question.code(feature.node).as_owned(), &feature.name, feature.nullable);
            let field = identifier(&feature.name);
            features += &if code == field { format!("{field},\n") } else { format!("{field}: {code},\n") };
        }
        let fails = body.contains('?') || features.contains('?');
        let argument = |name: &str, of: &str| {
            let is_used = has_word(&body, name) || has_word(&features, name);
            format!(", {}{name}: {of}", if is_used { "" } else { "_" })
        };
        let mut arguments = String::new();
        if !request.is_empty() {
            arguments += &argument("request", "&Request");
        }
        if !inputs.is_empty() {
            arguments += &argument("inputs", "&Inputs");
        }
        arguments += &argument("as_of", "AsOf");
        let (output, answer) = match fails {
            true => ("Result<Features, String>", format!("Ok(Features {{\n{features}}})")),
            false => ("Features", format!("Features {{\n{features}}}")),
        };
        format!("fn read(&self{arguments}) -> {output} {{\n{body}{answer}\n}}\n")
    }

    /// One feature, of the type that it has.
    fn feature(&self, code: &Code, name: &str, nullable: bool) -> String {
        let code = match (code.nullable, nullable) {
            (false, true) => code.as_option(),
            (true, false) => {
                let text = format!("sql::never_null({}, {name:?})", code.text);
                if !code.fails {
                    return format!("{text}?");
                }
                return format!("sql::never_null(sql::feature({name:?}, || {})?, {name:?})?", bare(code));
            }
            _ => code.clone(),
        };
        if code.fails { format!("sql::feature({name:?}, || {})?", bare(&code)) } else { code.text }
    }

    /// The parts of stores that have a variable, and what each read is.
    fn reads(&self, names: &mut Names) -> (String, Vec<Code>) {
        let definition = self.definition;
        let mut parts: BTreeMap<(u32, String), (Span, Vec<Answer>)> = BTreeMap::new();
        for read in &definition.reads {
            let key = (read.store, format!("{:?}", read.span));
            parts.entry(key).or_insert((read.span, Vec::new())).1.push(read.answer);
        }
        let (mut lets, mut places) = (String::new(), BTreeMap::new());
        for ((store, key), (span, answers)) in &parts {
            let (keep, name) = (&definition.stores[*store as usize].keep, &self.stores[*store as usize].name);
            let value = self.value_of(*store);
            let place = format!("self.{name}");
            let Some(text) = part(keep, value, *span, &place, &self.lengths) else {
                places.insert((*store, key.clone()), place);
                continue;
            };
            let is_tile = matches!(keep, Keep::Hops { .. } | Keep::Tumbling { .. });
            let is_taken_twice = answers.contains(&Answer::Sum) && value == Some(ValueType::Float64);
            let is_shared = answers.len() > 1 && !matches!(keep, Keep::Keys { .. });
            if !(is_shared || is_tile || is_taken_twice) {
                places.insert((*store, key.clone()), text);
                continue;
            }
            let variable = names.take(&format!("{}{}", name.trim_end_matches('_'), suffix(*span)));
            lets += &format!("let {variable} = {text};\n");
            places.insert((*store, key.clone()), variable);
        }
        let code = |one: &onepath_definition::Read| {
            let store = &definition.stores[one.store as usize];
            if let Keep::Row { values, .. } = &store.keep {
                return self.read_row(values, one.answer);
            }
            let value = self.value_of(one.store);
            let type_of = |node: NodeIndex| self.event_types.get(node as usize).copied();
            let answer_type = store.answer_type(one.span, one.answer, type_of);
            let answer_type = answer_type.map_or(ValueType::Int64, |(value_type, _)| value_type);
            let place = &places[&(one.store, format!("{:?}", one.span))];
            read(definition, one, value, answer_type, place, &self.lengths)
        };
        (lets, definition.reads.iter().map(code).collect())
    }

    fn value_of(&self, store: u32) -> Option<ValueType> {
        self.definition.stores[store as usize].value.map(|node| self.event_types[node as usize])
    }

    /// What a shared value of a question is called: as the feature that it is, or that it is made of.
    fn name_of_question(&self, node: NodeIndex) -> Option<String> {
        let feature = |node: NodeIndex| self.definition.features.iter().find(|feature| feature.node == node);
        if let Some(feature) = feature(node) {
            return Some(feature.name.clone());
        }
        match &self.definition.question.nodes[node as usize] {
            Node::Call { function: Function::Coalesce, arguments } => {
                feature(arguments[0]).map(|feature| format!("{}_or_default", feature.name))
            }
            _ => None,
        }
    }
}

/// What a closure that may fail gives.
fn bare(code: &Code) -> String {
    code.result.clone().unwrap_or_else(|| format!("Ok({})", code.text))
}

/// What distinguishes a part of a store: how long it is.
fn suffix(span: Span) -> String {
    let units = [(86_400_000_000, "d"), (3_600_000_000, "h"), (60_000_000, "m"), (1_000_000, "s")];
    let short = |micros: i64| {
        let unit = units.into_iter().find(|(unit, _)| micros % unit == 0);
        unit.map_or_else(|| format!("{micros}us"), |(unit, name)| format!("{}{name}", micros / unit))
    };
    match span {
        Span::All => "_all".to_owned(),
        Span::Closed { length, ago: 0 }
        | Span::HalfOpen { length, ago: 0 }
        | Span::Sawtooth { length }
        | Span::Hopped { length, ago: 0 } => format!("_{}", short(length)),
        Span::Closed { length, ago } | Span::HalfOpen { length, ago } | Span::Hopped { length, ago } => {
            format!("_{}_{}_ago", short(length), short(ago))
        }
        Span::Ago { ago } => format!("_{}_ago", short(ago)),
        Span::Current => "_now".to_owned(),
        Span::Previous => "_before".to_owned(),
        Span::LastSession => "_last".to_owned(),
        Span::OpenSession => "_open".to_owned(),
    }
}
