//! Components in quarantine outlast the process that found them: each has a file under its digest.
//!
//! A component with another digest has none, so a transform that was changed and built again is tried anew.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{FeatureStore, OpenOptions};
use crate::Error;
use crate::files::write_text;
use crate::project::Project;
use crate::time::{AsOf, format_time};
use crate::wasm::{Component, Quarantine, Repeats};

/// A component in quarantine, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuarantineRecord {
    /// The digest of the component.
    pub component: String,
    /// The first difference that was found.
    pub difference: String,
    /// When it was found.
    pub found_at: String,
    /// Vectors that were served with it since a repeat of its calls passed last, by the process that found it.
    pub unproved_vectors: u64,
    /// The as-of of the first of them, in microseconds; none where nothing was served.
    pub first_as_of_us: Option<i64>,
    /// That of the last.
    pub last_as_of_us: Option<i64>,
    /// Whether a repeat passed in that process. Where none did, what earlier processes served with it is not proved either.
    pub after_passed: bool,
}

impl QuarantineRecord {
    /// Whether a vector that was served at `as_of` is one of those since a repeat passed last.
    pub(crate) fn has(&self, as_of: AsOf) -> bool {
        match (self.after_passed, self.first_as_of_us) {
            (false, _) => true,
            (true, Some(first)) => !as_of.is_before(AsOf::from_micros(first)),
            (true, None) => false,
        }
    }
}

/// A view whose component is in quarantine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuarantinedView {
    /// The view.
    pub view: String,
    /// The digest of its component.
    pub component: String,
    /// The first difference that was found.
    pub difference: String,
    /// Vectors that this process served with it since a repeat of its calls passed last.
    pub unproved_vectors: u64,
    /// The as-ofs of the first and the last of them.
    pub as_ofs: Option<(AsOf, AsOf)>,
}

impl QuarantinedView {
    /// What is wrong, and what to do.
    pub fn told(&self) -> String {
        let Self { view, component, difference, unproved_vectors, as_ofs } = self;
        let served = match as_ofs {
            Some((first, last)) => format!(
                "{unproved_vectors} vectors were served with it since a repeat passed last, as of {first} to {last}"
            ),
            None => "no vector was served with it since a repeat passed last".to_owned(),
        };
        format!(
            "view {view} is in quarantine and gives errors alone, as its component {component} gave two answers to the same rows: \
             {difference}; {served}; `onepath verify` lists them. Change the transform and run `onepath build`"
        )
    }
}

/// The file of a component in quarantine.
fn record_path(project: &Project, digest: &str) -> PathBuf {
    project.data_dir().join("quarantine").join(format!("{digest}.json"))
}

/// Which calls are repeated, and what becomes of a component that is found to differ: its file is written, and somebody is told.
pub(super) fn repeats(project: &Project, options: &OpenOptions) -> Repeats {
    let folder = record_path(project, "").with_file_name("");
    let (warning, clock) = (Arc::clone(&options.warning), Arc::clone(&options.clock));
    let told = move |Quarantine { digest, difference, unproved }: &Quarantine| {
        let path = folder.join(format!("{digest}.json"));
        let record = QuarantineRecord {
            component: digest.clone(),
            difference: difference.clone(),
            found_at: format_time(clock.now()),
            unproved_vectors: unproved.answers,
            first_as_of_us: unproved.span.map(|(first, _)| first),
            last_as_of_us: unproved.span.map(|(_, last)| last),
            after_passed: unproved.after_passed,
        };
        let kept = match write(&path, &record) {
            Ok(()) => format!(
                "{} keeps it so; where the machine was at fault and not the component, remove that file and start again",
                path.display()
            ),
            Err(error) => {
                format!("that could not be written to {} ({error}) and is forgotten with this process", path.display())
            }
        };
        warning(&format!(
            "component {digest} is in quarantine, and what uses it gives errors alone: it gave two answers to the same rows: \
             {difference}; change the transform and run `onepath build`; {kept}"
        ));
    };
    Repeats { every: options.repeat_every, seed: options.repeat_seed, told: Some(Arc::new(told)) }
}

fn write(path: &Path, record: &QuarantineRecord) -> Result<(), String> {
    let text = serde_json::to_string_pretty(record).map_err(|error| error.to_string())?;
    path.parent().map_or(Ok(()), std::fs::create_dir_all).map_err(|error| error.to_string())?;
    write_text(path, &text).map_err(|error| error.to_string())
}

impl FeatureStore {
    /// Puts a component that was loaded in quarantine, if it was found to differ before.
    pub(super) fn quarantine_again(&self, component: &Component) -> Result<(), Error> {
        if let Some(record) = self.quarantine_of(component.digest())? {
            component.quarantined_before(&record.difference);
        }
        Ok(())
    }

    /// Why the component of a digest is in quarantine; `None` where it is not.
    pub(crate) fn quarantine_of(&self, digest: &str) -> Result<Option<QuarantineRecord>, Error> {
        let path = record_path(self.project(), digest);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        // What cannot be read was written for some reason: the component stays where it is.
        let damaged = || QuarantineRecord {
            component: digest.to_owned(),
            difference: format!("what {} said of it is no longer to be read", path.display()),
            found_at: String::new(),
            unproved_vectors: 0,
            first_as_of_us: None,
            last_as_of_us: None,
            after_passed: false,
        };
        Ok(Some(serde_json::from_str(&text).unwrap_or_else(|_| damaged())))
    }

    /// Puts the components that another process found to differ in quarantine here as well, and gives a line for each view of them.
    pub(crate) fn look_at_quarantine(&self) -> Vec<String> {
        let mut told = Vec::new();
        for view in &self.project().views {
            let Some(program) = self.programs.get(&view.label()).filter(|program| !program.is_quarantined()) else {
                continue;
            };
            // What cannot be looked at now is looked at again.
            if let Ok(Some(record)) = self.quarantine_of(program.digest()) {
                program.quarantined_before(&record.difference);
                told.push(format!(
                    "view {} is in quarantine, as another process found that its component {} gave two answers to the same rows: {}",
                    view.label(),
                    program.digest(),
                    record.difference
                ));
            }
        }
        told
    }

    /// The views whose components are in quarantine, of those that were loaded.
    pub fn quarantined_views(&self) -> Vec<QuarantinedView> {
        let programs = self.project().views.iter().filter_map(|view| self.programs.get(&view.label()));
        let quarantined = programs.filter_map(|program| {
            let watched = program.watched();
            let as_of = AsOf::from_micros;
            Some(QuarantinedView {
                view: program.id().to_owned(),
                component: program.digest().to_owned(),
                difference: watched.quarantined?,
                unproved_vectors: watched.unproved.answers,
                as_ofs: watched.unproved.span.map(|(first, last)| (as_of(first), as_of(last))),
            })
        });
        quarantined.collect()
    }

    /// Calls that were repeated and gave the same, and repeats that ran out of time, of the views that were loaded.
    pub(crate) fn repeated_calls(&self) -> (u64, u64) {
        let programs = self.project().views.iter().filter_map(|view| self.programs.get(&view.label()));
        let watched = programs.map(|program| program.watched());
        watched.fold((0, 0), |(passed, forgiven), watched| (passed + watched.passed, forgiven + watched.forgiven))
    }
}
