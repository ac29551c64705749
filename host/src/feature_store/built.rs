//! Whether a view's component is still that of its package: after an edit without `onepath build`, or one that did not compile, it is not.

use super::{FeatureStore, Locking, transform_path};
use crate::Error;
use crate::build::{Stale, TransformPath};
use crate::project::{LockFile, View};

/// What becomes of a component whose package has changed since it was built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhereStale {
    /// It is refused.
    Refuse,
    /// It is used, with a warning.
    #[default]
    Warn,
    /// It is used without a word: whoever opens the project tells it in another way.
    Use,
}

impl FeatureStore {
    /// Refuses or tells a component that is not that of its package any more, as [`super::OpenOptions::stale`] says.
    pub(super) fn check_built(&self, view: &View, component: &str) -> Result<(), Error> {
        // What was kept of a project is not held to what its packages are now.
        if self.kept_components.is_some() || self.options().stale == WhereStale::Use {
            return Ok(());
        }
        if let Some(stale) = self.stale(view, component)? {
            let error = Error::Stale { view: view.label(), changed: stale.changed };
            match self.options().stale {
                WhereStale::Refuse => return Err(error),
                _ => (self.options().warning)(&error.to_string()),
            }
        } else if let Some(pinned) = self.pinned_otherwise(view, component) {
            (self.options().warning)(&format!(
                "view {} runs component {component}, and {} pins {pinned}: run `onepath build` to pin this one",
                view.label(),
                LockFile::path(self.project()).display()
            ));
        }
        Ok(())
    }

    /// How a view's component is not that of its package any more, where that is known.
    pub(super) fn stale(&self, view: &View, component: &str) -> Result<Option<Stale>, Error> {
        match transform_path(view) {
            TransformPath::File(_) => Ok(None),
            TransformPath::Package(package) => Ok(self.stale_package(view, &package, component)),
            TransformPath::Declared(_) => self.stale_declaration(view),
        }
    }

    /// What a server that runs what was built says of packages that have changed since; `None` where none has.
    pub(crate) fn stale_notice(&self) -> Result<Option<String>, Error> {
        let mut changed = Vec::new();
        for view in &self.project().views {
            if let Some(stale) = self.stale(view, self.program(view)?.digest())? {
                changed.push(format!("view {}: {}", view.label(), stale.changed));
            }
        }
        let told = "transforms are served as they were built, and their packages have changed since";
        let cure = "run `onepath build`, then `onepath materialize`, to serve them as they are now";
        Ok((!changed.is_empty()).then(|| format!("{told} ({}): {cure}", changed.join("; "))))
    }

    /// The component that the lock file pins of a view, where it is another one.
    fn pinned_otherwise(&self, view: &View, component: &str) -> Option<String> {
        if self.options().locking == Locking::Enforced {
            return None;
        }
        // One that cannot be read pins nothing.
        let lock = LockFile::load(self.project()).ok().flatten();
        lock.and_then(|lock| lock.components.get(&view.label()).cloned()).filter(|pinned| pinned != component)
    }
}
