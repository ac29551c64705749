//! An online store in memory, which by a seed delays, fails, and forgets what was not put on disk; and twins of it that are broken in
//! one way each.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::online_store::Stand;
use super::{Disk, Faults};
use crate::entity::{EntityKey, EntityState};
use crate::store::{OnlineStore, Replacement, StoreError, StoreReader, ViewMark, ViewUpdate};
use crate::time::EventTime;

/// What a twin does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreDefect {
    /// A group is acknowledged, and now and then not written.
    LostWrite,
    /// The views of a group are written one after the other.
    TornGroup,
    /// The views of a replacement are put in place one after the other, beside those that it does not have.
    TornReplacement,
    /// When power is lost, a group may be missing that is followed by others.
    SwappedOrder,
    /// A reader sees what was there when it was opened.
    StaleReader,
    /// A writer whose term is over may go on.
    OldTerm,
    /// An entity of a view without a mark is absent.
    AbsentForUnknown,
}

/// A place for a store in memory: what is on its disk outlives the stores that are opened on it.
#[derive(Clone)]
pub struct TwinStore {
    place: Arc<Mutex<Place>>,
    disk: Disk,
    faults: Arc<Faults>,
    defect: Option<StoreDefect>,
}

/// The states of all views at one moment.
type Content = BTreeMap<String, View>;

#[derive(Clone, Debug)]
struct View {
    mark: ViewMark,
    states: BTreeMap<String, (EntityKey, EntityState)>,
    refused: BTreeMap<String, (EntityKey, u64)>,
}

/// One step from a content to the next.
type Step = Arc<dyn Fn(&mut Content) + Send + Sync>;

#[derive(Default)]
struct Place {
    /// The content after what was lost, and the steps since.
    base: Content,
    steps: Vec<Step>,
    now: Arc<Content>,
    term: u64,
}

impl Place {
    fn step(&mut self, step: Step) {
        let mut now = Content::clone(&self.now);
        step(&mut now);
        self.now = Arc::new(now);
        self.steps.push(step);
    }
}

impl TwinStore {
    /// An empty place with these faults.
    pub fn new(faults: Faults, defect: Option<StoreDefect>) -> Self {
        Self { place: Arc::default(), disk: Disk::default(), faults: Arc::new(faults), defect }
    }

    /// The same place by way of a disk that a test can stop.
    pub fn on(&self, disk: &Disk) -> Self {
        Self { disk: disk.clone(), ..self.clone() }
    }

    fn place(&self) -> MutexGuard<'_, Place> {
        self.place.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is(&self, defect: StoreDefect) -> bool {
        self.defect == Some(defect)
    }

    fn fault(&self) -> Result<(), StoreError> {
        self.faults.step().map_err(|(is_retryable, source)| StoreError::Failed { is_retryable, source })
    }

    /// A write, as the disk makes it.
    fn write<T>(&self, write: impl FnOnce(&mut Place) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = |(is_retryable, source)| StoreError::Failed { is_retryable, source };
        self.faults.write(&self.disk, failed, || write(&mut self.place()))
    }

    fn check_term(&self, place: &Place, term: u64) -> Result<(), StoreError> {
        match term == place.term || self.is(StoreDefect::OldTerm) {
            true => Ok(()),
            false => Err(StoreError::Fenced { term, current: place.term }),
        }
    }
}

impl Stand for TwinStore {
    fn open(&self) -> Box<dyn OnlineStore> {
        Box::new(self.clone())
    }

    fn lose_power(&self) {
        let mut place = self.place();
        let mut steps = std::mem::take(&mut place.steps);
        let kept = self.faults.below(steps.len() + 1);
        if self.is(StoreDefect::SwappedOrder) && steps.len() > 1 {
            steps.remove(steps.len() - 2);
        } else {
            steps.truncate(kept);
        }
        let mut content = place.base.clone();
        steps.iter().for_each(|step| step(&mut content));
        place.base.clone_from(&content);
        place.now = Arc::new(content);
    }
}

impl OnlineStore for TwinStore {
    fn begin_term(&self) -> Result<u64, StoreError> {
        self.write(|place| {
            place.term += 1;
            Ok(place.term)
        })
    }

    fn reader(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        self.fault()?;
        let held = self.is(StoreDefect::StaleReader).then(|| Arc::clone(&self.place().now));
        Ok(Box::new(TwinReader { store: self.clone(), held }))
    }

    fn snapshot(&self) -> Result<Box<dyn StoreReader>, StoreError> {
        self.fault()?;
        let held = Some(Arc::clone(&self.place().now));
        Ok(Box::new(TwinReader { store: self.clone(), held }))
    }

    fn apply(&self, term: u64, updates: &[ViewUpdate<'_>]) -> Result<(), StoreError> {
        self.write(|place| {
            self.check_term(place, term)?;
            for update in updates {
                if let Some(stored) = place.now.get(update.view) {
                    ViewMark::check_goes_on(update.view, &stored.mark, update.mark)?;
                }
            }
            if self.is(StoreDefect::LostWrite) && self.faults.below(4) == 0 {
                return Ok(());
            }
            let steps: Vec<Step> = updates.iter().map(step_of).collect();
            match self.is(StoreDefect::TornGroup) {
                true => steps.into_iter().for_each(|step| place.step(step)),
                false => place.step(Arc::new(move |content: &mut Content| steps.iter().for_each(|step| step(content)))),
            }
            Ok(())
        })
    }

    fn begin_replace(&self, term: u64) -> Result<Box<dyn Replacement + '_>, StoreError> {
        self.fault()?;
        self.check_term(&self.place(), term)?;
        Ok(Box::new(TwinReplacement { store: self, term, views: Vec::new() }))
    }
}

/// The step that makes an update.
fn step_of(update: &ViewUpdate<'_>) -> Step {
    let (view, mark, states) = (update.view.to_owned(), update.mark.clone(), update.states.to_vec());
    Arc::new(move |content: &mut Content| {
        let view = content.entry(view.clone()).or_insert_with(|| View::new(&mark));
        view.mark = mark.clone();
        for (key, state) in &states {
            view.states.insert(key.encode(), (key.clone(), EntityState::clone(state)));
        }
    })
}

impl View {
    fn new(mark: &ViewMark) -> Self {
        Self { mark: mark.clone(), states: BTreeMap::new(), refused: BTreeMap::new() }
    }
}

struct TwinReader {
    store: TwinStore,
    held: Option<Arc<Content>>,
}

impl TwinReader {
    fn content(&self) -> Result<Arc<Content>, StoreError> {
        self.store.fault()?;
        Ok(self.held.clone().unwrap_or_else(|| Arc::clone(&self.store.place().now)))
    }
}

impl StoreReader for TwinReader {
    fn mark(&self, view: &str) -> Result<Option<ViewMark>, StoreError> {
        Ok(self.content()?.get(view).map(|view| view.mark.clone()))
    }

    fn get_many(&self, view: &str, keys: &[EntityKey]) -> Result<Vec<Option<EntityState>>, StoreError> {
        let content = self.content()?;
        let Some(found) = content.get(view) else {
            return match self.store.is(StoreDefect::AbsentForUnknown) {
                true => Ok(vec![None; keys.len()]),
                false => Err(StoreError::UnknownView { view: view.to_owned() }),
            };
        };
        let get = |key: &EntityKey| match (found.states.get(&key.encode()), found.refused.get(&key.encode())) {
            (Some((_, state)), _) => Ok(Some(state.clone())),
            (None, Some((_, bytes))) => {
                Err(StoreError::NotServed { view: view.to_owned(), entity: key.clone(), bytes: *bytes })
            }
            (None, None) => Ok(None),
        };
        keys.iter().map(get).collect()
    }

    fn scan(
        &self,
        view: &str,
        on_state: &mut dyn FnMut(EntityKey, EntityState) -> ControlFlow<()>,
    ) -> Result<(), StoreError> {
        let content = self.content()?;
        for (key, state) in content.get(view).into_iter().flat_map(|view| view.states.values()) {
            if on_state(key.clone(), state.clone()).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn refused(&self, view: &str) -> Result<Vec<(EntityKey, u64)>, StoreError> {
        let content = self.content()?;
        Ok(content.get(view).into_iter().flat_map(|view| view.refused.values().cloned()).collect())
    }

    fn newest_event(&self, view: &str) -> Result<Option<EventTime>, StoreError> {
        let content = self.content()?;
        let states = content.get(view).into_iter().flat_map(|view| view.states.values());
        Ok(states.map(|(_, state)| Some(state.newest_event)).fold(None, EventTime::newer_of))
    }

    fn count(&self, view: &str) -> Result<u64, StoreError> {
        Ok(self.content()?.get(view).map_or(0, |view| view.states.len() as u64))
    }
}

struct TwinReplacement<'s> {
    store: &'s TwinStore,
    term: u64,
    views: Vec<(String, View)>,
}

impl TwinReplacement<'_> {
    fn view(&mut self, view: usize) -> Result<&mut View, StoreError> {
        self.views.get_mut(view).map(|(_, view)| view).ok_or(StoreError::NoView)
    }
}

impl Replacement for TwinReplacement<'_> {
    fn begin_view(&mut self, view: &str) -> Result<(), StoreError> {
        self.views.push((view.to_owned(), View::new(&ViewMark::default())));
        Ok(())
    }

    fn put(&mut self, view: usize, key: &EntityKey, state: &EntityState) -> Result<(), StoreError> {
        self.view(view)?.states.insert(key.encode(), (key.clone(), state.clone()));
        Ok(())
    }

    fn refuse(&mut self, view: usize, key: &EntityKey, bytes: u64) -> Result<(), StoreError> {
        self.view(view)?.refused.insert(key.encode(), (key.clone(), bytes));
        Ok(())
    }

    fn commit(self: Box<Self>, marks: &[ViewMark]) -> Result<(), StoreError> {
        let Self { store, term, mut views } = *self;
        if marks.len() != views.len() {
            return Err(StoreError::NoView);
        }
        views.iter_mut().zip(marks).for_each(|((_, view), mark)| view.mark = mark.clone());
        store.write(|place| {
            store.check_term(place, term)?;
            if store.is(StoreDefect::TornReplacement) {
                for (name, view) in views {
                    place.step(Arc::new(move |content: &mut Content| drop(content.insert(name.clone(), view.clone()))));
                }
                return Ok(());
            }
            place.step(Arc::new(move |content: &mut Content| *content = views.iter().cloned().collect()));
            // What is replaced is on disk when the call returns.
            (place.base, place.steps) = (Content::clone(&place.now), Vec::new());
            Ok(())
        })
    }
}
