//! States in memory: those that were asked for lately, and those that are newer than the online store's.
//!
//! Its size is bounded: where it is full, a state that was not asked for since the hand of a clock last passed it goes. A
//! state that the store does not hold yet stays whatever the size, for the store's would be older.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::entity::EntityState;

/// What an entry costs besides the bytes of its state and key: its slot, its place in the map, two counted allocations.
const ENTRY_BYTES: usize = 192;

/// States by view and entity; the entity is named by the bytes of its key.
#[derive(Debug)]
pub(super) struct StateCache {
    views: Vec<HashMap<Arc<[u8]>, usize>>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    hand: usize,
    bytes: usize,
    bytes_max: usize,
}

#[derive(Debug)]
struct Slot {
    view: usize,
    key: Arc<[u8]>,
    /// `None` in an entry that says that the entity has no state.
    state: Option<Arc<EntityState>>,
    is_used: AtomicBool,
}

impl Slot {
    fn bytes(&self) -> usize {
        ENTRY_BYTES + self.key.len() + self.state.as_ref().map_or(0, |state| state.bytes.len())
    }
}

impl StateCache {
    /// A cache of the states of so many views, of at most `bytes_max` bytes.
    pub fn new(views: usize, bytes_max: usize) -> Self {
        let views = (0..views).map(|_| HashMap::new()).collect();
        Self { views, slots: Vec::new(), free: Vec::new(), hand: 0, bytes: 0, bytes_max }
    }

    /// What is known of an entity: `Some(None)` where it has no state, `None` where the store must be asked.
    pub fn get(&self, view: usize, key: &[u8]) -> Option<Option<Arc<EntityState>>> {
        let slot = &self.slots[*self.views[view].get(key)?];
        // A shared line is written only where that says something new.
        if !slot.is_used.load(Ordering::Relaxed) {
            slot.is_used.store(true, Ordering::Relaxed);
        }
        Some(slot.state.clone())
    }

    /// Puts the state of an entity over what is known, and gives back what was: dropping it may wait. Afterwards
    /// [`StateCache::shrink`].
    pub fn put(&mut self, view: usize, key: &[u8], state: Option<Arc<EntityState>>) -> Option<Arc<EntityState>> {
        if let Some(slot) = self.views[view].get(key) {
            let slot = &mut self.slots[*slot];
            self.bytes -= slot.bytes();
            let before = std::mem::replace(&mut slot.state, state);
            *slot.is_used.get_mut() = true;
            self.bytes += slot.bytes();
            return before;
        }
        let key: Arc<[u8]> = key.into();
        let slot = Slot { view, key: Arc::clone(&key), state, is_used: AtomicBool::new(true) };
        self.bytes += slot.bytes();
        let at = match self.free.pop() {
            Some(at) => {
                self.slots[at] = slot;
                at
            }
            None => {
                self.slots.push(slot);
                self.slots.len() - 1
            }
        };
        self.views[view].insert(key, at);
        None
    }

    /// Lets states go until the cache is as small as it should be. Those with an offset over `stored_offset` stay.
    pub fn shrink(&mut self, stored_offset: u64) {
        // Twice around: the first time a state loses its mark, the second time it goes.
        let mut steps = 2 * self.slots.len();
        while self.bytes > self.bytes_max && steps > 0 {
            steps -= 1;
            self.hand = (self.hand + 1) % self.slots.len();
            let slot = &mut self.slots[self.hand];
            let is_newer = slot.state.as_ref().is_some_and(|state| state.offset > stored_offset);
            if is_newer || std::mem::replace(slot.is_used.get_mut(), false) {
                continue;
            }
            // A slot that is free is in no map.
            if self.views[slot.view].remove(&slot.key).is_some() {
                self.bytes -= slot.bytes();
                slot.state = None;
                slot.key = Arc::from(&b""[..]);
                self.free.push(self.hand);
            }
        }
    }

    /// How many states and absences it knows.
    pub fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// What it holds, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{AvailableAt, EventTime};

    fn state(bytes: usize, offset: u64) -> Option<Arc<EntityState>> {
        let (newest_event, newest_available_at) = (EventTime::from_micros(0), AvailableAt::from_micros(0));
        Some(Arc::new(EntityState { bytes: vec![7; bytes], newest_event, newest_available_at, offset }))
    }

    fn offset(cache: &StateCache, view: usize, key: &[u8]) -> Option<u64> {
        cache.get(view, key).map(|state| state.map_or(0, |state| state.offset))
    }

    #[test]
    fn states_and_absences_are_known_by_view_and_entity() {
        let mut cache = StateCache::new(2, 1 << 20);
        cache.put(0, b"a", state(10, 1));
        cache.put(1, b"a", None);
        assert_eq!(
            (offset(&cache, 0, b"a"), offset(&cache, 1, b"a"), offset(&cache, 0, b"b")),
            (Some(1), Some(0), None)
        );
        let before = cache.put(0, b"a", state(20, 2)).expect("the earlier state comes back");
        assert_eq!((before.offset, offset(&cache, 0, b"a"), cache.len()), (1, Some(2), 2));
    }

    #[test]
    fn what_was_not_asked_for_goes_first_and_what_is_not_stored_stays() {
        let mut cache = StateCache::new(1, 10 * (ENTRY_BYTES + 1 + 100));
        for key in 0..10_u8 {
            cache.put(0, &[key], state(100, u64::from(key)));
        }
        cache.shrink(u64::MAX);
        assert_eq!(cache.len(), 10);
        // All marks are taken with the first round; then only the third is asked for.
        cache.put(0, &[10], state(100, 10));
        cache.shrink(u64::MAX);
        assert_eq!(cache.len(), 10);
        let asked: Vec<u8> = (0..11).filter(|key| cache.views[0].contains_key(&[*key][..])).take(3).collect();
        assert!(offset(&cache, 0, &asked[2..]).is_some());
        for key in 20..28_u8 {
            cache.put(0, &[key], state(100, 100));
            cache.shrink(50);
        }
        assert!(offset(&cache, 0, &asked[2..]).is_some(), "what is asked for stays");
        assert!((20..28).all(|key| offset(&cache, 0, &[key]) == Some(100)), "what is newer than the store stays");
        assert_eq!((cache.len(), cache.bytes()), (10, 10 * (ENTRY_BYTES + 1 + 100)));
        // Far over the limit, where nothing may go, and back below it once the store holds them.
        for key in 30..60_u8 {
            cache.put(0, &[key], state(100, 100));
        }
        cache.shrink(50);
        assert!((30..60).all(|key| offset(&cache, 0, &[key]) == Some(100)) && cache.bytes() > cache.bytes_max);
        cache.shrink(100);
        assert!(cache.bytes() <= cache.bytes_max && cache.len() == 10);
    }
}
