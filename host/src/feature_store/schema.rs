//! The schemas of sources: what the project declares, what all views read, and what the files hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{FeatureStore, PlannedView};
use crate::Error;
use crate::evaluate::ViewProgram;
use crate::events::{EventSchema, check_read};
use crate::files::{self, Digests, NaturalColumn, Nature, Storage};
use crate::project::{NewFields, Project, Source, with_fields};
use crate::schema::Field;

/// The schema of a source: declared fields, and what those of `views` read that read it.
pub(crate) fn event_schema(project: &Project, source: &Source, views: &[PlannedView]) -> Result<EventSchema, Error> {
    let readers = views.iter().filter(|view| view.reads(source));
    let readers = readers.map(|view| (view.program.id(), view.program.description().event_fields.as_slice()));
    let schema = EventSchema::new(source, readers).map_err(|wrong| project.misfit(wrong))?;
    if source.files.is_empty() {
        check_columns(project, &schema)?;
    }
    Ok(schema)
}

/// Refuses a source whose declared schema is not what a view reads.
pub(super) fn check_reads(project: &Project, program: &ViewProgram, sources: &[Source]) -> Result<(), Error> {
    for source in sources {
        for field in &program.description().event_fields {
            check_read(source, program.id(), field).map_err(|wrong| project.misfit(wrong))?;
        }
    }
    Ok(())
}

/// Refuses mapped names that are no fields. The schema must be whole: with what the files hold, if the source has any.
fn check_columns(project: &Project, schema: &EventSchema) -> Result<(), Error> {
    let unknown = schema.source.columns.iter().find(|mapped| !schema.knows(&mapped.name));
    let Some(unknown) = unknown else { return Ok(()) };
    let message = format!("source {:?} has no field {:?}", schema.source.name, unknown.name);
    Err(project.fault(&unknown.span, message, crate::project::unknown_name_help(&unknown.name, &schema.names())).into())
}

/// The schema with the fields that only the files of its source hold. Files other than Parquet are read whole, once; files
/// that are not there yet hold none.
pub(crate) fn with_inferred(
    project: &Project,
    storage: &Arc<dyn Storage>,
    mut schema: EventSchema,
) -> Result<EventSchema, Error> {
    let files = schema.source.resolve_files(storage, &project.root).unwrap_or_default();
    schema.extend(inferred_fields(project, storage, &schema.source, &files)?);
    if !files.is_empty() {
        check_columns(project, &schema)?;
    }
    Ok(schema)
}

/// What `files` of a source hold, by our names; columns without values and of foreign types are left out.
pub(super) fn inferred_fields(
    project: &Project,
    storage: &Arc<dyn Storage>,
    source: &Source,
    files: &[PathBuf],
) -> Result<Vec<Field>, Error> {
    let cache = project.data_dir().join("cache");
    let mut digests = Digests::begin(Arc::clone(storage), &[], 1, Some(&cache.join("digests.json")));
    let mut columns: Vec<NaturalColumn> = Vec::new();
    for path in files {
        for NaturalColumn { name, nature } in natural_columns(storage, path, &cache, &mut digests)? {
            let name = source.own_name(&name).to_owned();
            match columns.iter_mut().find(|known| known.name == name) {
                Some(known) => known.nature = std::mem::replace(&mut known.nature, Nature::Empty).joined(nature),
                None => columns.push(NaturalColumn { name, nature }),
            }
        }
    }
    let field = |NaturalColumn { name, nature }| match nature {
        Nature::Type(value_type) => Some(Field { name, value_type, nullable: true, documentation: String::new() }),
        Nature::Empty | Nature::Foreign(_) => None,
    };
    Ok(columns.into_iter().filter_map(field).collect())
}

/// What the columns of a file hold, kept by its digest where finding it out takes reading the file.
fn natural_columns(
    storage: &dyn Storage,
    path: &Path,
    cache: &Path,
    digests: &mut Digests,
) -> Result<Vec<NaturalColumn>, Error> {
    let all = |_: &str| true;
    if files::Format::of(path) == Some(files::Format::Parquet) {
        return Ok(files::natural_columns(storage, path, &all)?);
    }
    let name = format!("{}-{}.json", digests.of(path)?, files::CONVERSIONS_VERSION);
    let kept = cache.join("schemas").join(name);
    if let Ok(text) = std::fs::read_to_string(&kept)
        && let Ok(columns) = serde_json::from_str(&text)
    {
        return Ok(columns);
    }
    let columns = files::natural_columns(storage, path, &all)?;
    // What cannot be kept only costs time.
    let _ = kept.parent().map(std::fs::create_dir_all);
    let _ = files::write_text(&kept, &serde_json::to_string(&columns).unwrap_or_default());
    Ok(columns)
}

impl FeatureStore {
    /// The schema of every source, in the order of the project, as `onepath build` writes it: with the fields that only files
    /// hold. Files that are not there yet hold none.
    pub fn schemas(&self) -> Result<Vec<EventSchema>, Error> {
        let views = self.plan_stateful_views()?;
        let (project, storage) = (self.project(), self.storage());
        let schema = |source: &Source| with_inferred(project, storage, event_schema(project, source, &views)?);
        project.sources.iter().map(schema).collect()
    }

    /// Declares in the project file what the views read and what the files hold, and is not declared yet. Gives what it wrote.
    pub fn write_schemas(&mut self) -> Result<NewFields, Error> {
        let schemas = self.schemas()?;
        let request = self.request_fields()?;
        let project = self.project();
        let new = |schema: &EventSchema| {
            let fields = schema.fields().iter().filter(|field| schema.source.field(&field.name).is_none());
            (schema.source.name.clone(), fields.map(|field| (field.name.clone(), field.value_type)).collect())
        };
        // A declared view says itself what its questions bring.
        let own = project.views.iter().filter_map(|view| view.transform.declaration());
        let own: Vec<&str> =
            own.flat_map(|declaration| &declaration.request).map(|declared| declared.name.as_str()).collect();
        let is_declared =
            |name: &str| own.contains(&name) || project.request_fields.iter().any(|declared| declared.name == name);
        let request = request.into_iter().filter(|field| !is_declared(&field.name));
        let fields = NewFields {
            sources: schemas.iter().map(new).collect(),
            request: request.map(|field| (field.name, field.value_type)).collect(),
        };
        if !fields.is_empty() {
            self.write_fields(&fields)?;
            // What was planned until now had less declared.
            self.project = Project::load(&self.project.root)?;
        }
        Ok(fields)
    }

    /// Adds fields to the files of the project: those of a source to the file that has the source.
    fn write_fields(&self, fields: &NewFields) -> Result<(), Error> {
        let read = |(path, _): (PathBuf, String)| {
            let text = std::fs::read_to_string(&path);
            let text = text.map_err(|source| Error::Unreadable { path: path.clone(), source })?;
            Ok((path, text))
        };
        let before = self.project().files().into_iter().map(read).collect::<Result<Vec<_>, Error>>()?;
        let mut after = Vec::new();
        // Those of requests to the file that has some, or to the project file.
        let requests = before.iter().position(|(_, text)| has_request(text)).unwrap_or(0);
        for (at, (path, text)) in before.iter().enumerate() {
            let request = if at == requests { fields.request.clone() } else { Vec::new() };
            let of_file = NewFields { sources: fields.sources.clone(), request };
            let written = with_fields(text, &of_file);
            let written = written.map_err(|source| Error::ProjectText { path: path.clone(), source })?;
            after.push((path.clone(), written));
        }
        Project::parse_files(&after)?;
        for ((path, written), (_, text)) in after.iter().zip(&before) {
            if written != text {
                // Through a link, the file that it leads to.
                let path = path.canonicalize().unwrap_or_else(|_| path.clone());
                files::write_text(&path, written.strip_suffix('\n').unwrap_or(written))?;
            }
        }
        Ok(())
    }
}

/// Whether a text of TOML has a table of requests.
fn has_request(text: &str) -> bool {
    text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("request"))
}
