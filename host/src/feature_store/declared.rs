//! Declared views: what each is lowered to, and the component that runs it.
//!
//! A component needs no record of what it was built from: the definition in it is compared with the one that the declaration is
//! lowered to now.

use std::path::Path;
use std::sync::Arc;

use onepath_definition::{Checked, Definition, VERSION as DEFINITION_VERSION};

use super::FeatureStore;
use super::schema::inferred_fields;
use crate::Error;
use crate::build::{Stale, TransformPath, install_bytes};
use crate::declare::{self, DeclareFault, FaultParts, InputField, SourceFields, Standard};
use crate::digest::sha256_hex;
use crate::project::{Declaration, Input, LockFile, PinnedStandard, ProjectError, Source, Transform, View, closest};
use crate::schema::{Field, ValueType};

/// Where the component of a view comes from.
pub(crate) fn transform_path(view: &View) -> TransformPath {
    match &view.transform {
        Transform::Path(path) => TransformPath::new(path),
        Transform::Declared(_) => TransformPath::Declared(view.label()),
    }
}

/// Which standard component declared views are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum StandardChoice {
    /// The one that the lock file pins; without a lock file, that of this onepath.
    Pinned,
    /// That of this onepath.
    Own,
}

/// Which fields of a source are known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Known {
    /// Those that the project declares.
    Declared,
    /// Those that other views read and files hold, too.
    Found,
}

impl FeatureStore {
    /// What a declared view is lowered to; `None` for a view with a transform.
    pub(crate) fn definition(&self, view: &View) -> Result<Option<Arc<Definition>>, Error> {
        let Some(declaration) = view.transform.declaration() else { return Ok(None) };
        self.definitions.get_or_make(&view.label(), || self.lower(view, declaration).map(Arc::new)).map(Some)
    }

    /// Lowers a declaration: with the fields that are declared, and where that does not do with those that are found.
    fn lower(&self, view: &View, declaration: &Declaration) -> Result<Definition, Error> {
        let request = self.request_of(view, declaration)?;
        let inputs = self.inputs_of(view)?;
        let lower = |known: Known| -> Result<Result<Definition, DeclareFault>, Error> {
            let mut sources = Vec::with_capacity(view.sources.len());
            for name in &view.sources {
                let source = self.project().source(name)?;
                sources.push(SourceFields { source, fields: self.fields_of(source, known)? });
            }
            Ok(declare::lower(declaration, &sources, &request, &inputs))
        };
        let lowered = match lower(Known::Declared)? {
            Err(_) if !view.sources.is_empty() => lower(Known::Found)?,
            lowered => lowered,
        };
        lowered.map_err(|fault| self.declare_fault(fault).into())
    }

    /// A fault of a declaration, at its place in the project file.
    fn declare_fault(&self, fault: DeclareFault) -> ProjectError {
        let FaultParts { span, within, message, label, help } = *fault.0;
        let span = match within {
            Some((text, part)) => self.project().within(&span, &text, part),
            None => span,
        };
        self.project().labelled_fault(span, message, label, help)
    }

    /// The fields of a source that are known. What is not declared is what the components of other views read, or what files hold.
    fn fields_of(&self, source: &Source, known: Known) -> Result<Vec<Field>, Error> {
        let field = |name: &str, value_type: ValueType, nullable: bool| Field {
            name: name.to_owned(),
            value_type,
            nullable,
            documentation: String::new(),
        };
        let mut fields: Vec<Field> =
            source.keys.iter().map(|key| field(&key.name, key.key_type.value_type(), false)).collect();
        fields.push(field(&source.event_time, ValueType::Time, false));
        fields.extend(source.arrival_time.as_ref().map(|name| field(name, ValueType::Time, true)));
        fields.extend(source.event_id.as_ref().map(|name| field(name, ValueType::Text, true)));
        let mut add = |found: Field| {
            if !fields.iter().any(|known| known.name == found.name) {
                fields.push(found);
            }
        };
        for declared in &source.fields {
            add(field(&declared.name, declared.value_type, declared.nullable != Some(false)));
        }
        if known == Known::Found {
            let readers = self.project().views.iter().filter(|view| view.sources.contains(&source.name));
            for reader in readers.filter(|view| view.transform.path().is_some()) {
                // A component that is not there says nothing of fields.
                let Ok(program) = self.loaded(reader) else { continue };
                for read in &program.description().event_fields {
                    add(field(&read.name, read.value_type, true));
                }
            }
            let files = source.resolve_files(self.storage(), &self.project().root).unwrap_or_default();
            inferred_fields(self.project(), self.storage(), source, &files)?.into_iter().for_each(add);
        }
        Ok(fields)
    }

    /// The request fields that the inputs of a view name, beside those that it declares.
    fn request_of(&self, view: &View, declaration: &Declaration) -> Result<Vec<InputField>, Error> {
        let mut fields = Vec::new();
        for (input, span) in view.inputs.iter().zip(&view.spans.inputs) {
            let Input::Request(name) = input else { continue };
            if declaration.request.iter().any(|declared| declared.name == *name) {
                continue;
            }
            let declared = self.project().request_fields.iter().find(|declared| declared.name == *name);
            let Some(declared) = declared else {
                let message = format!("the request field {name:?} has no type");
                let help = format!("give it one, and remove this input: request = {{ {name} = \"float64\" }}");
                return Err(self.project().fault(span, message, help).into());
            };
            let nullable = declared.nullable != Some(false);
            fields.push(InputField { name: name.clone(), value_type: declared.value_type, nullable });
        }
        Ok(fields)
    }

    /// The features of other views that a view reads.
    fn inputs_of(&self, view: &View) -> Result<Vec<InputField>, Error> {
        let mut fields = Vec::new();
        for (input, span) in view.inputs.iter().zip(&view.spans.inputs) {
            let Input::Feature { reference, name } = input else { continue };
            let producer = self.project().view_version(&reference.view, reference.version)?;
            let features = self.features_of(producer)?;
            let Some(given) = features.iter().find(|field| field.name == reference.feature) else {
                let known: Vec<&str> = features.iter().map(|field| field.name.as_str()).collect();
                let meant = closest(&reference.feature, known.iter().copied());
                let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant:?}? "));
                let message = format!("view {} has no feature {:?}", producer.label(), reference.feature);
                return Err(self.project().fault(span, message, format!("{meant}it has: {}", known.join(", "))).into());
            };
            let info = producer.features.get(&given.name);
            let has_default = info.is_some_and(|info| info.default.is_some());
            let has_ttl = producer.ttl.is_some() || info.is_some_and(|info| info.ttl.is_some());
            let nullable = !has_default && (given.nullable || has_ttl);
            fields.push(InputField { name: name.clone(), value_type: given.value_type, nullable });
        }
        Ok(fields)
    }

    /// The features that a view gives: of a declared one as it is declared now, whatever its component is.
    fn features_of(&self, view: &View) -> Result<Vec<Field>, Error> {
        let Some(definition) = self.definition(view)? else {
            return Ok(self.loaded(view)?.description().output_features.clone());
        };
        let types = Checked::new((*definition).clone());
        let types = types.map_err(|wrong| Error::Declared { view: view.label(), message: wrong.to_string() })?;
        let field = |feature: &onepath_definition::Feature| Field {
            name: feature.name.clone(),
            value_type: declare::named(types.question_types()[feature.node as usize]),
            nullable: feature.nullable,
            documentation: String::new(),
        };
        Ok(definition.features.iter().map(field).collect())
    }

    /// Writes the component of a declared view into its place, where it is not there already; whether it was written.
    pub(crate) fn build_declared(&self, view: &View, choice: StandardChoice) -> Result<bool, Error> {
        let Some(definition) = self.definition(view)? else { return Ok(false) };
        let standard = self.standard(choice)?;
        let component = standard.with(&definition);
        let component =
            component.map_err(|error| Error::Declared { view: view.label(), message: error.to_string() })?;
        let path = self.component_path(view);
        if std::fs::read(&path).is_ok_and(|present| present == component) {
            return Ok(false);
        }
        install_bytes(&component, &path).map_err(|source| Error::Write { path, source })?;
        Ok(true)
    }

    /// The standard component that declared views are made of: the one that the lock file pins, as long as it can be had.
    fn standard(&self, choice: StandardChoice) -> Result<Arc<Standard>, Error> {
        self.standards.get_or_make(&choice, || {
            let own = Standard::own();
            let pinned = match choice {
                StandardChoice::Own => None,
                // A lock file that cannot be read pins nothing; who is held to it is told elsewhere.
                StandardChoice::Pinned => LockFile::load(self.project()).ok().flatten().and_then(|lock| lock.standard),
            };
            let Some(pinned) = pinned.filter(|pinned| pinned.component != own.digest()) else { return Ok(Arc::new(own)) };
            if pinned.version == DEFINITION_VERSION
                && let Some(standard) = self.standard_of(&pinned.component)?
            {
                return Ok(Arc::new(standard));
            }
            (self.options().warning)(&format!(
                "the standard component {}, which {} pins for declared views, cannot be had: they are made of that of this onepath, {}",
                pinned.component,
                LockFile::path(self.project()).display(),
                own.digest(),
            ));
            Ok(Arc::new(own))
        })
    }

    /// The standard component with this digest: that of the component store, or out of a component that was made of it.
    fn standard_of(&self, digest: &str) -> Result<Option<Standard>, Error> {
        if let Some(store) = self.component_store()
            && let Some(component) = store.get(digest)?
        {
            return Ok(Some(Standard::kept(component)));
        }
        let dir = self.project().data_dir().join("components");
        let folders = [dir.clone(), dir.join("served")];
        let files = folders.iter().filter_map(|dir| std::fs::read_dir(dir).ok()).flatten().filter_map(Result::ok);
        let components = files.filter_map(|file| std::fs::read(file.path()).ok());
        Ok(components.filter_map(|component| Standard::of(&component)).find(|standard| standard.digest() == digest))
    }

    /// The standard component that the declared views run, for the lock file.
    pub(super) fn standard_in_use(&self) -> Option<PinnedStandard> {
        let declared = self.project().views.iter().find(|view| view.transform.declaration().is_some())?;
        let standard = Standard::of(&std::fs::read(self.component_path(declared)).ok()?)?;
        Some(PinnedStandard { component: standard.digest().to_owned(), version: DEFINITION_VERSION })
    }

    /// How the component of a declared view is not that of its declaration any more, where it is not.
    pub(super) fn stale_declaration(&self, view: &View) -> Result<Option<Stale>, Error> {
        let Some(definition) = self.definition(view)? else { return Ok(None) };
        let path = self.component_path(view);
        if runs(&path, &definition) {
            return Ok(None);
        }
        let component = std::fs::read(&path).unwrap_or_default();
        let built_from = sha256_hex(declare::definition_in(&component).unwrap_or_default());
        let changed = "its declaration has changed".to_owned();
        Ok(Some(Stale { changed, built_from, sources: sha256_hex(definition.to_bytes()) }))
    }
}

/// Whether the component at `path` runs this definition.
fn runs(path: &Path, definition: &Definition) -> bool {
    let Ok(component) = std::fs::read(path) else { return false };
    declare::definition_in(&component) == Some(&definition.to_bytes()[..])
}
