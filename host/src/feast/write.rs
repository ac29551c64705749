//! The text of an imported project.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::import::{Imported, ImportedView, Todo, Told};
use super::model::Facts;
use super::sources::SourceTable;

/// How wide a line of the text may get before a list is written one item a line.
const WIDTH: usize = 120;

impl Imported {
    /// The text of `onepath.toml`.
    pub fn toml(&self) -> String {
        let mut out = String::new();
        self.head.iter().filter(|line| !line.is_empty()).for_each(|line| comment(&mut out, line));
        out += &format!("\n[project]\nname = {}\n", quoted(&self.name));
        for entity in &self.entities {
            let keys: Vec<String> =
                entity.keys.iter().map(|(name, key)| format!("{name} = \"{}\"", key.value_type())).collect();
            out += &format!("\n[entities.{}]\nkeys = {{ {} }}\n", entity.name, keys.join(", "));
            entry(&mut out, "description", &entity.description);
        }
        self.sources
            .iter()
            .filter(|source| !source.entities.is_empty())
            .for_each(|source| write_source(&mut out, source));
        self.views.iter().for_each(|view| self.write_view(&mut out, view));
        self.write_services(&mut out);
        self.todo.iter().for_each(|todo| write_todo(&mut out, todo));
        list(&mut out, "Carried over otherwise than it is in Feast:", &self.otherwise);
        list(&mut out, "Not carried over:", &self.left);
        out
    }

    fn write_view(&self, out: &mut String, view: &ImportedView) {
        let source = &self.sources[view.source];
        *out += &format!("\n[views.{}]\n", view.name);
        if source.entities.len() > 1 {
            *out += &format!("entity = {}\n", quoted(&view.entity));
        }
        *out += &format!("sources = [{}]\n", quoted(&source.name));
        items(out, "latest", view.features.iter().map(|(name, _)| name.as_str()));
        if let Some(tie_break) = &view.tie_break {
            *out += &format!("tie_break = {}\n", quoted(tie_break));
        }
        if let Some(ttl) = view.ttl {
            *out += &format!("ttl = \"{ttl}\"\n");
        }
        facts(out, &view.facts);
        let said = view.of_features.iter().filter(|(_, description, tags)| !description.is_empty() || !tags.is_empty());
        for (at, (name, description, tags)) in said.enumerate() {
            if at == 0 {
                *out += &format!("\n[views.{}.features]\n", view.name);
            }
            let mut parts = Vec::new();
            if !description.is_empty() {
                parts.push(format!("description = {}", quoted(description)));
            }
            if !tags.is_empty() {
                parts.push(format!("tags = {}", inline(tags)));
            }
            *out += &format!("{name} = {{ {} }}\n", parts.join(", "));
        }
    }

    fn write_services(&self, out: &mut String) {
        for service in &self.services {
            *out += &format!("\n[services.{}]\n", service.name);
            let mut features: Vec<String> = Vec::new();
            for (view, chosen) in &service.features {
                let view = &self.views[*view];
                match chosen.len() == view.features.len() {
                    true => features.push(format!("{}:*", view.name)),
                    false => features.extend(chosen.iter().map(|at| format!("{}:{}", view.name, view.features[*at].0))),
                }
            }
            items(out, "features", features.iter().map(String::as_str));
            if !service.without.is_empty() {
                comment(out, &format!("In Feast also {}.", service.without.join(", ")));
            }
            facts(out, &service.facts);
        }
    }
}

fn write_source(out: &mut String, source: &SourceTable) {
    *out += &format!("\n[sources.{}]\n", source.name);
    match source.entities.as_slice() {
        [one] => *out += &format!("entity = {}\n", quoted(one)),
        several => items(out, "entities", several.iter().map(String::as_str)),
    }
    source.comments.iter().for_each(|line| comment(out, line));
    if !source.files.is_empty() {
        items(out, "files", source.files.iter().map(String::as_str));
    }
    *out += &format!("event_time = {}\n", quoted(&source.event_time));
    if let Some(arrival_time) = &source.arrival_time {
        *out += &format!("arrival_time = {}\n", quoted(arrival_time));
    }
    if !source.columns.is_empty() {
        let columns: BTreeMap<String, String> = source.columns.iter().cloned().collect();
        *out += &format!("columns = {}\n", inline(&columns));
    }
    facts(out, &source.facts);
    if !source.fields.is_empty() {
        *out += &format!("\n[sources.{}.fields]\n", source.name);
        source.fields.iter().for_each(|(name, value_type)| *out += &format!("{name} = \"{value_type}\"\n"));
    }
}

fn write_todo(out: &mut String, todo: &Todo) {
    *out += "\n";
    comment(out, &format!("To do: {}", todo.title));
    todo.text.trim_end().lines().for_each(|line| comment(out, &format!("  {line}")));
}

fn list(out: &mut String, title: &str, told: &[Told]) {
    if !told.is_empty() {
        *out += "\n";
        comment(out, title);
        told.iter().for_each(|one| comment(out, &format!("- {}: {}", one.what, one.why)));
    }
}

/// A list of texts: in one line where it is short, else one a line.
fn items<'t>(out: &mut String, name: &str, texts: impl Iterator<Item = &'t str>) {
    let texts: Vec<String> = texts.map(quoted).collect();
    let line = format!("{name} = [{}]\n", texts.join(", "));
    match line.chars().count() <= WIDTH {
        true => *out += &line,
        false => {
            *out += &format!("{name} = [\n");
            texts.iter().for_each(|text| *out += &format!("    {text},\n"));
            *out += "]\n";
        }
    }
}

fn facts(out: &mut String, facts: &Facts) {
    entry(out, "owner", &facts.owner);
    entry(out, "description", &facts.description);
    if !facts.tags.is_empty() {
        *out += &format!("tags = {}\n", inline(&facts.tags));
    }
}

fn entry(out: &mut String, name: &str, text: &str) {
    if !text.is_empty() {
        *out += &format!("{name} = {}\n", quoted(text));
    }
}

/// A table of texts in one line.
fn inline(table: &BTreeMap<String, String>) -> String {
    let is_bare = |name: &str| !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c));
    let key = |name: &String| if is_bare(name) { name.clone() } else { quoted(name) };
    let entries: Vec<String> = table.iter().map(|(name, text)| format!("{} = {}", key(name), quoted(text))).collect();
    format!("{{ {} }}", entries.join(", "))
}

/// A text of TOML, in one line.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\t' => out += "\\t",
            '\r' => out += "\\r",
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out + "\""
}

/// A comment of one line or several, without what TOML does not allow there.
fn comment(out: &mut String, text: &str) {
    for line in text.lines() {
        let line: String = line.chars().map(|c| if c.is_control() && c != '\t' { ' ' } else { c }).collect();
        *out += format!("# {line}").trim_end();
        out.push('\n');
    }
}
