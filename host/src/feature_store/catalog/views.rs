//! Views and their features, of project, component and online store.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use onepath_definition::Definition;

use super::NewestEvents;
use super::entries::{Column, FeatureEntry, Freshness, Readers, Reads, ViewEntry, ViewFeature};
use super::reads::declared_reads;
use crate::declare;
use crate::evaluate::ViewProgram;
use crate::feature_store::FeatureStore;
use crate::files::to_json;
use crate::project::{DeclaredField, FeatureInfo, Making, Project, Transform, View};
use crate::schema::{Description, Field};
use crate::time::{EventTime, Length, format_time};

/// What is known of a view beside the project file.
struct Known {
    program: Option<Arc<ViewProgram>>,
    /// What it is lowered to, where it is declared.
    definition: Option<Arc<Definition>>,
    problem: Option<String>,
}

/// The entries of a view and of its features.
pub(super) fn entries(store: &FeatureStore, view: &View, newest: &NewestEvents) -> (ViewEntry, Vec<FeatureEntry>) {
    let known = known(store, view);
    let description = known.program.as_ref().map(|program| program.description());
    let features = features(store, view, &known, newest);
    // Taken apart without `..`: what is new in a project is shown, or it does not compile.
    let View {
        name,
        version,
        entity,
        sources,
        inputs,
        parameters,
        transform,
        owner,
        description: about,
        ttl,
        freshness,
        tags,
        features: infos,
        spans: _,
    } = view;
    let project = store.project();
    let (made, latest, tie_break, request) = match transform {
        Transform::Path(path) => (as_written(project, path), Vec::new(), None, &[][..]),
        Transform::Declared(declaration) => (
            "declared".to_owned(),
            declaration.latest.iter().map(|sql| sql.text.clone()).collect(),
            declaration.tie_break.as_ref().map(|sql| sql.text.clone()),
            &declaration.request[..],
        ),
    };
    let declared_request: Vec<DeclaredField> = request.iter().chain(&project.request_fields).cloned().collect();
    let events = newest_event(project, view, newest);
    let entry = ViewEntry {
        view: view.label(),
        name: name.clone(),
        version: *version,
        versions: project.views.iter().filter(|other| other.name == *name).map(|other| other.version).collect(),
        entity: entity.clone(),
        owner: owner.clone(),
        description: about.clone(),
        tags: tags.clone(),
        fresh: fresh(*freshness, events, newest),
        ttl: ttl.map(|ttl| ttl.to_string()),
        defaults: decided(infos, |info| info.default.as_ref().map(to_json)),
        feature_ttls: infos.iter().filter_map(|(name, info)| Some((name.clone(), info.ttl?.to_string()))).collect(),
        transform: made,
        latest,
        tie_break,
        parameters: parameters.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
        component: known.program.as_ref().map(|program| program.digest().to_owned()),
        author_version: description.map(|of| of.author_version.clone()),
        state_version: description.map(|of| of.state_version),
        // Known once the components of all views are loaded.
        quarantined: false,
        problem: known.problem.clone(),
        sources: sources.clone(),
        event_fields: columns(description, |of| &of.event_fields),
        inputs: inputs.iter().map(ToString::to_string).collect(),
        request_fields: request_fields(description, &declared_request, view),
        features: features
            .iter()
            .map(|feature| ViewFeature {
                name: feature.name.clone(),
                value_type: feature.value_type,
                meaning: feature.meaning(),
            })
            .collect(),
        readers: Readers::default(),
        measured: None,
    };
    (entry, features)
}

/// A path of the project file as it stands there.
fn as_written(project: &Project, path: &Path) -> String {
    path.strip_prefix(&project.root).unwrap_or(path).display().to_string()
}

fn known(store: &FeatureStore, view: &View) -> Known {
    let (mut definition, mut problem) = (None, None);
    match store.definition(view) {
        Ok(lowered) => definition = lowered,
        Err(error) => problem = Some(first_line(&error)),
    }
    let program = match store.loaded(view) {
        Ok(program) => Some(program),
        Err(error) => {
            problem = problem.or_else(|| Some(first_line(&error)));
            None
        }
    };
    // What was kept of a project is not held to what its packages are now.
    if let (Some(program), None, None) = (&program, &problem, &store.kept_components)
        && let Ok(Some(stale)) = store.stale(view, program.digest())
    {
        problem = Some(format!("{}: run `onepath build`", stale.changed));
    }
    Known { program, definition, problem }
}

/// An error and its causes, as far as its first line goes.
fn first_line(error: &dyn std::error::Error) -> String {
    crate::error::told(error).lines().next().unwrap_or_default().to_owned()
}

fn features(store: &FeatureStore, view: &View, known: &Known, newest: &NewestEvents) -> Vec<FeatureEntry> {
    let project = store.project();
    let program = known.program.as_deref();
    let fields: Vec<(String, Option<&Field>)> = match program {
        Some(program) => {
            program.description().output_features.iter().map(|field| (field.name.clone(), Some(field))).collect()
        }
        // Those that the project names, for want of the component.
        None => names_in_project(view).into_iter().map(|name| (name, None)).collect(),
    };
    let events = newest_event(project, view, newest);
    let feature = |(at, (name, field)): (usize, (String, Option<&Field>))| {
        let info = view.features.get(&name).cloned().unwrap_or_default();
        let FeatureInfo { owner, description, default, ttl, freshness, profile_values, tags } = info;
        let declared = declared(project, view, known, &name);
        let mut all_tags = view.tags.clone();
        all_tags.extend(tags);
        FeatureEntry {
            feature: format!("{}:{name}", view.label()),
            view: view.label(),
            entity: view.entity.clone(),
            value_type: field.map(|field| field.value_type),
            nullable: program.is_none_or(|program| program.may_be_null(at)),
            owner: owner.or_else(|| view.owner.clone()),
            description,
            documentation: field
                .map(|field| field.documentation.trim().to_owned())
                .filter(|text| !text.is_empty() && declared.is_none()),
            made: declared.as_ref().map(|declared| declared.made.clone()),
            window: declared.as_ref().and_then(|declared| declared.window.clone()),
            tags: all_tags,
            default: default.as_ref().map(to_json),
            ttl: ttl.or(view.ttl).map(|ttl| ttl.to_string()),
            profile_values,
            fresh: fresh(freshness.or(view.freshness), events, newest),
            reads: declared.map_or_else(|| reads_of_view(project, view, program), |declared| declared.reads),
            readers: Readers::default(),
            name,
        }
    };
    fields.into_iter().enumerate().map(feature).collect()
}

fn names_in_project(view: &View) -> Vec<String> {
    let mut names: Vec<String> = match view.transform.declaration() {
        Some(declaration) => declaration.features.iter().map(|feature| feature.name.clone()).collect(),
        None => Vec::new(),
    };
    for name in view.features.keys() {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// What a declaration says of a feature.
struct Declared {
    made: String,
    window: Option<String>,
    reads: Reads,
}

fn declared(project: &Project, view: &View, known: &Known, name: &str) -> Option<Declared> {
    let declaration = view.transform.declaration()?;
    let at = declaration.features.iter().position(|feature| feature.name == name)?;
    let definition = known.definition.as_ref()?;
    let window = match &declaration.features[at].making {
        Making::Aggregate(made) => Some(declare::window_words(made.window)),
        Making::Latest(_) | Making::Expression(_) => None,
    };
    let made = declare::feature_words(declaration, at, definition, &view.sources);
    let mut reads = declared_reads(definition, at, view);
    reads.resolve(project);
    Some(Declared { made, window, reads })
}

/// What a component reads, of which each of its features may use a part.
fn reads_of_view(project: &Project, view: &View, program: Option<&ViewProgram>) -> Reads {
    let Some(program) = program else { return Reads { sources: view.sources.clone(), ..Reads::default() } };
    let fields = &program.description().event_fields;
    let column = |source: &String| fields.iter().map(|field| format!("{source}.{}", field.name)).collect::<Vec<_>>();
    let is_plain = fields.is_empty() && program.has_sources();
    let mut reads = Reads {
        is_exact: false,
        columns: view.sources.iter().flat_map(column).collect(),
        sources: if is_plain { view.sources.clone() } else { Vec::new() },
        features: view.feature_inputs().map(ToString::to_string).collect(),
        request_fields: program.description().request_fields.iter().map(|field| field.name.clone()).collect(),
    };
    reads.resolve(project);
    reads
}

impl Reads {
    /// Gives the features that are read the versions that they are read of.
    pub(super) fn resolve(&mut self, project: &Project) {
        for feature in &mut self.features {
            if let Ok(reference) = feature.parse::<crate::project::FeatureReference>()
                && let Ok(view) = project.view_version(&reference.view, reference.version)
            {
                *feature = format!("{}:{}", view.label(), reference.feature);
            }
        }
    }
}

/// The newest event of a view: `None` where it reads no events, `Some(None)` where it reads some and there was none.
fn newest_event(project: &Project, view: &View, newest: &NewestEvents) -> Option<Option<EventTime>> {
    if !view.sources.is_empty() {
        return Some(newest.of(&view.label()));
    }
    let read = view
        .feature_inputs()
        .filter_map(|input| newest_event(project, project.view_version(&input.view, input.version).ok()?, newest));
    // Nothing is older than what never was.
    read.min_by_key(|newest| newest.map(EventTime::micros))
}

fn fresh(promised: Option<Length>, events: Option<Option<EventTime>>, newest: &NewestEvents) -> Freshness {
    let event = events.flatten();
    let age = event.map(|event| newest.now.saturating_sub(event.micros()).max(0));
    let is_kept = promised.is_none_or(|promised| age.is_some_and(|age| age <= promised.0));
    Freshness {
        freshness: promised.map(|promised| promised.to_string()),
        newest_event: event.map(|event| format_time(event.micros())),
        newest_event_age_s: age.map(|age| age / 1_000_000),
        is_fresh: (promised.is_some() && events.is_some()).then_some(is_kept),
        is_stale: events.is_some_and(|event| event.is_none() || !is_kept),
    }
}

/// What is declared about the features of a view, by name.
fn decided(
    infos: &BTreeMap<String, FeatureInfo>,
    part: impl Fn(&FeatureInfo) -> Option<serde_json::Value>,
) -> serde_json::Map<String, serde_json::Value> {
    infos.iter().filter_map(|(name, info)| Some((name.clone(), part(info)?))).collect()
}

fn columns(description: Option<&Description>, part: impl Fn(&Description) -> &Vec<Field>) -> Vec<Column> {
    description.map_or_else(Vec::new, |description| part(description).iter().map(Column::from).collect())
}

/// The request fields of a view: those that its component reads, as the project declares them; without a component, those that its
/// inputs name.
fn request_fields(description: Option<&Description>, declared: &[DeclaredField], view: &View) -> Vec<Column> {
    let mut fields = columns(description, |of| &of.request_fields);
    if description.is_none() {
        fields.extend(view.request_inputs().map(|name| Column {
            name: name.to_owned(),
            value_type: None,
            nullable: true,
            description: None,
        }));
    }
    for field in &mut fields {
        if let Some(declared) = declared.iter().find(|declared| declared.name == field.name) {
            field.value_type = Some(declared.value_type);
            // A view that needs a value is given one, whatever is declared.
            field.nullable &= declared.nullable != Some(false);
            field.description = declared.description.clone().or(field.description.take());
        }
    }
    fields
}

impl From<&Field> for Column {
    fn from(field: &Field) -> Self {
        let Field { name, value_type, nullable, documentation } = field;
        let description = Some(documentation.trim().to_owned()).filter(|text| !text.is_empty());
        Self { name: name.clone(), value_type: Some(*value_type), nullable: *nullable, description }
    }
}

impl From<&DeclaredField> for Column {
    fn from(field: &DeclaredField) -> Self {
        let DeclaredField { name, value_type, nullable, description, span: _ } = field;
        Self {
            name: name.clone(),
            value_type: Some(*value_type),
            nullable: *nullable != Some(false),
            description: description.clone(),
        }
    }
}
