//! Adds declared fields to a project file. What is there stays as it is: comments, order, and every entry.

use toml_edit::{DocumentMut, InlineTable, Item, Table, TomlError, value};

use crate::schema::ValueType;

/// Fields to declare.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewFields {
    /// Per source, the names and types of its fields.
    pub sources: Vec<(String, Vec<(String, ValueType)>)>,
    /// Those of requests.
    pub request: Vec<(String, ValueType)>,
}

impl NewFields {
    /// Whether there is nothing to declare.
    pub fn is_empty(&self) -> bool {
        self.sources.iter().all(|(_, fields)| fields.is_empty()) && self.request.is_empty()
    }

    /// The tables and the names that go into each, in one line.
    pub fn told(&self) -> String {
        let sources = self.sources.iter().filter(|(_, fields)| !fields.is_empty());
        let mut parts: Vec<String> =
            sources.map(|(source, fields)| format!("[sources.{source}.fields] {}", names(fields))).collect();
        if !self.request.is_empty() {
            parts.push(format!("[request.fields] {}", names(&self.request)));
        }
        parts.join("; ")
    }
}

fn names(fields: &[(String, ValueType)]) -> String {
    fields.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The text of a project file with `fields` in it that it does not have yet.
pub fn with_fields(text: &str, fields: &NewFields) -> Result<String, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let root = document.as_table_mut();
    for (source, fields) in &fields.sources {
        let sources = root.get_mut("sources").and_then(Item::as_table_like_mut);
        if let Some(table) = sources.and_then(|sources| sources.get_mut(source)) {
            add(table, fields);
        }
    }
    if !fields.request.is_empty() {
        let request = root.entry("request").or_insert_with(|| {
            let mut table = Table::new();
            table.set_implicit(true);
            Item::Table(table)
        });
        add(request, &fields.request);
    }
    Ok(document.to_string())
}

/// Adds fields to the table `fields` of `parent`.
fn add(parent: &mut Item, fields: &[(String, ValueType)]) {
    if fields.is_empty() {
        return;
    }
    let is_inline = parent.is_inline_table();
    if let Some(inline) = parent.as_inline_table_mut().filter(|inline| !inline.contains_key("fields")) {
        trim_last(inline);
    }
    let Some(parent) = parent.as_table_like_mut() else { return };
    let table = parent.entry("fields").or_insert_with(|| match is_inline {
        true => value(InlineTable::new()),
        false => {
            let mut table = Table::new();
            table.decor_mut().set_prefix("\n");
            Item::Table(table)
        }
    });
    let new: Vec<_> = fields.iter().filter(|(name, _)| table.get(name).is_none()).collect();
    if let Some(inline) = table.as_inline_table_mut().filter(|_| !new.is_empty()) {
        trim_last(inline);
    }
    let Some(table) = table.as_table_like_mut() else { return };
    for (name, value_type) in new {
        table.insert(name, value(value_type.to_string()));
    }
}

/// Takes away the space after the last value of `{ a = 1 }`, where another one follows.
fn trim_last(inline: &mut InlineTable) {
    if let Some((_, last)) = inline.iter_mut().last() {
        last.decor_mut().set_suffix("");
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    /// The text that `text` becomes, with two fields more; and again, which changes nothing.
    fn check(text: &str, expected: &Expect) {
        let events = vec![("amount".to_owned(), ValueType::Float64), ("a note".to_owned(), ValueType::Text)];
        let fields = NewFields { sources: vec![("events".to_owned(), events)], request: Vec::new() };
        let written = with_fields(text, &fields).expect("is TOML");
        expected.assert_eq(&written);
        assert_eq!(with_fields(&written, &fields).expect("is TOML"), written);
    }

    #[test]
    fn a_table_of_its_own_follows_the_source() {
        check(
            "# Mine.\n[sources.events] # the events\nentity = \"user\"\nevent_time = \"ts\"   # when\n\n# What is next.\n\
             [views.v]\nsources = [\"events\"]\n",
            &expect![[r##"
                # Mine.
                [sources.events] # the events
                entity = "user"
                event_time = "ts"   # when

                [sources.events.fields]
                amount = "float64"
                "a note" = "text"

                # What is next.
                [views.v]
                sources = ["events"]
            "##]],
        );
    }

    #[test]
    fn what_is_declared_stays() {
        check(
            "[sources.events.fields]\namount = { type = \"int64\", nullable = false } # cents\n[sources.other]\nx = 1\n[sources.events]\na = 1\n",
            &expect![[r#"
                [sources.events.fields]
                amount = { type = "int64", nullable = false } # cents
                "a note" = "text"
                [sources.other]
                x = 1
                [sources.events]
                a = 1
            "#]],
        );
        check(
            "[sources.events]\nfields = { amount = \"int64\" }\n",
            &expect![[r#"
                [sources.events]
                fields = { amount = "int64", "a note" = "text" }
            "#]],
        );
        check(
            "[sources.events]\nfields.amount = \"int64\"\n",
            &expect![[r#"
            [sources.events]
            fields.amount = "int64"
            fields."a note" = "text"
        "#]],
        );
        check(
            "[sources]\nevents = { entity = \"user\" }\n",
            &expect![[r#"
                [sources]
                events = { entity = "user", fields = { amount = "float64", "a note" = "text" } }
            "#]],
        );
    }

    #[test]
    fn request_fields_come_last() {
        let fields = NewFields { sources: Vec::new(), request: vec![("amount".to_owned(), ValueType::Float64)] };
        let text = "[project]\nname = \"p\"\n\n[services.s]\nfeatures = [\"v:*\"]\n";
        let written = with_fields(text, &fields).expect("is TOML");
        expect![[r#"
            [project]
            name = "p"

            [services.s]
            features = ["v:*"]

            [request.fields]
            amount = "float64"
        "#]]
        .assert_eq(&written);
        assert_eq!(with_fields(&written, &fields).expect("is TOML"), written);
    }
}
