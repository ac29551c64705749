//! From feature references to the views that must run, in order.

use std::ops::Range;
use std::sync::Arc;

use super::FeatureStore;
use super::identity::{ReadFeature, view_identity};
use super::rules::restore_rules;
use super::schema::check_reads;
use crate::Error;
use crate::batch::Column;
use crate::evaluate::ViewProgram;
use crate::log::{ServedProgram, ViewIdentity, decode_values};
use crate::project::{
    DeclaredField, Entity, FeatureReference, FieldSet, Input, Key, SchemaMisfit, Selection, Source, View,
};
use crate::schema::{Field, ValueType};
use crate::store::ViewMark;
use crate::time::Length;

/// What to compute: the features of a service, or a list of references.
#[derive(Clone, Debug)]
pub enum FeatureSelection {
    /// All features of a service.
    Service(String),
    /// These features, in this order.
    References(Vec<FeatureReference>),
}

/// A view that must run, with all that it needs.
#[derive(Clone, Debug)]
pub struct PlannedView {
    /// The view as the project file has it.
    pub view: View,
    /// The view ready to run.
    pub program: Arc<ViewProgram>,
    /// What its features describe; `None` where it only reads requests.
    pub entity: Option<Entity>,
    /// Its sources, in order.
    pub sources: Vec<Source>,
    /// Per input feature of its component: the planned view and feature that bring it.
    pub inputs: Vec<(usize, usize)>,
    /// Everything that decides its values.
    pub identity: ViewIdentity,
}

/// One requested feature.
#[derive(Clone, Debug)]
pub struct PlannedFeature {
    /// Its reference.
    pub reference: FeatureReference,
    /// The planned view that gives it.
    pub view: usize,
    /// Its position among the view's features.
    pub feature: usize,
}

/// The views to run, inputs before their users, and the features to give, in the order asked for.
#[derive(Clone, Debug)]
pub struct FeaturePlan {
    /// The service, if one was named.
    pub service: Option<String>,
    /// The views, in an order in which each finds its inputs.
    pub views: Vec<PlannedView>,
    /// The features, in the order asked for.
    pub features: Vec<PlannedFeature>,
    /// The request fields of the views: one type for each.
    pub(crate) request: FieldSet,
}

impl FeatureStore {
    /// Resolves a selection: loads the components, checks that every name exists and that inputs fit.
    pub fn plan(&self, selection: &FeatureSelection) -> Result<FeaturePlan, Error> {
        self.plan_pinned(selection, &[])
    }

    /// Resolves a selection with what the views once served with: `pins` names it by view label. Views without a pin run as
    /// the project file says now.
    pub(crate) fn plan_pinned(
        &self,
        selection: &FeatureSelection,
        pins: &[(String, ServedProgram)],
    ) -> Result<FeaturePlan, Error> {
        let (service, selections) = match selection {
            FeatureSelection::Service(name) => {
                let service = self.project().service(name)?.clone();
                (Some(service.name), service.features.into_iter().zip(service.spans.into_iter().map(Some)).collect())
            }
            FeatureSelection::References(references) => {
                (None, references.iter().cloned().map(|reference| (Selection::One(reference), None)).collect())
            }
        };
        let selections: Vec<(Selection, Option<Range<usize>>)> = selections;
        let mut plan = FeaturePlan::empty(service);
        for (selection, span) in &selections {
            match selection {
                Selection::One(reference) => {
                    let at = self.plan_view(&mut plan, &reference.view, reference.version, pins)?;
                    let program = &plan.views[at].program;
                    let Some(feature) = program.feature(&reference.feature) else {
                        return Err(self.no_feature(program, &reference.feature, span.as_ref()));
                    };
                    plan.features.push(PlannedFeature { reference: reference.clone(), view: at, feature });
                }
                Selection::All { view, version } => {
                    let at = self.plan_view(&mut plan, view, *version, pins)?;
                    let fields = plan.views[at].program.description().output_features.clone();
                    for (feature, field) in fields.iter().enumerate() {
                        let reference =
                            FeatureReference { view: view.clone(), version: *version, feature: field.name.clone() };
                        plan.features.push(PlannedFeature { reference, view: at, feature });
                    }
                }
            }
        }
        // What served is asked as it was, whatever is declared now.
        let declared = if pins.is_empty() { &self.project().request_fields[..] } else { &[] };
        plan.request = request_of(declared, &plan.views).map_err(|wrong| self.project().misfit(wrong))?;
        Ok(plan)
    }

    /// The request fields of all views of the project: what is declared, then what else they read.
    pub(super) fn request_fields(&self) -> Result<Vec<Field>, Error> {
        let views = self.project().views.clone();
        let mut fields = FieldSet::new("request".to_owned(), self.project().request_fields.clone());
        for view in &views {
            let program = self.program(view)?;
            for field in &program.description().request_fields {
                fields.read(program.id(), field).map_err(|wrong| self.project().misfit(wrong))?;
            }
        }
        Ok(fields.fields)
    }

    /// The plan of every view that keeps states: all with sources. Their components are kept, as what is stored or served by them
    /// may have to be replayed after they changed.
    pub fn plan_stateful_views(&self) -> Result<Vec<PlannedView>, Error> {
        let mut views = self.plan_views(|view| !view.sources.is_empty())?;
        views.retain(|view| view.program.has_sources());
        views.iter().try_for_each(|view| self.keep_component(&view.view, view.program.digest()))?;
        Ok(views)
    }

    /// The plan of the views that are `wanted`, and of those whose features they read.
    pub(super) fn plan_views(&self, wanted: impl Fn(&View) -> bool) -> Result<Vec<PlannedView>, Error> {
        let views = self.project().views.iter().filter(|view| wanted(view));
        let names: Vec<(String, u32)> = views.map(|view| (view.name.clone(), view.version)).collect();
        let mut plan = FeaturePlan::empty(None);
        for (name, version) in names {
            self.plan_view(&mut plan, &name, Some(version), &[])?;
        }
        Ok(plan.views)
    }

    /// Adds a view and, before it, the views that it takes inputs from; gives its position. The project file has no cycles.
    fn plan_view(
        &self,
        plan: &mut FeaturePlan,
        name: &str,
        version: Option<u32>,
        pins: &[(String, ServedProgram)],
    ) -> Result<usize, Error> {
        let mut view = self.project().view_version(name, version)?.clone();
        if let Some(at) = plan.views.iter().position(|planned| planned.view.label() == view.label()) {
            return Ok(at);
        }
        let program = match pins.iter().find(|(label, _)| *label == view.label()) {
            Some((_, served)) => {
                view.ttl = served.ttl_us.map(Length);
                restore_rules(&mut view, served).map_err(|error| Error::Input {
                    view: view.label(),
                    message: format!("it is recorded to have served with defaults that cannot be read: {error}"),
                })?;
                view.parameters = decode_values(&served.parameters).unwrap_or_else(|_| view.parameters.clone());
                rewire(&mut view, &served.inputs)?;
                self.served_program(&view, &served.digest)?
            }
            None => self.program(&view)?,
        };
        if pins.is_empty() {
            self.check_inputs_are_read(&view, &program)?;
        }
        let mut inputs = Vec::new();
        for field in &program.description().input_features {
            inputs.push(self.plan_input(plan, &view, field, pins)?);
        }
        let entity = match &view.entity {
            Some(entity) => Some(self.project().entity(entity)?.clone()),
            None => None,
        };
        let mut sources = Vec::new();
        for source in &view.sources {
            sources.push(self.project().source(source)?.clone());
        }
        // What served is run as it was, whatever is declared now.
        if pins.is_empty() {
            check_reads(self.project(), &program, &sources)?;
        }
        let read = program.description().input_features.iter().zip(&inputs);
        let read: Vec<ReadFeature> = read.map(|(field, input)| plan.read_feature(&field.name, *input)).collect();
        let identity = view_identity(&view, &program, entity.as_ref(), &sources, &read);
        if pins.is_empty() {
            self.check_locked_identity(&view, &identity)?;
        }
        plan.views.push(PlannedView { view, program, entity, sources, inputs, identity });
        Ok(plan.views.len() - 1)
    }

    /// Finds the view and feature behind an input feature of a component.
    fn plan_input(
        &self,
        plan: &mut FeaturePlan,
        view: &View,
        field: &Field,
        pins: &[(String, ServedProgram)],
    ) -> Result<(usize, usize), Error> {
        let named = view.inputs.iter().enumerate().find_map(|(at, input)| match input {
            Input::Feature { reference, name } if *name == field.name => Some((reference.clone(), at)),
            _ => None,
        });
        // Inputs that served once may stand nowhere in the project file.
        let span = |at: usize| view.spans.inputs.get(at).filter(|_| pins.is_empty());
        let name = &field.name;
        let Some((reference, input)) = named else {
            let message = format!(
                "the transform of view {} reads the feature {name}, which is not among its inputs",
                view.label()
            );
            let help = format!("add \"VIEW:{name}\", or \"VIEW:FEATURE as {name}\", to `inputs`");
            return Err(self.misplaced(view, Some(&view.spans.table).filter(|_| pins.is_empty()), message, help));
        };
        let at = self.plan_view(plan, &reference.view, reference.version, pins)?;
        let producer = &plan.views[at];
        let Some(feature) = producer.program.feature(&reference.feature) else {
            return Err(self.no_feature(&producer.program, &reference.feature, span(input)));
        };
        let given = &producer.program.description().output_features[feature];
        if given.value_type != field.value_type {
            let (found, read) = (given.value_type, field.value_type);
            let message =
                format!("{reference} is {found}, and the transform of view {} reads {name} as {read}", view.label());
            let help = "name a feature of that type, or change one of the transforms".to_owned();
            return Err(self.misplaced(view, span(input), message, help));
        }
        if !field.nullable && producer.program.may_be_null(feature) {
            let why = match (given.nullable, producer.program.own_ttl(feature).is_some()) {
                (true, _) => "",
                (false, true) => ", because it has a ttl",
                (false, false) => ", because its view has a ttl",
            };
            let message = format!(
                "{reference} may be null{why}, and the transform of view {} reads {name} as never null",
                view.label()
            );
            let help = "read it as an Option in the transform, or give the feature a default".to_owned();
            return Err(self.misplaced(view, span(input), message, help));
        }
        Ok((at, feature))
    }
}

/// Gives a view the feature inputs that it served with, which the project file may have changed since.
fn rewire(view: &mut View, inputs: &[(String, String)]) -> Result<(), Error> {
    if inputs.is_empty() {
        return Ok(());
    }
    view.inputs.retain(|input| matches!(input, Input::Request(_)));
    for (name, reference) in inputs {
        let reference = reference.parse().map_err(|error| Error::Input {
            view: view.label(),
            message: format!("it is recorded to have served with an input that cannot be: {error}"),
        })?;
        view.inputs.push(Input::Feature { reference, name: name.clone() });
    }
    Ok(())
}

impl PlannedView {
    /// The key columns of its entity; none where it has no entity.
    pub fn keys(&self) -> &[Key] {
        self.entity.as_ref().map_or(&[], |entity| &entity.keys)
    }

    /// The mark of states that include no event yet, of the log with this identity.
    pub(crate) fn new_mark(&self, log: &str) -> ViewMark {
        ViewMark {
            digest: self.program.fingerprint().to_owned(),
            state_version: self.program.description().state_version,
            identity: self.identity.clone(),
            history: None,
            log: log.to_owned(),
            applied_offset: 0,
            applied_event: None,
        }
    }

    /// Whether events of `source` move its states.
    pub fn reads(&self, source: &Source) -> bool {
        self.sources.iter().any(|read| read.name == source.name)
    }

    /// What decides the states of the view where `program` makes them.
    pub(crate) fn identity_of_states(&self, program: &ViewProgram) -> ViewIdentity {
        view_identity(&self.view, program, self.entity.as_ref(), &self.sources, &[]).of_states()
    }
}

impl FeaturePlan {
    /// The reference of a planned feature with the version that was chosen.
    pub(crate) fn resolved(&self, feature: &PlannedFeature) -> FeatureReference {
        FeatureReference { version: Some(self.views[feature.view].view.version), ..feature.reference.clone() }
    }

    fn empty(service: Option<String>) -> Self {
        let request = FieldSet::new("request".to_owned(), Vec::new());
        Self { service, views: Vec::new(), features: Vec::new(), request }
    }

    /// What a view reads as `name`: a feature of a planned view.
    fn read_feature(&self, name: &str, (producer, feature): (usize, usize)) -> ReadFeature {
        let producer = &self.views[producer];
        ReadFeature {
            name: name.to_owned(),
            view: producer.view.label(),
            feature: producer.program.description().output_features[feature].name.clone(),
            identity: producer.identity.digest(),
        }
    }

    /// The names of the features in files and answers: bare, or with `full` `view__feature`; `view@v2__feature` where the
    /// selection names the version.
    pub fn names(&self, full: bool) -> Vec<String> {
        let name = |FeatureReference { view, version, feature }: &FeatureReference| match (full, version) {
            (false, _) => feature.clone(),
            (true, None) => format!("{view}__{feature}"),
            (true, Some(version)) => format!("{view}@v{version}__{feature}"),
        };
        self.features.iter().map(|feature| name(&feature.reference)).collect()
    }

    /// The key columns of all its entities, each once.
    pub fn keys(&self) -> Vec<Key> {
        let mut keys: Vec<Key> = Vec::new();
        for key in self.views.iter().flat_map(PlannedView::keys) {
            if !keys.iter().any(|known| known.name == key.name) {
                keys.push(key.clone());
            }
        }
        keys
    }

    /// The key columns of what a view describes, or else of what the views describe whose features it reads, each once.
    pub(super) fn keys_of(&self, view: usize) -> Vec<crate::project::Key> {
        if let Some(entity) = &self.views[view].entity {
            return entity.keys.clone();
        }
        let mut keys: Vec<crate::project::Key> = Vec::new();
        for key in self.views[view].inputs.iter().flat_map(|(producer, _)| self.keys_of(*producer)) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    /// The request fields of all its views, each once: as declared, and a value is needed where a view needs one.
    pub fn request_fields(&self) -> &[Field] {
        &self.request.fields
    }

    /// The type of each requested feature.
    pub fn types(&self) -> Vec<ValueType> {
        let field =
            |feature: &PlannedFeature| &self.views[feature.view].program.description().output_features[feature.feature];
        self.features.iter().map(|feature| field(feature).value_type).collect()
    }
}

/// The request fields of `views`, as `declared`.
fn request_of(declared: &[DeclaredField], views: &[PlannedView]) -> Result<FieldSet, SchemaMisfit> {
    let read =
        || views.iter().flat_map(|view| view.program.description().request_fields.iter().map(move |f| (view, f)));
    let declared = declared.iter().filter(|declared| read().any(|(_, field)| field.name == declared.name));
    let mut fields = FieldSet::new("request".to_owned(), declared.cloned().collect());
    read().try_for_each(|(view, field)| fields.read(view.program.id(), field))?;
    Ok(fields)
}

/// Runs views in order, each with its input features, which `input` takes out of the answers of those before it.
pub(crate) fn run_views<T, E>(
    views: &[PlannedView],
    input: impl Fn(&[T], (usize, usize)) -> Column,
    mut run: impl FnMut(usize, &PlannedView, Vec<Column>) -> Result<T, E>,
) -> Result<Vec<T>, E> {
    let mut answers = Vec::with_capacity(views.len());
    for (at, view) in views.iter().enumerate() {
        let inputs = view.inputs.iter().map(|place| input(&answers, *place)).collect();
        answers.push(run(at, view, inputs)?);
    }
    Ok(answers)
}
