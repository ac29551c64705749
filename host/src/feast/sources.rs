//! The sources of an imported project, and the fields that its views read of them.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use super::import::{Importing, Key, Of, Variant, held};
use super::model::{Facts, Source, SourceFile};
use super::names::{Names, Place};
use super::types::{self, Typed};
use crate::schema::ValueType;

/// A source of the project.
#[derive(Clone, Debug)]
pub(super) struct SourceTable {
    pub name: String,
    pub entities: Vec<String>,
    /// What is left to do about it.
    pub comments: Vec<String>,
    pub files: Vec<String>,
    pub event_time: String,
    pub arrival_time: Option<String>,
    pub columns: Vec<(String, String)>,
    pub fields: Vec<(String, ValueType)>,
    pub facts: Facts,
}

/// A source that is being made.
pub(super) struct Draft<'r> {
    source: &'r Source,
    /// What tells it from the others.
    of: String,
    names: Names,
    keys: Vec<KeyColumn>,
    /// The type of the column by which ties are broken, where there is one.
    created: Option<Result<ValueType, String>>,
    table: SourceTable,
}

/// A key column of some view of a source.
struct KeyColumn {
    name: String,
    value_type: ValueType,
    /// Whether a view that was carried over has it.
    is_key: bool,
    /// Whether it is a feature of one.
    is_read: bool,
}

impl Source {
    /// What Feast calls a column of the file.
    pub(super) fn feast_name<'s>(&'s self, raw: &'s str) -> &'s str {
        self.field_mapping.get(raw).map_or(raw, String::as_str)
    }

    /// The column of the file that Feast calls so.
    fn raw<'s>(&'s self, name: &'s str) -> &'s str {
        self.field_mapping.iter().find(|(_, mapped)| *mapped == name).map_or(name, |(raw, _)| raw)
    }
}

impl Draft<'_> {
    /// The name here of the column that Feast calls `name`, which is mapped where it has another one in the file.
    fn column(&mut self, name: &str) -> String {
        let own = self.names.name(name, Place::Field);
        self.map(&own.clone(), name);
        own
    }

    fn map(&mut self, own: &str, name: &str) {
        let raw = self.source.raw(name);
        if raw != own && !self.table.columns.iter().any(|(known, _)| known == own) {
            self.table.columns.push((own.to_owned(), raw.to_owned()));
        }
    }

    /// Declares a field, which keys and times need not be.
    fn declare(&mut self, own: &str, value_type: ValueType) {
        if let Some(key) = self.keys.iter_mut().find(|key| key.name == own) {
            key.is_read = true;
            return;
        }
        let table = &mut self.table;
        let is_time = table.event_time == own || table.arrival_time.as_deref() == Some(own);
        if !is_time && !table.fields.iter().any(|(known, _)| known == own) {
            table.fields.push((own.to_owned(), value_type));
        }
    }

    /// The source has events of this entity.
    pub fn describe(&mut self, entity: &str, keys: &[Key]) {
        if !self.table.entities.iter().any(|known| known == entity) {
            self.table.entities.push(entity.to_owned());
        }
        for known in &mut self.keys {
            known.is_key |= keys.iter().any(|key| key.name == known.name);
        }
    }

    /// The field that breaks ties, declared.
    pub fn tie_break(&mut self) -> Result<Option<String>, String> {
        let Some(value_type) = self.created.clone() else { return Ok(None) };
        let created = self.source.created_timestamp_column.as_str();
        let value_type = value_type.map_err(|why| format!("its created timestamp column {created:?}: {why}"))?;
        let own = self.column(created);
        self.declare(&own, value_type);
        Ok(Some(own))
    }

    /// The column of event times, as Feast calls it.
    pub fn time(&self) -> String {
        event_time_of(self.source).unwrap_or_default()
    }

    pub fn finish(mut self) -> SourceTable {
        for key in &self.keys {
            // The key of a view that was not carried over is a field like others, or nothing.
            match (key.is_key, key.is_read) {
                (true, _) => {}
                (false, true) => self.table.fields.push((key.name.clone(), key.value_type)),
                (false, false) => self.table.columns.retain(|(name, _)| *name != key.name),
            }
        }
        self.table
    }
}

/// What is said of one feature: its name here, its description, its tags.
type OfFeature = (String, String, BTreeMap<String, String>);

/// Features: the name here and that in Feast; and what is said of them.
type Features = (Vec<(String, String)>, Vec<OfFeature>);

impl<'r> Importing<'r> {
    /// The place of the source that a view reads, with its key columns.
    pub fn draft(&mut self, variant: &Variant<'r>, keys: &[Key]) -> Result<usize, String> {
        let view = variant.view;
        let batch = view.batch.as_ref().ok_or("it has no batch source, and so no history")?;
        let named = view.stream.as_ref().unwrap_or(batch);
        let of = format!("{}\n{:?}", named.name, variant.join_key_map);
        let at = match self.drafts.iter().position(|draft| draft.of == of) {
            Some(at) => at,
            None => {
                let draft = self.new_draft(variant, named, batch, of)?;
                self.drafts.push(draft);
                self.drafts.len() - 1
            }
        };
        let draft = &mut self.drafts[at];
        for key in keys {
            draft.names.take(&key.own, &key.name);
            if !draft.keys.iter().any(|known| known.name == key.name) {
                let value_type = key.key_type.value_type();
                draft.keys.push(KeyColumn { name: key.name.clone(), value_type, is_key: false, is_read: false });
            }
            draft.map(&key.name, &key.own);
        }
        Ok(at)
    }

    fn new_draft(
        &mut self,
        variant: &Variant<'r>,
        named: &'r Source,
        batch: &'r Source,
        of: String,
    ) -> Result<Draft<'r>, String> {
        // A file without a name is called by its path.
        let own = match named.name.contains(['/', '\\']) || named.name.ends_with(".parquet") {
            true => {
                Path::new(&named.name).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
            }
            false => named.name.clone(),
        };
        let wanted = match variant.join_key_map.is_empty() {
            true => own.clone(),
            false => format!("{own}_as_{}", variant.name),
        };
        let name = self.table(Of::Sources, &of, &wanted);
        if name != own && variant.join_key_map.is_empty() {
            self.tell(format!("source {:?}", named.name), format!("{name} here"));
        }
        let event_time = event_time_of(batch)?;
        let created = Some(batch.created_timestamp_column.as_str()).filter(|column| !column.is_empty());
        let created = created.map(|column| {
            let held = held(variant.view, column);
            match held {
                Some(_) => types::carried(None, held).map(|typed| typed.value_type()),
                None => Ok(ValueType::Time),
            }
        });
        let facts = Facts {
            description: first_of([&named.facts.description, &batch.facts.description]),
            owner: first_of([&named.facts.owner, &batch.facts.owner]),
            tags: if named.facts.tags.is_empty() { batch.facts.tags.clone() } else { named.facts.tags.clone() },
        };
        let table = SourceTable {
            name,
            entities: Vec::new(),
            comments: Vec::new(),
            files: Vec::new(),
            event_time: String::new(),
            arrival_time: None,
            columns: Vec::new(),
            fields: Vec::new(),
            facts,
        };
        let mut draft = Draft { source: batch, of, names: Names::default(), keys: Vec::new(), created, table };
        // The one field that may have the name which SQL gives the event time.
        if event_time == "event_time" {
            draft.names.take(&event_time, &event_time);
        }
        draft.table.event_time = draft.column(&event_time);
        if let Some(Ok(value_type)) = draft.created.clone().filter(|_| self.options.arrival) {
            match value_type {
                ValueType::Time => draft.table.arrival_time = Some(draft.column(&batch.created_timestamp_column)),
                other => self.tell(
                    format!("source {:?}", named.name),
                    format!("its created timestamp is {other}: no arrival_time"),
                ),
            }
        }
        let what = format!("source {:?}", named.name);
        match files_of(batch, &self.options.dir) {
            Ok(files) => draft.table.files = files,
            Err(why) => {
                draft.table.comments.push(format!("To do: {why}"));
                self.leave(format!("history of {what}"), why);
            }
        }
        match named.kind.as_str() {
            "PushSource" => {
                draft.table.comments.push("What Feast pushes to it is pushed here by the same name.".to_owned());
            }
            "KafkaSource" | "KinesisSource" => {
                let why = format!("{} in Feast: push its messages to the source {}", named.kind, draft.table.name);
                draft.table.comments.push(format!("To do: {why}"));
                self.leave(format!("stream of {what}"), why);
            }
            _ => {}
        }
        Ok(draft)
    }

    /// The features of a view, with what is said of them; their fields are declared.
    pub fn features(&mut self, variant: &Variant<'r>, keys: &[Key], at: usize) -> Result<Features, String> {
        let view = variant.view;
        let (mut features, mut told, mut reasons) = (Vec::new(), Vec::new(), Vec::new());
        let declared = !view.features.is_empty();
        let inferred = self.drafts[at].inferred(keys);
        let all: Vec<&str> = match declared {
            true => view.features.iter().map(|field| field.name.as_str()).collect(),
            false => inferred.iter().map(String::as_str).collect(),
        };
        for name in all {
            let field = view.features.iter().find(|field| field.name == name);
            let what = format!("feature {:?}", format!("{}:{name}", view.name));
            let held = held(view, name);
            let file_is_known = view.batch.as_ref().and_then(|batch| batch.file.as_ref()?.columns.as_ref()).is_some();
            let typed = match (held, file_is_known) {
                (None, true) => Err("its file has no such column".to_owned()),
                _ => types::carried(field.map(|field| field.feast_type.as_str()), held),
            };
            let draft = &mut self.drafts[at];
            let typed = match typed {
                Ok(_) if draft.source.timestamp_field == name => {
                    Err("it is the event time, which a feature is not".to_owned())
                }
                typed => typed,
            };
            let typed = match typed {
                Ok(typed) => typed,
                Err(why) => {
                    reasons.push(name.to_owned());
                    self.leave(what, why);
                    continue;
                }
            };
            let own = draft.column(name);
            draft.declare(&own, typed.value_type());
            if own != name {
                self.tell(what.clone(), format!("{own} here"));
            }
            if let Typed::Otherwise(_, note) = &typed {
                self.tell(what.clone(), note.clone());
            }
            if let Some(field) = field {
                if field.vector_index {
                    self.leave(format!("vector index of {what}"), "vectors are not searched here");
                }
                told.push((own.clone(), field.description.clone(), field.tags.clone()));
            }
            features.push((own, name.to_owned()));
        }
        match features.is_empty() {
            true => Err(format!("none of its features was carried over ({})", reasons.join(", "))),
            false => Ok((features, told)),
        }
    }
}

impl Draft<'_> {
    /// The features that Feast infers: all columns but keys and times.
    fn inferred(&self, keys: &[Key]) -> Vec<String> {
        let source = self.source;
        let columns = source.file.as_ref().and_then(|file| file.columns.as_ref());
        let names = columns.into_iter().flatten().map(|(raw, _)| source.feast_name(raw));
        let is_key = |name: &str| keys.iter().any(|key| key.own == name);
        let is_time = |name: &str| {
            name == source.created_timestamp_column || self.names.known(name) == Some(&self.table.event_time)
        };
        let is_own = |name: &str| name.starts_with("__index_level_");
        names.filter(|name| !is_key(name) && !is_time(name) && !is_own(name)).map(str::to_owned).collect()
    }
}

/// The column of event times: the one that is declared, or the only time that the file has.
fn event_time_of(source: &Source) -> Result<String, String> {
    if !source.timestamp_field.is_empty() {
        return Ok(source.timestamp_field.clone());
    }
    let columns = source.file.as_ref().and_then(|file| file.columns.as_ref());
    let is_time = |(raw, held): &&(String, String)| {
        held.starts_with("timestamp[") && source.feast_name(raw) != source.created_timestamp_column
    };
    let times: Vec<_> = columns.into_iter().flatten().filter(is_time).collect();
    match times.as_slice() {
        [(raw, _)] => Ok(source.feast_name(raw).to_owned()),
        _ => Err(format!("its source {:?} names no timestamp_field", source.name)),
    }
}

/// The files of a source as a project in `dir` names them, or what to do where they cannot be read.
fn files_of(source: &Source, dir: &Path) -> Result<Vec<String>, String> {
    let Some(file) = &source.file else {
        return Err(format!(
            "it is a {} in Feast: export its history to Parquet, and add files = [\"...\"]",
            source.kind
        ));
    };
    let SourceFile { uri, path, folder, format, problem, .. } = file;
    let Some(path) = path else {
        return Err(format!("its files lie at {uri}: copy them to this machine, and add files = [\"...\"]"));
    };
    if format != "parquet" {
        return Err(format!("{uri} is a table of {format}: write it as Parquet, and add files = [\"...\"]"));
    }
    if let Some(problem) = problem {
        return Err(format!("{uri} could not be read ({problem}): add files = [\"...\"] once it is there"));
    }
    let near = relative(Path::new(path), dir).to_string_lossy().replace('\\', "/");
    if *folder {
        return Ok(vec![format!("{near}/**/*.parquet")]);
    }
    if !near.ends_with(".parquet") {
        return Err(format!(
            "{uri} is Parquet without that extension, by which formats are told: rename it, and add files = [\"...\"]"
        ));
    }
    Ok(vec![near])
}

/// `path` relative to `dir` where both lie in one folder below the root, else as it is.
fn relative(path: &Path, dir: &Path) -> PathBuf {
    let (to, from): (Vec<Component<'_>>, Vec<Component<'_>>) =
        (path.components().collect(), dir.components().collect());
    let shared = to.iter().zip(&from).take_while(|(a, b)| a == b).count();
    if shared < 2 {
        return path.to_owned();
    }
    std::iter::repeat_n(Component::ParentDir, from.len() - shared).chain(to[shared..].iter().copied()).collect()
}

fn first_of(texts: [&String; 2]) -> String {
    texts.into_iter().find(|text| !text.is_empty()).cloned().unwrap_or_default()
}
