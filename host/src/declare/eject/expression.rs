//! Nodes of a program as expressions of Rust.

use std::collections::HashMap;

use onepath_definition::{Function, Node, NodeIndex, ValueType};

use super::code::{Code, Hold, Level, expression_type, has_word, literal};
use super::function;
use super::names::Names;

/// A program that becomes Rust.
pub(super) struct Expressions<'a> {
    nodes: &'a [Node],
    types: &'a [ValueType],
    leaf: Box<dyn Fn(&Node) -> Code + 'a>,
    /// The nodes that have a variable.
    bound: HashMap<NodeIndex, Code>,
}

impl<'a> Expressions<'a> {
    /// The expressions of a program; `leaf` knows fields, times and reads.
    pub(super) fn new(nodes: &'a [Node], types: &'a [ValueType], leaf: impl Fn(&Node) -> Code + 'a) -> Self {
        Expressions { nodes, types, leaf: Box::new(leaf), bound: HashMap::new() }
    }

    pub(super) fn node(&self, node: NodeIndex) -> &'a Node {
        &self.nodes[node as usize]
    }

    pub(super) fn value_type(&self, node: NodeIndex) -> ValueType {
        self.types[node as usize]
    }

    /// The expression of a node.
    pub(super) fn code(&self, node: NodeIndex) -> Code {
        if let Some(bound) = self.bound.get(&node) {
            return bound.clone();
        }
        match self.node(node) {
            Node::Literal(value) => literal(value),
            Node::Null(value_type) => {
                Code::postfix(format!("None::<{}>", expression_type(*value_type)), *value_type).nullable(true)
            }
            Node::Call { function, arguments } => function::call(self, *function, arguments, self.value_type(node)),
            leaf => (self.leaf)(leaf),
        }
    }

    /// Gives each node that is needed more than once a variable, and gives their `let`s. `name` knows names for some.
    pub(super) fn bind(
        &mut self,
        roots: &[NodeIndex],
        names: &mut Names,
        name: impl Fn(NodeIndex) -> Option<String>,
    ) -> String {
        let mut uses = vec![0_usize; self.nodes.len()];
        roots.iter().for_each(|root| uses[*root as usize] += 1);
        // Arguments stand before what they are arguments of.
        for at in (0..self.nodes.len()).rev() {
            if let (Node::Call { arguments, .. }, true) = (&self.nodes[at], uses[at] > 0) {
                arguments.iter().for_each(|argument| uses[*argument as usize] += 1);
            }
        }
        let mut lets = String::new();
        for at in 0..self.nodes.len() as NodeIndex {
            if uses[at as usize] < 2 || !self.is_worth_a_name(at) {
                continue;
            }
            let code = self.code(at);
            let name = names.take(&name(at).unwrap_or_else(|| "value".to_owned()));
            let value = if code.fails { code.as_result() } else { code.text.clone() };
            lets += &format!("let {name} = {value};\n");
            let variable = Code::postfix(name, code.value_type).nullable(code.nullable);
            let variable = if code.fails {
                Code { text: format!("{}.clone()", variable.text), ..variable }.held(Hold::Made).fallible()
            } else {
                variable.held(if code.hold == Hold::Copied { Hold::Copied } else { Hold::Place })
            };
            self.bound.insert(at, variable);
        }
        lets
    }

    /// Whether a node that is needed again is computed once: a comparison of a field with a constant is written again.
    fn is_worth_a_name(&self, node: NodeIndex) -> bool {
        match self.node(node) {
            Node::Call { function: Function::Equal | Function::NotEqual | Function::IsNull, arguments } => {
                arguments.iter().any(|argument| matches!(self.node(*argument), Node::Call { .. } | Node::Read(_)))
            }
            Node::Call { .. } | Node::Read(_) => true,
            _ => false,
        }
    }

    /// Whether a node is true, where it may be null.
    pub(super) fn condition(&self, node: NodeIndex) -> Code {
        let code = self.code(node);
        if !code.nullable || code.fails || self.bound.contains_key(&node) {
            return code.is_true();
        }
        let Node::Call { function, arguments } = self.node(node) else { return code.is_true() };
        let joined = |by: &str, level: Level| {
            let parts: Vec<String> = arguments.iter().map(|argument| self.condition(*argument).at(level)).collect();
            Code::new(parts.join(by), level, ValueType::Boolean)
        };
        match function {
            Function::And => joined(" && ", Level::And),
            Function::Or => joined(" || ", Level::Or),
            // `x.map(|x| x > 1.0)`: whether there is one for which it holds.
            _ => match (self.is_one_of(*function, arguments), &code.mapped) {
                (Some(found), _) => found,
                (None, Some([receiver, pattern, body])) => {
                    Code::postfix(format!("{receiver}.is_some_and(|{pattern}| {body})"), ValueType::Boolean)
                }
                (None, None) => code.is_true(),
            },
        }
    }

    /// Whether a value that may be null is one of some constants, as Rust's own comparison has it.
    fn is_one_of(&self, function: Function, arguments: &[NodeIndex]) -> Option<Code> {
        let (first, others) = arguments.split_first()?;
        let value = self.code(*first).as_ref();
        let is_plain = matches!(value.value_type, ValueType::Text | ValueType::Int64 | ValueType::Boolean);
        if !is_plain || !value.nullable || !others.iter().all(|other| matches!(self.node(*other), Node::Literal(_))) {
            return None;
        }
        let others: Vec<String> = others.iter().map(|other| self.code(*other).text).collect();
        match function {
            Function::Equal => {
                let text = format!("{} == Some({})", value.at(Level::Sum), others[0]);
                Some(Code::new(text, Level::Comparison, ValueType::Boolean))
            }
            Function::In => {
                let text = format!("matches!({}, Some({}))", value.text, others.join(" | "));
                Some(Code::postfix(text, ValueType::Boolean))
            }
            _ => None,
        }
    }
}

/// How a function of values becomes Rust.
pub(super) struct Strict<'f> {
    /// The body, for arguments that are there. Where the function fails, a `Result`.
    pub(super) body: &'f dyn Fn(&[Code]) -> (String, Level),
    /// Whether it may fail by itself.
    pub(super) fails: bool,
    /// Whether it may be null by itself: the body is an `Option`, or an `Option` in a `Result`.
    pub(super) is_option: bool,
}

impl Strict<'_> {
    /// A function that is null where an argument is null and fails where one fails.
    pub(super) fn of(&self, arguments: &[Code], value_type: ValueType) -> Code {
        let arguments: Vec<Code> = arguments.iter().map(Code::as_ref).collect();
        if arguments.iter().all(|argument| !argument.nullable) {
            let (text, level) = (self.body)(&arguments);
            let fails = arguments.iter().any(|argument| argument.fails);
            let code = Code { fails, ..Code::new(text, level, value_type) };
            let code = code.nullable(self.is_option).held(Hold::Made);
            return if self.fails { code.fallible() } else { code };
        }
        // What cannot fail may wait until all are there; what can is computed whatever the others are.
        let is_first = |argument: &Code| argument.nullable || argument.fails;
        let waiting: Vec<&Code> = arguments.iter().filter(|argument| !is_first(argument)).collect();
        let mut names = Names::default();
        let mut name = |argument: &Code| loop {
            let name = names.take(parameter(&argument.text));
            if !waiting.iter().any(|other| has_word(&other.text, &name)) {
                return name;
            }
        };
        let (mut receiver, mut pattern, mut within) = (String::new(), String::new(), Vec::new());
        for argument in &arguments {
            if !is_first(argument) {
                within.push(argument.clone());
                continue;
            }
            let name = name(argument);
            (receiver, pattern) = match receiver.is_empty() {
                true => (argument.as_option().at(Level::Postfix), name.clone()),
                false => (format!("{receiver}.zip({})", argument.as_option().text), format!("({pattern}, {name})")),
            };
            within.push(Code::postfix(name, argument.value_type));
        }
        let (body, _) = (self.body)(&within);
        let fails = arguments.iter().any(|argument| argument.fails);
        let method = if self.is_option && !self.fails { "and_then" } else { "map" };
        let code = Code { fails, ..Code::postfix(format!("{receiver}.{method}(|{pattern}| {body})"), value_type) };
        let code = code.nullable(true).held(Hold::Made);
        if !self.fails {
            let mapped = (!self.is_option).then_some([receiver, pattern, body]);
            return Code { mapped, ..code };
        }
        let code = Code { text: format!("{}.transpose()", code.text), ..code }.fallible();
        if !self.is_option {
            return code;
        }
        Code { text: format!("{}.flatten()", code.text), result: None, ..code }
    }
}

/// What the value of an argument is called: as the field, where it is one.
fn parameter(text: &str) -> &str {
    let text = text.strip_suffix(".as_deref()").unwrap_or(text);
    let name = ["event.", "request.", "inputs."].iter().find_map(|row| text.strip_prefix(row)).unwrap_or(text);
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') && !name.is_empty();
    if is_name { name } else { "a" }
}
