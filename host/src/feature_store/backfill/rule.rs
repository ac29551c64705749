//! Feature history: a spine that a rule makes from the events themselves.

use super::spine_file::{Leading, LeadingColumns, SpineRows};
use super::{AS_OF, SpineSource, field, wrong};
use crate::Error;
use crate::batch::ColumnError;
use crate::entity::{EntityKey, KeyInterner};
use crate::events::{Keep, Pushed, read_events};
use crate::feature_store::history::{Events, spine_of_keys};
use crate::feature_store::manifest::SpineRecord;
use crate::feature_store::summary::SpineSeen;
use crate::feature_store::{FeaturePlan, FeatureStore, SourceOverride, Spine};
use crate::replay::{at_events, on_grid};
use crate::schema::ValueType;
use crate::time::{AsOf, Length};

/// Rows that a grid may have: what a run holds in memory.
const GRID_ROWS_MAX: i128 = 20_000_000;

impl FeatureStore {
    /// Feature history: the entities and moments come from the events themselves.
    pub(super) fn spine_from_rule(
        &self,
        plan: &FeaturePlan,
        rule: &SpineSource,
        overrides: &[SourceOverride],
        pushed: Option<Pushed<'_>>,
    ) -> Result<(SpineRows, SpineRecord), Error> {
        if let Some(field) = plan.request_fields().first() {
            return Err(wrong(format!(
                "feature history has no request fields, and a view asked for reads {}: give a --spine with that column",
                field.name
            )));
        }
        let views: Vec<_> = plan.views.iter().filter(|view| view.program.has_sources()).collect();
        let Some(entity) = views.first().and_then(|view| view.entity.as_ref()) else {
            return Err(wrong("feature history needs a view with sources: give a --spine".to_owned()));
        };
        if let Some(other) = views.iter().filter_map(|view| view.entity.as_ref()).find(|e| e.name != entity.name) {
            return Err(wrong(format!(
                "feature history is of one entity, and the views asked for have {} and {}: give a --spine",
                entity.name, other.name
            )));
        }
        if let SpineSource::Grid { every, from, to } = rule {
            check_steps(*every, *from, *to)?;
        }
        let mut interner = KeyInterner::new();
        let mut all = Vec::new();
        for view in views {
            let inputs = self.source_inputs(view, Events::Declared { overrides, pushed })?;
            all.push(read_events(&[], &inputs, Keep::All(&mut interner), self.read_options())?.0);
        }
        if let SpineSource::Grid { every, from, to } = rule {
            check_grid(*every, *from, *to, interner.len())?;
        }
        let (entities, moments) = match rule {
            SpineSource::Grid { every, from, to } => on_grid(&all, interner.len(), *from, *to, every.0),
            _ => at_events(&all),
        };
        drop(all);
        // By as-of, then by key; a key is its place among all.
        let mut keys: Vec<(EntityKey, u32)> = (0..interner.len() as u32).map(|id| (interner.key(id), id)).collect();
        keys.sort_unstable();
        let mut places = vec![0; keys.len()];
        (0..).zip(&keys).for_each(|(place, (_, id))| places[*id as usize] = place);
        let place = |entity: u32| places[entity as usize];
        let mut asked: Vec<(AsOf, u32)> = moments.into_iter().zip(entities.into_iter().map(place)).collect();
        asked.sort_unstable_by_key(|(as_of, place)| (as_of.micros(), *place));
        let keys: Vec<(EntityKey, AsOf)> = keys.into_iter().map(|(key, _)| (key, AsOf::from_micros(0))).collect();
        let (as_of, places): (Vec<AsOf>, Vec<u32>) = asked.into_iter().unzip();
        let distinct = spine_of_keys(entity, &keys)?.keys.into_iter();
        let keys = distinct.map(|(name, column)| Ok::<_, ColumnError>((name, column.take(&places)?)));
        let spine = Spine { keys: keys.collect::<Result<_, _>>()?, as_of, request_fields: Vec::new() };
        let keys = spine.keys.iter().enumerate();
        let mut leading: LeadingColumns =
            keys.map(|(at, (name, column))| (field(name, column.value_type()), Leading::Key(at))).collect();
        leading.push((field(AS_OF, ValueType::Time), Leading::AsOf));
        let record = match rule {
            SpineSource::Grid { every, from, to } => {
                SpineRecord::Grid { every: every.to_string(), from: from.to_string(), to: to.to_string() }
            }
            _ => SpineRecord::AtEvents { at: "events" },
        };
        let asked = SpineSeen::of(&spine.as_of);
        Ok((SpineRows { spine, asked, leading, rest: Vec::new() }, record))
    }
}

/// Refuses a grid without steps.
fn check_steps(every: Length, from: AsOf, to: AsOf) -> Result<(), Error> {
    if every.0 <= 0 {
        return Err(wrong("--every must be longer than nothing, such as 1d".to_owned()));
    }
    if to.is_before(from) {
        return Err(wrong(format!("the grid begins at {from}, which is after its end {to}")));
    }
    Ok(())
}

/// Refuses a grid of more rows than a run holds in memory.
fn check_grid(every: Length, from: AsOf, to: AsOf, entities: usize) -> Result<(), Error> {
    let moments = (i128::from(to.micros()) - i128::from(from.micros())) / i128::from(every.0) + 1;
    let rows = moments.saturating_mul(entities as i128);
    if moments > GRID_ROWS_MAX || rows > GRID_ROWS_MAX {
        return Err(wrong(format!(
            "the grid has {moments} moments for {entities} entities; at most {GRID_ROWS_MAX} rows are made at once: take a longer \
             --every, or fewer days at a time"
        )));
    }
    Ok(())
}
