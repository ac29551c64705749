//! A declared view in a project file as one with a transform. What else is there stays as it is: comments, order, and every entry.

use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, TomlError, Value, value};

use super::raw::FEATURE_FACTS;

/// A view that gets a transform in the place of what it declares.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NewTransform {
    /// What the project file calls the view.
    pub(crate) view: String,
    /// The transform, as the project file writes it.
    pub(crate) transform: String,
    /// The fields that its questions bring with them.
    pub(crate) request: Vec<String>,
    /// Per entry of its features, the features that it became.
    pub(crate) features: Vec<(String, Vec<String>)>,
}

/// A project file with a transform in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WithTransform {
    /// All of its text.
    pub(crate) text: String,
    /// The view alone.
    pub(crate) view: String,
}

/// The text of a project file in which a view has a transform; none where the file does not have the view.
pub(crate) fn with_transform(text: &str, new: &NewTransform) -> Result<Option<WithTransform>, TomlError> {
    let mut document: DocumentMut = text.parse()?;
    let views = document.as_table_mut().get_mut("views").and_then(Item::as_table_like_mut);
    let Some(view) = views.and_then(|views| views.get_mut(&new.view)) else { return Ok(None) };
    let Some(table) = view.as_table_like_mut() else { return Ok(None) };
    for entry in ["latest", "tie_break", "request"] {
        table.remove(entry);
    }
    if !new.request.is_empty() {
        let inputs = table.entry("inputs").or_insert_with(|| value(Array::new()));
        if let Some(inputs) = inputs.as_array_mut() {
            new.request.iter().for_each(|field| inputs.push(format!("request:{field}")));
        }
    }
    table.insert("transform", value(&new.transform));
    let is_empty = table.get_mut("features").and_then(Item::as_table_like_mut).map(|features| {
        keep_facts(features, &new.features);
        features.is_empty()
    });
    if is_empty == Some(true) {
        table.remove("features");
    }
    let view = view.clone();
    Ok(Some(WithTransform { text: document.to_string(), view: alone(&new.view, view) }))
}

/// Leaves of each feature what does not say how it is made: of each that an entry became.
fn keep_facts(features: &mut dyn TableLike, became: &[(String, Vec<String>)]) {
    let names: Vec<String> = features.iter().map(|(name, _)| name.to_owned()).collect();
    for name in names {
        let Some(table) = features.get(&name).and_then(Item::as_table_like) else { continue };
        if table.iter().all(|(entry, _)| FEATURE_FACTS.contains(&entry)) {
            continue;
        }
        let mut facts = InlineTable::new();
        for (entry, item) in table.iter().filter(|(entry, _)| FEATURE_FACTS.contains(entry)) {
            if let Ok(mut fact) = item.clone().into_value() {
                fact.decor_mut().clear();
                facts.insert(entry, fact);
            }
        }
        features.remove(&name);
        if facts.is_empty() {
            continue;
        }
        let found = became.iter().find(|(entry, _)| *entry == name);
        let several = found.map_or_else(|| vec![name.clone()], |(_, several)| several.clone());
        for feature in several {
            features.insert(&feature, Item::Value(Value::InlineTable(facts.clone())));
        }
    }
}

/// A view as a document by itself.
fn alone(name: &str, view: Item) -> String {
    let mut views = Table::new();
    views.set_implicit(true);
    let view = match view.into_table() {
        Ok(mut table) => {
            table.decor_mut().clear();
            Item::Table(table)
        }
        Err(item) => item,
    };
    views.insert(name, view);
    let mut document = DocumentMut::new();
    document.as_table_mut().insert("views", Item::Table(views));
    document.to_string().trim().to_owned() + "\n"
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(text: &str, view: &str, request: &[&str], features: &[(&str, &[&str])], whole: &Expect, alone: &Expect) {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<String>>();
        let new = NewTransform {
            view: view.to_owned(),
            transform: "transforms/activity".to_owned(),
            request: owned(request),
            features: features.iter().map(|(name, became)| ((*name).to_owned(), owned(became))).collect(),
        };
        let written = with_transform(text, &new).expect("is TOML").expect("has the view");
        whole.assert_eq(&written.text);
        alone.assert_eq(&written.view);
    }

    #[test]
    fn what_is_declared_goes_and_all_else_stays() {
        check(
            r#"# A project.
[views.activity]   # what a customer did
sources = ["events"]
owner = "growth"
latest = ["plan"]
tie_break = "created"

[views.activity.features]
spent = { sum = "amount", windows = ["7d", "90d"], default = 0.0, owner = "me" }   # money
last = { days_since_last = "*" }
plan = { description = "the plan" }

[services.s]
features = ["activity:*"]
"#,
            "activity",
            &[],
            &[("spent", &["spent_7d", "spent_90d"]), ("last", &["last"])],
            &expect![[r#"
                # A project.
                [views.activity]   # what a customer did
                sources = ["events"]
                owner = "growth"
                transform = "transforms/activity"

                [views.activity.features]
                plan = { description = "the plan" }
                spent_7d = { default = 0.0, owner = "me" }
                spent_90d = { default = 0.0, owner = "me" }

                [services.s]
                features = ["activity:*"]
            "#]],
            &expect![[r#"
                [views.activity]
                sources = ["events"]
                owner = "growth"
                transform = "transforms/activity"

                [views.activity.features]
                plan = { description = "the plan" }
                spent_7d = { default = 0.0, owner = "me" }
                spent_90d = { default = 0.0, owner = "me" }
            "#]],
        );
    }

    #[test]
    fn fields_of_the_request_become_inputs() {
        check(
            "[views.\"offer@v2\"]\nrequest = { amount = \"float64\" }\ninputs = [\"activity:mean as usual\"]\n\
             [views.\"offer@v2\".features]\nratio = { expr = \"amount / usual\" }\n",
            "offer@v2",
            &["amount"],
            &[("ratio", &["ratio"])],
            &expect![[r#"
                [views."offer@v2"]
                inputs = ["activity:mean as usual", "request:amount"]
                transform = "transforms/activity"
            "#]],
            &expect![[r#"
                [views."offer@v2"]
                inputs = ["activity:mean as usual", "request:amount"]
                transform = "transforms/activity"
            "#]],
        );
    }

    #[test]
    fn a_file_without_the_view_is_left_alone() {
        let new = NewTransform { view: "v".to_owned(), ..NewTransform::default() };
        assert_eq!(with_transform("[views.w]\nsources = [\"e\"]\n", &new).expect("is TOML"), None);
    }
}
