//! What a server's project has: the catalog, with the newest events that it has applied.

use super::{Server, ServerError};
use crate::feature_store::{Catalog, Described, NewestEvents};

impl Server {
    /// What the project has that is served.
    pub fn catalog(&self) -> Catalog {
        let newest = {
            let published = self.shared.read();
            let labels = self.views.iter().map(|view| view.program.id().to_owned());
            labels.zip(published.newest_events.iter().copied()).collect::<Vec<_>>()
        };
        self.store.catalog_with(&NewestEvents::new(newest, self.store.options().clock.now()))
    }

    /// One thing of it, described: `view`, `feature`, `service`, `source`, `entity` or `training-set`, and its name.
    pub fn describe(&self, kind: &str, name: &str) -> Result<Described, ServerError> {
        Ok(self.store.measured(self.catalog().describe_as(kind, name)?)?)
    }
}
