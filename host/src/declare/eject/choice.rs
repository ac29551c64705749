//! Functions that need not all of their arguments, and those that give one of them.

use onepath_definition::{Function, Literal, Node, NodeIndex, ValueType};

use super::code::{Code, Hold, Level, is_owned};
use super::expression::{Expressions, Strict};

/// AND, or OR. Rust's own stop at the first operand that decides, so those before the last must not fail.
pub(super) fn and_or(program: &Expressions<'_>, function: Function, arguments: &[NodeIndex]) -> Code {
    let (operator, name, level) = match function {
        Function::And => (" && ", "and", Level::And),
        _ => (" || ", "or", Level::Or),
    };
    let codes: Vec<Code> = arguments.iter().map(|argument| program.code(*argument)).collect();
    let nullable = codes.iter().any(|code| code.nullable);
    let (last, before) = codes.split_last().expect("there is an operand");
    let fails = codes.iter().any(|code| code.fails);
    if !nullable && before.iter().all(|code| !code.fails) {
        let parts: Vec<String> = codes.iter().map(|code| code.at(level)).collect();
        return Code { fails: last.fails, ..Code::new(parts.join(operator), level, ValueType::Boolean) };
    }
    if !fails {
        let parts: Vec<String> = codes.iter().map(|code| code.as_option().text).collect();
        let text = format!("sql::{name}([{}])", parts.join(", "));
        return Code::postfix(text, ValueType::Boolean).nullable(true);
    }
    let parts: Vec<String> = codes.iter().map(|code| code.as_option_result()).collect();
    let text = format!("sql::try_{name}([{}])", parts.join(", "));
    let code = Code::postfix(text, ValueType::Boolean).nullable(true).fallible();
    if nullable { code } else { code.is_true() }
}

/// Whether a value equals one of others.
pub(super) fn is_in(program: &Expressions<'_>, arguments: &[NodeIndex]) -> Code {
    let codes: Vec<Code> = arguments.iter().map(|argument| program.code(*argument).as_ref()).collect();
    let (tested, others) = codes.split_first().expect("there is a value");
    let is_literal = |argument: &NodeIndex| match program.node(*argument) {
        Node::Literal(Literal::Float64(number)) => !number.is_nan(),
        Node::Literal(literal) => literal.value_type() != ValueType::Float64List,
        _ => false,
    };
    if arguments[1..].iter().all(is_literal) {
        let texts: Vec<&str> = others.iter().map(|other| other.text.as_str()).collect();
        let body = |codes: &[Code]| match tested.value_type {
            ValueType::Float64 | ValueType::Time => {
                (format!("[{}].contains(&{})", texts.join(", "), codes[0].at(Level::Postfix)), Level::Postfix)
            }
            _ => (format!("matches!({}, {})", codes[0].text, texts.join(" | ")), Level::Postfix),
        };
        return Strict { body: &body, fails: false, is_option: false }.of(&codes[..1], ValueType::Boolean);
    }
    let nullable = codes.iter().any(|code| code.nullable);
    let code = if others.iter().any(|other| other.fails) {
        // What may fail is computed by itself, and owns what it gives.
        let owned = |argument: &NodeIndex| program.code(*argument).as_owned();
        let parts: Vec<String> = arguments[1..].iter().map(|argument| owned(argument).as_option_result()).collect();
        let tested = owned(&arguments[0]).as_option().text;
        let text = format!("sql::try_is_in({tested}, [{}])", parts.join(", "));
        Code::postfix(text, ValueType::Boolean).nullable(true).fallible()
    } else {
        let parts: Vec<String> = others.iter().map(|other| other.as_option().text).collect();
        let text = format!("sql::is_in({}, [{}])", tested.as_option().text, parts.join(", "));
        Code { fails: tested.fails, ..Code::postfix(text, ValueType::Boolean).nullable(true) }
    };
    if nullable { code } else { code.is_true() }
}

/// CASE, as `if`.
pub(super) fn case(program: &Expressions<'_>, arguments: &[NodeIndex], value_type: ValueType) -> Code {
    let is_null = |node: NodeIndex| matches!(program.node(node), Node::Null(_));
    let values: Vec<NodeIndex> =
        arguments.chunks(2).map(|pair| if let [_, value] = pair { *value } else { pair[0] }).collect();
    let codes: Vec<Code> = values.iter().map(|value| program.code(*value).as_owned()).collect();
    let nullable = codes.iter().any(|code| code.nullable);
    let has_type = values.iter().any(|value| !is_null(*value));
    let shown = |at: usize| match (&codes[at], nullable) {
        _ if is_null(values[at]) && has_type => "None".to_owned(),
        (code, true) => code.as_option().text,
        (code, false) => code.text.clone(),
    };
    let (mut text, mut fails) = (String::new(), codes.iter().any(|code| code.fails));
    for (at, pair) in arguments.chunks(2).enumerate() {
        match pair {
            [condition, _] => {
                let condition = program.condition(*condition);
                fails |= condition.fails;
                text += &format!("if {} {{ {} }} else ", condition.text, shown(at));
            }
            _ => text += &format!("{{ {} }}", shown(at)),
        }
    }
    let code = Code { fails, ..Code::new(text, Level::Whole, value_type) };
    code.nullable(nullable).held(Hold::Made)
}

/// The first that is not null.
pub(super) fn coalesce(program: &Expressions<'_>, arguments: &[NodeIndex]) -> Code {
    let mut codes: Vec<Code> = Vec::new();
    for argument in arguments {
        let code = program.code(*argument).as_owned();
        let is_last = !code.nullable;
        codes.push(code);
        if is_last {
            break;
        }
    }
    let mut found = codes.pop().expect("there is a value");
    let mut is_literal = matches!(program.node(arguments[codes.len()]), Node::Literal(_));
    while let Some(code) = codes.pop() {
        let is_plain = is_literal && !is_owned(code.value_type);
        let receiver = code.at(Level::Postfix);
        let (text, level) = match (found.nullable, found.fails) {
            (false, true) => {
                (format!("match {} {{ Some(value) => value, None => {} }}", code.text, found.text), Level::Whole)
            }
            (true, true) => {
                (format!("match {} {{ Some(value) => Some(value), None => {} }}", code.text, found.text), Level::Whole)
            }
            (false, false) if is_plain => (format!("{receiver}.unwrap_or({})", found.text), Level::Postfix),
            (false, false) => (format!("{receiver}.unwrap_or_else(|| {})", found.text), Level::Postfix),
            (true, false) => (format!("{receiver}.or_else(|| {})", found.text), Level::Postfix),
        };
        let fails = code.fails || found.fails;
        let nullable = found.nullable;
        found = Code { fails, ..Code::new(text, level, code.value_type) }.nullable(nullable).held(Hold::Made);
        is_literal = false;
    }
    found
}

/// Null where it failed.
pub(super) fn attempted(code: Code) -> Code {
    let code = code.as_owned();
    if !code.fails {
        return code;
    }
    let flat = if code.nullable { ".flatten()" } else { "" };
    let text = format!("{}.ok(){flat}", code.as_result());
    Code::postfix(text, code.value_type).nullable(true).held(Hold::Made)
}

pub(super) fn is_null(code: &Code) -> Code {
    let text = match (code.nullable, code.fails) {
        (true, _) => format!("{}.is_none()", code.at(Level::Postfix)),
        (false, true) => format!("Some({}).is_none()", code.text),
        (false, false) => "false".to_owned(),
    };
    Code { fails: code.fails, ..Code::postfix(text, ValueType::Boolean) }
}

pub(super) fn is_not_distinct(codes: &[Code]) -> Code {
    let codes: Vec<Code> = codes.iter().map(Code::as_ref).collect();
    let parts: Vec<String> = codes.iter().map(|code| code.as_option().text).collect();
    let fails = codes.iter().any(|code| code.fails);
    Code { fails, ..Code::postfix(format!("sql::is_not_distinct({})", parts.join(", ")), ValueType::Boolean) }
}

/// NULLIF, LEAST and GREATEST.
pub(super) fn chosen(function: Function, codes: &[Code]) -> Code {
    let value_type = codes[0].value_type;
    let codes: Vec<Code> = codes.iter().map(Code::as_ref).collect();
    let fails = codes.iter().any(|code| code.fails);
    let options: Vec<String> = codes.iter().map(|code| code.as_option().text).collect();
    let is_never_null = codes.iter().all(|code| !code.nullable);
    let name = if function == Function::Least { "least" } else { "greatest" };
    let text = match function {
        Function::NullIf => format!("sql::null_if({})", options.join(", ")),
        _ if is_never_null => {
            let others: Vec<&str> = codes[1..].iter().map(|code| code.text.as_str()).collect();
            format!("sql::{name}_of({}, [{}])", codes[0].text, others.join(", "))
        }
        _ => format!("sql::{name}([{}])", options.join(", ")),
    };
    let nullable = function == Function::NullIf || !is_never_null;
    // What is chosen is of values that may go with the statement.
    Code { fails, ..Code::postfix(text, value_type) }.nullable(nullable).as_owned()
}

impl Code {
    /// As a `Result` of an `Option`.
    fn as_option_result(&self) -> String {
        if self.nullable { self.as_result() } else { self.as_option().as_result() }
    }
}
