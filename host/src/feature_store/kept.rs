//! The project as it was materialized: kept beside the states, so that what they are states of can be served as a whole after the
//! project has changed, until it is materialized anew.
//!
//! Kept are the text of the project file and the digest of every view's component, whose bytes lie among those that served. The
//! file is named by the history that the states name, and is used only where what it plans has their identities.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{FeatureStore, Locking, OpenOptions, PlannedView};
use crate::Error;
use crate::digest::sha256_hex;
use crate::error::chain;
use crate::files;
use crate::project::{LockFile, PROJECT_FILE, Project};
use crate::store::StoreReader;

/// What is kept of a project.
#[derive(Serialize, Deserialize)]
struct KeptProject {
    /// The text of its project file.
    project: String,
    /// Per view, the digest of its component.
    components: BTreeMap<String, String>,
    /// Whether the lock file pinned all of it.
    is_pinned: bool,
}

/// A project whose views are other ones than those that were materialized.
pub(crate) struct Behind {
    /// The project as it was.
    pub(crate) store: FeatureStore,
    /// Its views with states, in their order.
    pub(crate) views: Vec<PlannedView>,
    /// What has changed since, and what to do.
    pub(crate) notice: String,
}

impl FeatureStore {
    /// Keeps the project, whose states will name `history`. It is on disk when this returns.
    pub(super) fn keep_project(&self, history: i64) -> Result<(), Error> {
        let (mut components, lock) = (BTreeMap::new(), self.lock_file()?);
        for view in self.plan_views(|_| true)? {
            self.keep_component(&view.view, view.program.digest())?;
            components.insert(view.program.id().to_owned(), view.program.digest().to_owned());
        }
        let is_pinned = LockFile::load(self.project())?.is_some_and(|pinned| pinned.text() == lock.text());
        let kept = KeptProject { project: self.project().text().to_owned(), components, is_pinned };
        let body = serde_json::to_string(&kept).unwrap_or_default();
        let path = self.kept_project_path(history);
        let dir = files::directory_of(&path);
        let write = |source| Error::Write { path: path.clone(), source };
        std::fs::create_dir_all(dir).map_err(write)?;
        files::remove_stale(dir);
        files::write_text(&path, &format!("{}\n{body}", sha256_hex(body.as_bytes())))?;
        std::fs::File::open(dir).and_then(|dir| dir.sync_all()).map_err(write)
    }

    /// Removes what was kept for other histories. What cannot be removed only takes room.
    pub(super) fn remove_other_projects(&self, history: i64) {
        let kept = self.kept_project_path(history);
        let others = std::fs::read_dir(files::directory_of(&kept)).into_iter().flatten();
        for path in others.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| *path != kept) {
            if path.extension().is_some_and(|extension| extension == "json") {
                let _ = std::fs::remove_file(path);
            }
        }
    }

    /// The project as it was materialized, where the states in `store` are no longer those of `views`, the views of this project that
    /// have states, and what was kept has their identities. `None` where they are, and where nothing was kept that fits: then the
    /// states are refused.
    ///
    /// Where components are locked, what was kept must have been pinned by the lock file of then.
    pub(crate) fn as_materialized(
        &self,
        views: &[PlannedView],
        store: &dyn StoreReader,
    ) -> Result<Option<Behind>, Error> {
        let (mut changed, mut history) = (Vec::new(), None);
        for view in views {
            let (label, mark) = (view.program.id(), store.mark(view.program.id())?);
            let changes = mark.as_ref().map_or_else(Vec::new, |mark| mark.identity.changes(&view.identity));
            match &mark {
                None => changed.push(format!("view {label} has no states")),
                Some(_) if changes.is_empty() => {}
                Some(_) => changed.push(format!("view {label}: {}", changes.join("; "))),
            }
            history = history.or(mark.and_then(|mark| mark.history));
        }
        if changed.is_empty() {
            return Ok(None);
        }
        // Where every view of this project is new, those that have states are known by what was kept alone.
        for history in history.map_or_else(|| self.kept_histories(), |history| vec![history]) {
            match self.kept(history, store) {
                Ok(None) => {}
                Ok(Some((then, views))) => {
                    let notice = format!(
                        "the project is served as it was last materialized, for it has changed since ({}): run `onepath \
                         materialize` to serve it as it is now",
                        changed.join("; ")
                    );
                    return Ok(Some(Behind { store: then, views, notice }));
                }
                Err(error) => (self.options().warning)(&format!(
                    "the project as it was materialized cannot be used, {}: {}",
                    self.kept_project_path(history).display(),
                    chain(&error)
                )),
            }
        }
        Ok(None)
    }

    /// What was kept for a history, if the states are of it.
    fn kept(&self, history: i64, store: &dyn StoreReader) -> Result<Option<(Self, Vec<PlannedView>)>, Error> {
        let path = self.kept_project_path(history);
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
        let kept: Option<KeptProject> = text.trim_end().split_once('\n').and_then(|(digest, body)| {
            serde_json::from_str(body).ok().filter(|_| sha256_hex(body.as_bytes()) == digest)
        });
        let Some(kept) = kept else {
            let message = format!("{} is not as it was written: run `onepath materialize`", path.display());
            return Err(Error::Request { message });
        };
        if self.options().locking == Locking::Enforced && !kept.is_pinned {
            return Ok(None);
        }
        let (then, views) = self.opened(kept)?;
        for view in &views {
            let mark = store.mark(view.program.id())?;
            if mark.is_none_or(|mark| mark.history != Some(history) || mark.identity != view.identity) {
                return Ok(None);
            }
        }
        Ok(Some((then, views)))
    }

    /// What was kept, with its views that have states.
    fn opened(&self, kept: KeptProject) -> Result<(Self, Vec<PlannedView>), Error> {
        let project = Project::parse(&kept.project, &self.project().root.join(PROJECT_FILE))?;
        // What the lock file pins now is another project.
        let options = OpenOptions { locking: Locking::Free, ..self.options().clone() };
        let file = |(view, digest): (&String, &String)| Ok((view.clone(), self.served_file(digest)?.path));
        let components: BTreeMap<String, PathBuf> = kept.components.iter().map(file).collect::<Result<_, Error>>()?;
        let store = Self { kept_components: Some(components), ..Self::of_project(project, options)? };
        for view in store.plan_views(|_| true)? {
            let (label, digest) = (view.program.id(), view.program.digest());
            if kept.components.get(label).is_none_or(|kept| kept != digest) {
                let (view, path) = (label.to_owned(), store.component_path(&view.view));
                return Err(Error::LostComponent { view, digest: digest.to_owned(), path, elsewhere: String::new() });
            }
        }
        store.plan_project()?;
        let views = store.plan_stateful_views()?;
        Ok((store, views))
    }

    fn kept_projects(&self) -> PathBuf {
        self.project().data_dir().join("materialized")
    }

    fn kept_project_path(&self, history: i64) -> PathBuf {
        self.kept_projects().join(format!("{history}.json"))
    }

    /// The histories for which a project was kept, the newest first.
    fn kept_histories(&self) -> Vec<i64> {
        let names = std::fs::read_dir(self.kept_projects()).into_iter().flatten();
        let history = |name: &str| name.strip_suffix(".json")?.parse().ok();
        let mut all: Vec<i64> = names.filter_map(|entry| history(entry.ok()?.file_name().to_str()?)).collect();
        all.sort_unstable_by(|one, other| other.cmp(one));
        all
    }
}
