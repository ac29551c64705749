//! The requests that a server has planned, by what they select.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::{PreparedRequest, Server, ServerError};
use crate::feature_store::FeatureSelection;

/// Plans that are kept.
#[derive(Default)]
pub(super) struct Plans(RwLock<HashMap<String, Arc<PreparedRequest>>>);

impl Plans {
    fn get(&self, named: &Named<'_>) -> Option<Arc<PreparedRequest>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&named.key()).map(Arc::clone)
    }

    /// Keeps one more; beyond `kept_max` the others are forgotten.
    fn keep(&self, named: &Named<'_>, prepared: &Arc<PreparedRequest>, kept_max: usize) {
        let mut plans = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if plans.len() >= kept_max {
            plans.clear();
        }
        plans.insert(named.key(), Arc::clone(prepared));
    }
}

/// A selection by names, as a request brings it.
pub(crate) enum Named<'a> {
    /// All features of a service.
    Service(&'a str),
    /// Features by their references.
    Features(Vec<&'a str>),
}

impl Named<'_> {
    /// A text that no other selection has.
    fn key(&self) -> String {
        match self {
            Self::Service(name) => format!("service {name}"),
            Self::Features(names) => {
                names.iter().fold("features".to_owned(), |key, name| key + " " + &name.len().to_string() + ":" + name)
            }
        }
    }

    fn selection(&self) -> Result<FeatureSelection, ServerError> {
        Ok(match self {
            Self::Service(name) => FeatureSelection::Service((*name).to_owned()),
            Self::Features(names) => {
                FeatureSelection::References(names.iter().map(|name| name.parse()).collect::<Result<_, _>>()?)
            }
        })
    }
}

impl Server {
    /// Plans a request: loads its components and checks that every name exists. Done once for a selection, and kept.
    pub fn prepare(&self, selection: &FeatureSelection) -> Result<Arc<PreparedRequest>, ServerError> {
        match selection {
            FeatureSelection::Service(name) => self.prepare_named(&Named::Service(name)),
            FeatureSelection::References(references) => {
                let names: Vec<String> = references.iter().map(ToString::to_string).collect();
                self.prepare_named(&Named::Features(names.iter().map(String::as_str).collect()))
            }
        }
    }

    /// The plan of a selection, where it was made before.
    pub(crate) fn prepared(&self, named: &Named<'_>) -> Option<Arc<PreparedRequest>> {
        self.plans.get(named)
    }

    /// As [`Server::prepare`], by names.
    pub(crate) fn prepare_named(&self, named: &Named<'_>) -> Result<Arc<PreparedRequest>, ServerError> {
        if let Some(prepared) = self.prepared(named) {
            return Ok(prepared);
        }
        let plan = self.store.plan(&named.selection()?)?;
        for view in &plan.views {
            self.store.keep_component(&view.view, view.program.digest())?;
        }
        let state_views =
            plan.views.iter().map(|view| self.views.iter().position(|served| served.program.id() == view.program.id()));
        let state_views = state_views.collect();
        let prepared = PreparedRequest::new(plan, self.history, &self.identity).for_server(self.number, state_views);
        let prepared = Arc::new(prepared);
        self.plans.keep(named, &prepared, self.options.prepared_max);
        Ok(prepared)
    }
}
