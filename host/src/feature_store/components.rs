//! Where components lie: where they were built or given, among those that served, or in the project's component store.

use std::path::PathBuf;
use std::sync::Arc;

use super::{FeatureStore, StandardChoice, transform_path};
use crate::Error;
use crate::build::{BuiltFrom, ComponentStore, ComponentStoreError, Stale, TransformPath};
use crate::declare::Standard;
use crate::digest::sha256_hex;
use crate::project::{LockFile, View};
use crate::wasm::Component;

/// Where a component was found.
#[derive(Clone, Debug)]
pub(crate) struct ComponentFile {
    pub(crate) path: PathBuf,
    /// The digest that names it, where it lies in the component store.
    digest: Option<String>,
}

impl FeatureStore {
    /// The project's component store, if it names one.
    pub fn component_store(&self) -> Option<ComponentStore> {
        self.project().component_store.clone().map(ComponentStore::new)
    }

    /// The file that a view's component is read from: where it was built or given, or else that of the component store which
    /// the lock file pins.
    pub(crate) fn component_file(&self, view: &View) -> Result<ComponentFile, Error> {
        let path = self.component_path(view);
        if path.exists() {
            return Ok(ComponentFile { path, digest: None });
        }
        let transform = transform_path(view);
        // It takes a moment and needs nothing. What was kept of a project is there, or is lost.
        if matches!(transform, TransformPath::Declared(_)) && self.kept_components.is_none() {
            self.build_declared(view, StandardChoice::Pinned)?;
            return Ok(ComponentFile { path, digest: None });
        }
        if let (Some(store), Some(digest)) = (self.component_store(), self.wanted(view)?)
            && store.get(&digest)?.is_some()
        {
            return Ok(ComponentFile { path: store.path(&digest), digest: Some(digest) });
        }
        let elsewhere = self.looked_in(view)?;
        Err(match transform {
            TransformPath::Declared(view) => Error::NoComponent { view, path, elsewhere },
            TransformPath::Package(package) => Error::NotBuilt { view: view.label(), package, elsewhere },
            TransformPath::File(path) => Error::NoComponent { view: view.label(), path, elsewhere },
        })
    }

    /// The component of a file that was found.
    pub(super) fn component_in(&self, file: &ComponentFile) -> Result<Arc<Component>, Error> {
        let component = self.component(&file.path)?;
        match &file.digest {
            // It may have changed after it was looked at.
            Some(digest) if component.digest() != digest => {
                let (path, digest) = (file.path.clone(), digest.clone());
                Err(ComponentStoreError::Damaged { path, digest }.into())
            }
            _ => Ok(component),
        }
    }

    /// The digest by which a view's component is looked for: that of the project as it once was, or the one that is pinned.
    fn wanted(&self, view: &View) -> Result<Option<String>, Error> {
        if let Some(kept) = &self.kept_components {
            let name = kept.get(&view.label()).and_then(|path| path.file_stem());
            return Ok(name.map(|name| name.to_string_lossy().into_owned()));
        }
        let lock = LockFile::load(self.project())?;
        Ok(lock.and_then(|mut lock| lock.components.remove(&view.label())))
    }

    /// What an error about a view without a component says of the component store.
    fn looked_in(&self, view: &View) -> Result<String, Error> {
        let Some(store) = self.component_store() else { return Ok(String::new()) };
        let store = store.dir().display();
        Ok(match self.wanted(view)? {
            Some(digest) => format!("; the component store {store} does not have {digest} either, which is pinned"),
            None => {
                let lock = LockFile::path(self.project());
                format!(
                    "; the component store {store} was not looked in, for {} pins no component of it",
                    lock.display()
                )
            }
        })
    }

    /// The file of a component that served: where it was kept, or that of the component store. The file where it was kept if neither
    /// has it.
    pub(super) fn served_file(&self, digest: &str) -> Result<ComponentFile, Error> {
        let kept = self.kept_component(digest);
        let is_kept = std::fs::read(&kept).is_ok_and(|bytes| sha256_hex(bytes) == digest);
        match self.component_store() {
            Some(store) if !is_kept && store.get(digest)?.is_some() => {
                Ok(ComponentFile { path: store.path(digest), digest: Some(digest.to_owned()) })
            }
            _ => Ok(ComponentFile { path: kept, digest: None }),
        }
    }

    /// What an error about a component that served says of the component store.
    pub(super) fn not_in_store(&self) -> String {
        let store = self.component_store();
        store.map_or_else(String::new, |store| format!("; nor is it in the component store {}", store.dir().display()))
    }

    /// Puts the component of every view into the component store, if there is one, with what it was built from.
    pub(crate) fn store_components(&self) -> Result<(), Error> {
        let Some(store) = self.component_store() else { return Ok(()) };
        for view in &self.project().views {
            let program = self.program(view)?;
            let file = self.component_file(view)?;
            // What comes from the store is there.
            if file.digest.is_some() {
                continue;
            }
            let write = |source| Error::Write { path: file.path.clone(), source };
            let bytes = std::fs::read(&file.path).map_err(write)?;
            if store.put(&bytes)? != program.digest() {
                return Err(write(std::io::Error::other(
                    "the component was replaced while it was loaded: run the command again",
                )));
            }
            // The standard component is there for whoever declares another view of it.
            if let Some(standard) = Standard::of(&bytes) {
                store.put(standard.component())?;
            }
            if let (TransformPath::Package(_), Some(built)) = (transform_path(view), BuiltFrom::load(&file.path))
                && built.component() == program.digest()
            {
                store.put_built_from(&built)?;
            }
        }
        Ok(())
    }

    /// How the component of a package is not that of its sources any more, where that is known: by what was recorded when it was built
    /// here, or else by any of the records of the component store.
    pub(super) fn stale_package(&self, view: &View, package: &std::path::Path, component: &str) -> Option<Stale> {
        let path = self.component_path(view);
        if path.exists() {
            return BuiltFrom::load(&path)?.stale(package, component);
        }
        let records = self.component_store()?.built_from(component);
        let stale: Option<Vec<Stale>> = records.iter().map(|built| built.stale(package, component)).collect();
        stale?.into_iter().next()
    }
}
