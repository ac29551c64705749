//! A definition as a Rust crate that does the same: what `onepath eject` writes.
//!
//! - `code`: pieces of Rust. - `names`, `lengths`: names, and lengths of time as types.
//! - `expression`, `function`, `choice`: nodes as expressions. - `store`, `read`: what is kept, and what is read of it.
//! - `update`, `question`: the two functions of a transform. - `newest`: the newest row. - `tests_of`: a test of the crate's own.
//!
//! The crate computes with the SDK's own types and functions, which are those of the component of declared views.

mod choice;
mod code;
mod expression;
mod function;
mod lengths;
mod names;
mod newest;
mod question;
mod read;
mod store;
mod tests_of;
mod update;

use std::collections::HashMap;

use onepath_definition::{Checked, Definition, Field, ValueType};

use self::code::{has_word, is_owned, owned_type, row_type};
use self::lengths::Lengths;
use self::names::{Names, identifier};
use self::store::Kept;

/// What an ejected crate says of its view.
pub(crate) struct Ejection<'a> {
    /// The view, as people call it.
    pub(crate) view: &'a str,
    /// The name of the view alone.
    pub(crate) name: &'a str,
    /// Whether it has events.
    pub(crate) has_sources: bool,
    /// What each feature is, in words.
    pub(crate) features: &'a [String],
    /// What each store is, in words.
    pub(crate) stores: &'a [String],
}

/// A definition that becomes a crate.
struct View<'a> {
    definition: &'a Definition,
    event_types: &'a [ValueType],
    question_types: &'a [ValueType],
    about: &'a Ejection<'a>,
    stores: Vec<Kept>,
    lengths: Lengths,
}

/// Names that a state cannot have: those that the crate has already.
const TAKEN: [&str; 50] = [
    "Event",
    "Request",
    "Inputs",
    "Features",
    "Newest",
    "Parameters",
    "State",
    "StateError",
    "Aggregate",
    "Count",
    "Counts",
    "Decayed",
    "Distinct",
    "First",
    "HyperLogLog",
    "IntegerMax",
    "IntegerMin",
    "IntegerSum",
    "Last",
    "Max",
    "Mean",
    "Min",
    "QuantileSketch",
    "Recency",
    "Share",
    "Sum",
    "TopK",
    "Variance",
    "Instant",
    "Offset",
    "Lag",
    "FirstN",
    "LastN",
    "Fixed",
    "Gap",
    "Session",
    "Sessions",
    "Hopping",
    "Tumbling",
    "AsOf",
    "EventTime",
    "Length",
    "Time",
    "Days",
    "Hours",
    "Minutes",
    "Seconds",
    "Window",
    "Option",
    "String",
];

/// The `src/lib.rs` of a crate that does what `checked` does, or why there can be none.
pub(crate) fn library(checked: &Checked, about: &Ejection<'_>) -> Result<String, String> {
    let definition = checked.definition();
    for fields in [&definition.event_fields, &definition.request_fields, &definition.input_features] {
        check_names(fields.iter().map(|field| field.name.as_str()))?;
    }
    check_names(definition.features.iter().map(|feature| feature.name.as_str()))?;
    let lengths = Lengths::default();
    let mut names = Names::default();
    let kept = |(at, store): (usize, &onepath_definition::Store)| Kept {
        name: names.take(&names::store(definition, store)),
        words: about.stores.get(at).cloned().unwrap_or_default(),
        rust_type: store::rust_type(
            &store.keep,
            store.value.map(|node| checked.event_types()[node as usize]),
            &lengths,
        ),
    };
    let stores = definition.stores.iter().enumerate().map(kept).collect();
    let (event_types, question_types) = (checked.event_types(), checked.question_types());
    Ok(View { definition, event_types, question_types, about, stores, lengths }.text())
}

/// Refuses two names that Rust would call the same.
fn check_names<'n>(names: impl Iterator<Item = &'n str>) -> Result<(), String> {
    let mut known: HashMap<String, &str> = HashMap::new();
    for name in names {
        if let Some(other) = known.insert(identifier(name), name) {
            let both = identifier(name);
            return Err(format!(
                "{other:?} and {name:?} would both be called {both} in Rust: map one of them to another name"
            ));
        }
    }
    Ok(())
}

impl View<'_> {
    fn text(&self) -> String {
        let state = self.state_name();
        let update = self.update();
        let read = self.read();
        let mut items = String::new();
        items += &self.row("Event", "What is read of an event.", &self.definition.event_fields, "");
        items += &self.row("Request", "What a question brings with it.", &self.definition.request_fields, &read);
        items += &self.row("Inputs", "Features of other views.", &self.definition.input_features, &read);
        items += &self.newest();
        items += &self.state(&state);
        items += &self.features();
        items += &format!("#[transform]\nimpl {state} {{\n{update}{read}}}\n\n");
        items += &self.lengths.own_types();
        items += &self.tests(&state);
        let mut head = format!(
            "//! The view `{}`, in Rust: written by `onepath eject` from its declaration, and yours from now on.\n\n",
            self.about.view
        );
        let has_capitals = |field: &Field| field.name.chars().any(char::is_uppercase);
        let definition = self.definition;
        let fields = definition.event_fields.iter().chain(&definition.request_fields).chain(&definition.input_features);
        if fields.into_iter().any(has_capitals)
            || definition.features.iter().any(|feature| feature.name.chars().any(char::is_uppercase))
        {
            head += "#![allow(non_snake_case, reason = \"columns are named as they are\")]\n\n";
        }
        head += "use onepath_sdk::prelude::*;\n";
        let own: Vec<&str> =
            ["TextView", "TextWindow", "TimePart"].into_iter().filter(|name| has_word(&items, name)).collect();
        let has_sql = items.contains("sql::");
        match (has_sql, own.is_empty()) {
            (true, true) => head += "use onepath_sdk::sql;\n",
            (true, false) => head += &format!("use onepath_sdk::sql::{{self, {}}};\n", own.join(", ")),
            (false, false) => head += &format!("use onepath_sdk::sql::{{{}}};\n", own.join(", ")),
            (false, true) => {}
        }
        if has_word(&items, "Retention") {
            head += "use onepath_sdk::window::Retention;\n";
        }
        format!("{head}\n{}\n", items.trim_end())
    }

    /// The name of the state: that of the view.
    fn state_name(&self) -> String {
        let words = self.about.name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let capital = |word: &str| word[..1].to_uppercase() + &word[1..];
        let name = identifier(&words.map(capital).collect::<String>());
        if TAKEN.contains(&name.as_str()) || name.starts_with("Micros") { format!("{name}View") } else { name }
    }

    /// The struct of a row; `body` is what reads its fields.
    fn row(&self, name: &str, words: &str, fields: &[Field], body: &str) -> String {
        if fields.is_empty() {
            return String::new();
        }
        let lifetime = if fields.iter().any(|field| is_owned(field.value_type)) { "<'a>" } else { "" };
        let mut text = format!("/// {words}\n#[derive({name})]\n");
        let row = format!("{}.", name.to_lowercase());
        let is_read = |field: &Field| body.is_empty() || body.contains(&format!("{row}{}", identifier(&field.name)));
        if !fields.iter().all(is_read) {
            text += "#[allow(dead_code, reason = \"a question brings more than is used\")]\n";
        }
        text += &format!("struct {name}{lifetime} {{\n");
        for field in fields {
            let own = row_type(field.value_type);
            let own = if field.nullable { format!("Option<{own}>") } else { own.to_owned() };
            text += &format!("{}{}: {own},\n", renamed(&field.name), identifier(&field.name));
        }
        text + "}\n\n"
    }

    fn state(&self, name: &str) -> String {
        let mut text = "/// What is kept of the events of one entity.\n#[derive(State, Default)]\n".to_owned();
        if self.stores.is_empty() {
            return format!("/// Nothing is kept of events.\n#[derive(State, Default)]\nstruct {name};\n\n");
        }
        text += &format!("struct {name} {{\n");
        for kept in &self.stores {
            text += &format!("{}{}: {},\n", doc(&kept.words), kept.name, kept.rust_type);
        }
        text + "}\n\n"
    }

    fn features(&self) -> String {
        let mut text = "/// What is answered.\n#[derive(Features)]\nstruct Features {\n".to_owned();
        for (at, feature) in self.definition.features.iter().enumerate() {
            let own = owned_type(self.question_types[feature.node as usize]);
            let own = if feature.nullable { format!("Option<{own}>") } else { own.to_owned() };
            let words = self.about.features.get(at).map_or("", String::as_str);
            text += &format!("{}{}{}: {own},\n", doc(words), renamed(&feature.name), identifier(&feature.name));
        }
        text + "}\n\n"
    }
}

/// As many characters as a line of a comment has.
const DOC_MAX: usize = 90;

/// The attribute of a field that Rust cannot name as the contract does.
fn renamed(name: &str) -> String {
    if identifier(name) == name { String::new() } else { format!("#[field(name = {name:?})]\n") }
}

/// Words as a comment that documents: a sentence.
fn doc(words: &str) -> String {
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut letters = words.chars();
    let Some(first) = letters.next() else { return String::new() };
    // A name keeps its case.
    let begins_with_word = words.split(' ').next().is_some_and(|word| word.chars().all(|c| c.is_ascii_lowercase()))
        && [
            "number",
            "sum",
            "mean",
            "least",
            "greatest",
            "the",
            "whole",
            "part",
            "earliest",
            "latest",
            "variance",
            "standard",
            "estimated",
            "value",
            "each",
            "how",
            "a",
        ]
        .contains(&words.split(' ').next().unwrap_or_default());
    let sentence = if begins_with_word { first.to_uppercase().chain(letters).collect() } else { words.clone() };
    let mut lines = vec![String::new()];
    for word in format!("{sentence}.").split(' ') {
        let line = lines.last_mut().expect("there is a line");
        match line.is_empty() {
            true => line.push_str(word),
            false if line.chars().count() + word.chars().count() < DOC_MAX => *line += &format!(" {word}"),
            false => lines.push(word.to_owned()),
        }
    }
    lines.iter().map(|line| format!("/// {line}\n")).collect()
}
