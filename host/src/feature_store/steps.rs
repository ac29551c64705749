//! One entity, step by step: its events in the order in which they count, the state after each, and what was answered then.
//!
//! States are moved by the calls of a push, one event a call; answers are those of a backfill.

use std::fmt::Write as _;

use super::history::Events;
use super::{FeatureSelection, FeatureStore, PlannedView, SourceOverride, Spine};
use crate::Error;
use crate::batch::{Column, Value};
use crate::entity::{EntityState, KeyInterner, KeyRows};
use crate::evaluate::{EventCall, Status};
use crate::events::{EventChunk, Keep, Pushed, ReadError, read_events};
use crate::files::{Nulls, Wanted, text_value};
use crate::project::{FeatureReference, View};
use crate::schema::ValueType;
use crate::time::{AsOf, AvailableAt, EventTime, visible};

/// What is asked of one view.
#[derive(Clone, Debug, Default)]
pub struct StepsRequest {
    /// The keys of the entity, and those of the entities of its inputs, by name, as texts.
    pub keys: Vec<(String, String)>,
    /// The request fields, by name, as texts.
    pub request_fields: Vec<(String, String)>,
    /// The last moment; `None` for now.
    pub as_of: Option<AsOf>,
    /// Files that stand for sources, instead of their own and of what was pushed.
    pub overrides: Vec<SourceOverride>,
}

/// The steps of one entity in one view.
#[derive(Clone, Debug)]
pub struct Steps {
    /// The view's name and version.
    pub view: String,
    /// The names of the event fields that the view's transform reads.
    pub fields: Vec<String>,
    /// The names of the features.
    pub features: Vec<String>,
    /// One for each event, in the order in which they count, and one more: the question at the end.
    pub steps: Vec<Step>,
}

/// One step.
#[derive(Clone, Debug)]
pub struct Step {
    /// The event; none in the last step.
    pub event: Option<StepEvent>,
    /// The as-of of the answer: when the event was first known.
    pub as_of: AsOf,
    /// The state after the event.
    pub state: Vec<u8>,
    /// The features.
    pub values: Vec<Value>,
    /// How each is answered.
    pub statuses: Vec<Status>,
}

/// An event.
#[derive(Clone, Debug)]
pub struct StepEvent {
    /// When it happened.
    pub event_time: EventTime,
    /// When it was first known.
    pub available_at: AvailableAt,
    /// The source that it is of.
    pub source: String,
    /// Its offset in the event log; `None` where it is of a file.
    pub log_offset: Option<u64>,
    /// The fields that the transform reads.
    pub fields: Vec<Value>,
}

/// What a state holds, as its transform says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StateText {
    /// The `Debug` of the state, on several lines, as a terminal shows it. Of more than 64 KiB the beginning, and a last line that says how
    /// much more there was.
    Text(String),
    /// The transform could not say it.
    Failed(String),
    /// The transform was built without `#[transform(debug)]`.
    NotBuilt,
}

/// An event, and the columns of one row by which it is given to the transform.
type Found = (StepEvent, Vec<Column>);

impl FeatureStore {
    /// Replays one entity through one view, event by event: files and pushed events, as a backfill sees them.
    pub fn steps(&self, view: &View, request: &StepsRequest) -> Result<Steps, Error> {
        let program = self.program(view)?;
        let reference = |feature: &str| FeatureReference {
            view: view.name.clone(),
            version: Some(view.version),
            feature: feature.to_owned(),
        };
        let fields = &program.description().output_features;
        let features: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
        let references = features.iter().map(|feature| reference(feature)).collect();
        let plan = self.plan(&FeatureSelection::References(references))?;
        let planned = plan.views.iter().find(|planned| planned.program.id() == program.id());
        let planned = planned.ok_or_else(|| Error::Request { message: format!("{} has no features", view.label()) })?;
        let keys = plan.keys();
        let keys = keys.iter().map(|key| (key.name.as_str(), key.key_type.value_type(), false));
        let keys = columns(keys, &request.keys, "--entity")?;
        let asked = plan.request_fields().iter().map(|field| (field.name.as_str(), field.value_type, field.nullable));
        let asked = columns(asked, &request.request_fields, "--request")?;
        let as_of = request.as_of.unwrap_or_else(|| AsOf::from_micros(self.options().clock.now()));
        let log = self.log_for_reading()?;
        for given in &request.overrides {
            self.project().source(&given.source)?;
        }
        let overrides = &request.overrides[..];
        let events = Events::Declared { overrides, pushed: log.as_deref().map(Pushed::all).transpose()? };
        let one = Spine { keys, as_of: vec![as_of], request_fields: asked };
        let found = self.events_of(planned, &one, events, as_of)?;
        let mut steps = states_of(planned, found, as_of)?;
        let times = steps.iter().map(|step| step.as_of).collect();
        let answers = self.historical(&plan, &repeated(&one, times)?, events)?;
        for (row, step) in steps.iter_mut().enumerate() {
            step.values = answers.features.iter().map(|column| column.value(row)).collect();
            step.statuses = answers.statuses.iter().map(|statuses| statuses[row]).collect();
        }
        let fields = program.description().event_fields.iter().map(|field| field.name.clone()).collect();
        Ok(Steps { view: program.id().to_owned(), fields, features, steps })
    }

    /// What a state of a view holds, such as that of a [`Step`].
    pub fn state_text(&self, view: &View, state: &[u8]) -> Result<StateText, Error> {
        Ok(match self.program(view)?.debug_state(state) {
            Ok(Some(text)) => StateText::Text(text),
            Ok(None) => StateText::NotBuilt,
            Err(error) => StateText::Failed(error.to_string()),
        })
    }

    /// The events of the entity of a spine of one row that are visible at a moment, in the order in which they count.
    fn events_of(
        &self,
        view: &PlannedView,
        spine: &Spine,
        events: Events<'_>,
        as_of: AsOf,
    ) -> Result<Vec<Found>, Error> {
        let Some(entity) = &view.entity else { return Ok(Vec::new()) };
        let (mut interner, mut numbers) = (KeyInterner::new(), Vec::new());
        interner
            .intern_all(&KeyRows::of_columns(spine.key_columns(entity)?), 1, &mut numbers)
            .map_err(ReadError::from)?;
        let sources = self.source_inputs(view, events)?;
        let fields = &view.program.description().event_fields;
        let (set, _) = read_events(fields, &sources, Keep::Known(&interner), self.read_options())?;
        let mut found = Vec::new();
        for chunk in set.chunks() {
            for row in 0..chunk.entities.len() {
                let event = found_event(chunk, row, &view.view.sources)?;
                if visible(event.0.available_at, as_of) {
                    found.push(event);
                }
            }
        }
        // Stable: equal times keep the order of sources and positions, in which they were read.
        found.sort_by_key(|(event, _)| event.available_at.micros());
        Ok(found)
    }
}

fn found_event(chunk: &EventChunk, row: usize, sources: &[String]) -> Result<Found, Error> {
    let column = |lane: &crate::batch::FieldLane| {
        let mut one = lane.empty(1);
        one.extend(lane, row..row + 1)?;
        one.into_column()
    };
    let columns = chunk.fields.iter().map(column).collect::<Result<Vec<Column>, _>>()?;
    let event = StepEvent {
        event_time: EventTime::from_micros(chunk.event_times[row]),
        available_at: AvailableAt::from_micros(chunk.available()[row]),
        source: sources.get(chunk.source).cloned().unwrap_or_default(),
        log_offset: chunk.log_offsets.as_ref().map(|offsets| offsets[row]).filter(|offset| *offset > 0),
        fields: columns.iter().map(|column| column.value(0)).collect(),
    };
    Ok((event, columns))
}

/// The steps with their states, without answers.
fn states_of(view: &PlannedView, found: Vec<Found>, as_of: AsOf) -> Result<Vec<Step>, Error> {
    let (mut state, mut steps): (Option<EntityState>, Vec<Step>) = (None, Vec::new());
    let step = |event: Option<StepEvent>, as_of: AsOf, state: &Option<EntityState>| {
        let state = state.as_ref().map_or_else(Vec::new, |state| state.bytes.clone());
        Step { event, as_of, state, values: Vec::new(), statuses: Vec::new() }
    };
    for (number, (event, columns)) in found.into_iter().enumerate() {
        let mut call = EventCall::new(&view.program, true);
        let entity = call.entity(state.as_ref())?;
        call.event(entity, event.event_time, event.available_at, event.log_offset.unwrap_or(0));
        let after = call.make(&view.program, columns, &|_| format!("of step {}", number + 1))?;
        state = after.into_iter().next();
        let at = AsOf::from_micros(event.available_at.micros());
        steps.push(step(Some(event), at, &state));
    }
    steps.push(step(None, as_of, &state));
    Ok(steps)
}

/// A spine with the inputs of the one row of another, at several moments.
fn repeated(one: &Spine, as_of: Vec<AsOf>) -> Result<Spine, Error> {
    let rows = vec![0; as_of.len()];
    let repeat = |columns: &[(String, Column)]| {
        let columns = columns.iter().map(|(name, column)| Ok((name.clone(), column.take(&rows)?)));
        columns.collect::<Result<Vec<_>, Error>>()
    };
    Ok(Spine { keys: repeat(&one.keys)?, request_fields: repeat(&one.request_fields)?, as_of })
}

/// Columns of one row from texts: each of `wanted` (name, type, whether it may be null), and no other.
fn columns<'a>(
    wanted: impl Iterator<Item = (&'a str, ValueType, bool)>,
    given: &[(String, String)],
    option: &str,
) -> Result<Vec<(String, Column)>, Error> {
    let wrong = |message: String| Error::Request { message };
    let (mut columns, mut known) = (Vec::new(), String::new());
    for (name, value_type, nullable) in wanted {
        let _ = write!(known, "{}{name} ({value_type})", if known.is_empty() { "" } else { ", " });
        let mut column = Column::new(value_type);
        match given.iter().find(|(given, _)| given == name) {
            Some((_, text)) => {
                let value = text_value(
                    text,
                    &Wanted::new(name, value_type, if nullable { Nulls::Allowed } else { Nulls::Refused }),
                );
                let value = value.map_err(|fault| wrong(format!("{option} {name}={text}: {fault}")))?;
                column.push(&value)?;
            }
            None if nullable => column.push_null(),
            None => return Err(wrong(format!("{name} ({value_type}) is missing: give {option} {name}=VALUE"))),
        }
        columns.push((name.to_owned(), column));
    }
    let is_unknown = |(name, _): &&(String, String)| !columns.iter().any(|(known, _)| known == name);
    match given.iter().find(is_unknown) {
        Some((name, _)) if known.is_empty() => Err(wrong(format!("{option} {name}: the view takes none"))),
        Some((name, _)) => Err(wrong(format!("{option} {name}: the view takes {known}"))),
        None => Ok(columns),
    }
}
