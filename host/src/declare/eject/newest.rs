//! The newest row of an entity: a struct of its own.

use onepath_definition::{Answer, Keep, Node, NodeIndex, ValueType};

use super::View;
use super::code::{Code, Hold, is_owned, owned_type};
use super::expression::Expressions;
use super::lengths::whole;
use super::names::Names;

/// A field of the newest row.
struct Column {
    name: String,
    code: Code,
}

impl View<'_> {
    /// The struct of the newest row, where there is one.
    pub(super) fn newest(&self) -> String {
        let found = self.definition.stores.iter().find_map(|store| match &store.keep {
            Keep::Row { values, tie_break } => Some((values, *tie_break)),
            _ => None,
        });
        let Some((values, tie_break)) = found else { return String::new() };
        let event = self.event();
        let (columns, tie_break) = self.columns(&event, values, tie_break);
        let mut text =
            "/// The event with the greatest event time.\n#[derive(State)]\nstruct Newest {\nat: EventTime,\n"
                .to_owned();
        for Column { name, code } in columns.iter().chain(&tie_break) {
            let own = owned_type(code.value_type);
            let own = if code.nullable { format!("Option<{own}>") } else { own.to_owned() };
            text += &format!("{name}: {own},\n");
        }
        text + "}\n\n"
    }

    /// The fields of the row, and that by which ties are broken where it is none of them.
    fn columns(
        &self,
        event: &Expressions<'_>,
        values: &[NodeIndex],
        tie_break: Option<NodeIndex>,
    ) -> (Vec<Column>, Option<Column>) {
        let mut names = Names::beside(&["at"]);
        let mut column = |node: NodeIndex| {
            let name = match event.node(node) {
                Node::Event(field) => self.definition.event_fields[*field as usize].name.clone(),
                _ => "value".to_owned(),
            };
            Column { name: names.take(&name), code: event.code(node) }
        };
        let columns = values.iter().map(|value| column(*value)).collect();
        let tie_break = tie_break.filter(|tie_break| !values.contains(tie_break)).map(column);
        (columns, tie_break)
    }

    /// Has an event take the place of the newest one, if it does.
    pub(super) fn push_row(
        &self,
        event: &Expressions<'_>,
        values: &[NodeIndex],
        tie_break: Option<NodeIndex>,
    ) -> String {
        let (mut columns, own_tie) = self.columns(event, values, tie_break);
        let tie = tie_break.map(|node| match values.iter().position(|value| *value == node) {
            Some(at) => at,
            None => columns.len(),
        });
        columns.extend(own_tie);
        // What may fail does so whether or not the event is the newest.
        let mut lets = String::new();
        for column in &mut columns {
            if column.code.fails {
                let local = format!("new_{}", column.name);
                lets += &format!("let {local} = {};\n", column.code.text);
                let code = Code::postfix(local, column.code.value_type).nullable(column.code.nullable);
                let is_made = column.code.hold != Hold::Copied;
                column.code = code.held(if is_made { Hold::Place } else { Hold::Copied });
            }
        }
        let condition = match tie.map(|at| &columns[at]) {
            None => "at >= kept.at".to_owned(),
            Some(Column { name, code }) => takes_place(name, &code.as_ref()),
        };
        let fields: Vec<String> = columns
            .iter()
            .map(|Column { name, code }| {
                let own = code.as_owned().text;
                if own == *name { format!("{name},\n") } else { format!("{name}: {own},\n") }
            })
            .collect();
        format!(
            "{lets}if self.newest.as_ref().is_none_or(|kept| {condition}) {{\nself.newest = Some(Newest {{\nat,\n{}}});\n}}\n",
            fields.concat()
        )
    }

    /// What a question reads of the newest row.
    pub(super) fn read_row(&self, values: &[NodeIndex], answer: Answer) -> Code {
        let event = self.event();
        let row =
            |rest: &str, value_type| Code::postfix(format!("self.newest.as_ref(){rest}"), value_type).nullable(true);
        match answer {
            Answer::Column(at) => {
                let (columns, _) = self.columns(&event, values, None);
                let Column { name, code } = &columns[at as usize];
                let method = if code.nullable { "and_then" } else { "map" };
                let clone = if is_owned(code.value_type) { ".clone()" } else { "" };
                row(&format!(".{method}(|row| row.{name}{clone})"), code.value_type).held(Hold::Made)
            }
            Answer::SinceLast(unit) => {
                row(&format!(".map(|row| as_of.since(row.at)).map({})", whole(unit)), ValueType::Int64)
            }
            _ => row(".map(|row| Time::from(row.at))", ValueType::Time),
        }
    }
}

/// Whether an event takes the place of the one that is kept: a null is the least.
fn takes_place(name: &str, new: &Code) -> String {
    let new_text = &new.text;
    match (new.value_type, new.nullable) {
        (ValueType::Float64, false) => {
            format!("at > kept.at || (at == kept.at && sql::greater_or_equal({new_text}, kept.{name}))")
        }
        (ValueType::Float64, true) => {
            let is_greater = format!("{new_text}.is_some_and(|new| sql::greater_or_equal(new, old))");
            format!("at > kept.at || (at == kept.at && kept.{name}.is_none_or(|old| {is_greater}))")
        }
        (ValueType::Text, nullable) => {
            let kept = if nullable { ".as_deref()" } else { ".as_str()" };
            format!("(at, {new_text}) >= (kept.at, kept.{name}{kept})")
        }
        _ => format!("(at, {new_text}) >= (kept.at, kept.{name})"),
    }
}
