//! What is kept of events: one store for each filter, value and way of keeping, as long as the longest that needs it.

use std::collections::HashMap;

use onepath_definition::{Answer, Keep, NodeIndex, Read, Span, Store};

use super::sql::Typed;

/// The stores and reads of a view that is being lowered.
#[derive(Default)]
pub(super) struct StoreSet {
    stores: Vec<Store>,
    /// Per store, whether the value that it keeps may be null.
    nullable: Vec<bool>,
    known: HashMap<Store, u32>,
    reads: Vec<Read>,
}

impl StoreSet {
    /// The store of this filter and value that keeps as `keep` says, or longer where only its length differs.
    pub fn store(&mut self, filter: Option<NodeIndex>, value: Option<Typed>, keep: Keep) -> u32 {
        let key = Store { filter, value: value.map(|value| value.node), keep: without_length(&keep) };
        let at = *self.known.entry(key).or_insert_with(|| {
            self.stores.push(Store { filter, value: value.map(|value| value.node), keep: keep.clone() });
            self.nullable.push(value.is_none_or(|value| value.nullable));
            self.stores.len() as u32 - 1
        });
        lengthen(&mut self.stores[at as usize].keep, &keep);
        at
    }

    /// The store at a place.
    pub fn get(&self, at: u32) -> &Store {
        &self.stores[at as usize]
    }

    /// A read; equal ones are one.
    pub fn read(&mut self, store: u32, span: Span, answer: Answer) -> u32 {
        let read = Read { store, span, answer };
        let at = self.reads.iter().position(|other| *other == read).unwrap_or_else(|| {
            self.reads.push(read);
            self.reads.len() - 1
        });
        at as u32
    }

    /// The stores and the reads. A store that only counts events is left out where another keeps a value of each of the same.
    pub fn finish(mut self) -> (Vec<Store>, Vec<Read>) {
        let twin = |at: usize| {
            let store = &self.stores[at];
            if store.value.is_some() || !matches!(store.keep, Keep::Events { .. }) {
                return None;
            }
            self.stores.iter().enumerate().position(|(other, found)| {
                let keeps_all = found.value.is_some() && !self.nullable[other];
                keeps_all && found.filter == store.filter && matches!(found.keep, Keep::Events { .. })
            })
        };
        let twins: Vec<Option<usize>> = (0..self.stores.len()).map(twin).collect();
        for (at, twin) in twins.iter().enumerate() {
            if let Some(twin) = *twin {
                let keep = self.stores[at].keep.clone();
                lengthen(&mut self.stores[twin].keep, &keep);
            }
        }
        let places: Vec<u32> = twins
            .iter()
            .scan(0, |next, twin| {
                let place = *next;
                *next += u32::from(twin.is_none());
                Some(place)
            })
            .collect();
        for read in &mut self.reads {
            let at = read.store as usize;
            read.store = places[twins[at].unwrap_or(at)];
        }
        let mut is_kept = twins.iter().map(Option::is_none);
        self.stores.retain(|_| is_kept.next().unwrap_or(true));
        (self.stores, self.reads)
    }
}

/// A way of keeping by itself, whatever its length: what longer and shorter ones share.
fn without_length(keep: &Keep) -> Keep {
    match keep {
        Keep::Events { .. } => Keep::Events { length: 0 },
        Keep::Values { .. } => Keep::Values { length: 0 },
        Keep::Keys { .. } => Keep::Keys { length: 0 },
        Keep::Hops { aggregate, hop, .. } => Keep::Hops { aggregate: *aggregate, length: 0, hop: *hop },
        // How long these keep decides what is read of them.
        Keep::Latest { .. }
        | Keep::Earliest { .. }
        | Keep::Lifetime(_)
        | Keep::Tumbling { .. }
        | Keep::Sessions { .. }
        | Keep::Row { .. } => keep.clone(),
    }
}

/// Makes `kept` as long as `needed`.
fn lengthen(kept: &mut Keep, needed: &Keep) {
    match (kept, needed) {
        (Keep::Events { length }, Keep::Events { length: needed })
        | (Keep::Values { length }, Keep::Values { length: needed })
        | (Keep::Keys { length }, Keep::Keys { length: needed })
        | (Keep::Hops { length, .. }, Keep::Hops { length: needed, .. }) => *length = (*length).max(*needed),
        _ => {}
    }
}
