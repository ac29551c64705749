//! Fields of one owner, a source or requests, as the project declares them and its views read them: one type for each.

use std::ops::Range;

use super::DeclaredField;
use crate::schema::{Field, ValueType};

/// The fields of one owner.
#[derive(Clone, Debug)]
pub(crate) struct FieldSet {
    /// What they are fields of, for messages: `source "events"`.
    owner: String,
    /// The declared ones in the order of the document, then those that only views read.
    pub(crate) fields: Vec<Field>,
    /// Those of whole numbers that a view reads as float64: each value must have an exact one.
    pub(crate) exact: Vec<String>,
    declared: Vec<DeclaredField>,
    /// Per field, the first view that reads it.
    readers: Vec<Option<String>>,
}

/// A field that a view cannot read as it is.
#[derive(Clone, Debug)]
pub(crate) struct SchemaMisfit {
    /// The view.
    pub(crate) view: String,
    /// What does not fit.
    pub(crate) message: String,
    /// What to do.
    pub(crate) help: &'static str,
    /// Where the project file declares the field, if it does.
    pub(crate) span: Option<Range<usize>>,
}

impl FieldSet {
    /// The declared fields.
    pub(crate) fn new(owner: String, declared: Vec<DeclaredField>) -> Self {
        let field = |declared: &DeclaredField| Field {
            name: declared.name.clone(),
            value_type: declared.value_type,
            nullable: declared.nullable.unwrap_or(true),
            documentation: declared.description.clone().unwrap_or_default(),
        };
        let fields: Vec<Field> = declared.iter().map(field).collect();
        Self { owner, readers: vec![None; fields.len()], exact: Vec::new(), fields, declared }
    }

    /// Adds what a view reads: a value is needed where it needs one. A type that cannot become what it reads is a misfit.
    pub(crate) fn read(&mut self, view: &str, field: &Field) -> Result<(), SchemaMisfit> {
        let declared = self.declared.iter().find(|declared| declared.name == field.name);
        if let Some(declared) = declared {
            check_declared(&self.owner, declared, view, field)?;
        }
        let Some(at) = self.fields.iter().position(|known| known.name == field.name) else {
            self.fields.push(field.clone());
            self.readers.push(Some(view.to_owned()));
            return Ok(());
        };
        let (known, first) = (&mut self.fields[at], &mut self.readers[at]);
        known.nullable &= field.nullable;
        let (one, other) = (known.value_type, field.value_type);
        if !one.can_be_read_as(other) && !other.can_be_read_as(one) {
            let message = format!(
                "it reads the field {} of {} as {other}, and view {} as {one}",
                field.name,
                self.owner,
                first.as_deref().unwrap_or_default()
            );
            let help = "a field has one type: change one of the transforms, or give one of them another field";
            return Err(SchemaMisfit { view: view.to_owned(), message, help, span: None });
        }
        if one != other {
            known.value_type = ValueType::Int64;
            if !self.exact.contains(&field.name) {
                self.exact.push(field.name.clone());
            }
        }
        first.get_or_insert_with(|| view.to_owned());
        Ok(())
    }

    /// Adds a field that is neither declared nor read.
    pub(crate) fn add(&mut self, field: Field) {
        if self.get(&field.name).is_none() {
            self.fields.push(field);
            self.readers.push(None);
        }
    }

    /// The field of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }
}

/// Refuses a declared field that is not what a view reads.
pub(crate) fn check_declared(
    owner: &str,
    declared: &DeclaredField,
    view: &str,
    field: &Field,
) -> Result<(), SchemaMisfit> {
    let misfit = |message: String, help| {
        Err(SchemaMisfit { view: view.to_owned(), message, help, span: Some(declared.span.clone()) })
    };
    let (name, value_type) = (&field.name, declared.value_type);
    if !value_type.can_be_read_as(field.value_type) {
        let message =
            format!("field {name:?} of {owner} is {value_type}, and view {view} reads it as {}", field.value_type);
        return misfit(
            message,
            "declare the type that the view reads, or int64 where it reads float64, or change the transform",
        );
    }
    if !field.nullable && declared.nullable == Some(true) {
        let message = format!("field {name:?} of {owner} may be null, and view {view} reads it as never null");
        return misfit(message, "remove `nullable = true`, or read it as an Option in the transform");
    }
    Ok(())
}
