//! The schema of a source: what the project declares, what views read, and what its files hold. It is law for what comes in.

use super::fields::field_wanted;
use crate::batch::{Column, Values};
use crate::files::{self, InputFault, Wanted};
use crate::project::{FieldSet, Key, SchemaMisfit, Source, check_declared};
use crate::schema::{Field, ValueType};

/// What an event of a source must have.
#[derive(Clone, Debug)]
pub struct EventSchema {
    /// The source.
    pub source: Source,
    /// Its key columns: those of all entities that its events are about.
    pub keys: Vec<Key>,
    /// Neither keys, times nor the event id.
    fields: FieldSet,
}

impl EventSchema {
    /// The schema of `source`, read by views of these names with these event fields.
    pub(crate) fn new<'a>(
        source: &Source,
        readers: impl IntoIterator<Item = (&'a str, &'a [Field])>,
    ) -> Result<Self, SchemaMisfit> {
        let declared = source.fields.iter().filter(|field| source.role_type(&field.name).is_none()).cloned();
        let mut fields = FieldSet::new(format!("source {:?}", source.name), declared.collect());
        for (view, read) in readers {
            for field in read {
                check_read(source, view, field)?;
                if source.role_type(&field.name).is_none() {
                    fields.read(view, field)?;
                }
            }
        }
        Ok(Self { source: source.clone(), keys: source.keys.clone(), fields })
    }

    /// Its fields beside keys, times and the event id: the declared ones, then those that views read, then those that its
    /// files hold, where they were asked.
    pub fn fields(&self) -> &[Field] {
        &self.fields.fields
    }

    /// Adds fields that the schema does not have, such as those that the files of the source hold.
    pub(crate) fn extend(&mut self, fields: Vec<Field>) {
        let without_role = fields.into_iter().filter(|field| self.source.role_type(&field.name).is_none());
        without_role.for_each(|field| self.fields.add(field));
    }

    /// Whether an event of the source may have something of this name, which is ours.
    pub fn knows(&self, name: &str) -> bool {
        self.source.role_type(name).is_some() || self.fields.get(name).is_some()
    }

    /// Every name that an event may have.
    pub fn names(&self) -> Vec<&str> {
        let source = &self.source;
        let roles = [Some(&source.event_time), source.arrival_time.as_ref(), source.event_id.as_ref()];
        let keys = self.keys.iter().map(|key| &key.name);
        let fields = self.fields().iter().map(|field| &field.name);
        keys.chain(roles.into_iter().flatten()).chain(fields).map(String::as_str).collect()
    }

    /// How a field of the schema is read.
    pub(super) fn wanted(&self, field: &Field) -> Wanted {
        field_wanted(&self.source, field)
    }

    /// The first row, from 0, of a column of a push that a view could not read, and why.
    pub(crate) fn misfit(&self, name: &str, column: &Column) -> Option<(usize, InputFault)> {
        let Values::Int64s(values) = column.values() else { return None };
        if !self.fields.exact.iter().any(|exact| exact == name) {
            return None;
        }
        values.iter().enumerate().find_map(|(row, value)| files::exact_float64(*value).err().map(|fault| (row, fault)))
    }

    /// What to write to the project file so that events may have fields of these names and types.
    pub(crate) fn missing_lines(&self, fields: &[(&str, ValueType)]) -> String {
        let lines = fields.iter().map(|(name, value_type)| format!("{} = \"{value_type}\"", toml_key(name)));
        let lines = lines.collect::<Vec<_>>().join(", ");
        format!("add to onepath.toml, under [sources.{}.fields]: {lines}", self.source.name)
    }
}

/// Refuses a view's field whose type the project gives otherwise.
pub(crate) fn check_read(source: &Source, view: &str, field: &Field) -> Result<(), SchemaMisfit> {
    let owner = format!("source {:?}", source.name);
    if let Some(declared) = source.field(&field.name) {
        return check_declared(&owner, declared, view, field);
    }
    match source.role_type(&field.name) {
        Some(role) if !role.can_be_read_as(field.value_type) => Err(SchemaMisfit {
            view: view.to_owned(),
            message: format!("it reads {} of {owner} as {}, and that is {role}", field.name, field.value_type),
            help: "keys have the types of their entity, times are time, and an event id is text: change the transform",
            span: None,
        }),
        _ => Ok(()),
    }
}

/// A name as a key of TOML.
fn toml_key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if is_bare { name.to_owned() } else { toml::Value::from(name).to_string() }
}
