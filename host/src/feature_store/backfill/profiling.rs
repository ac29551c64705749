//! The profile of a training set, made while its rows pass.

use std::path::{Path, PathBuf};

use super::Run;
use crate::batch::Column;
use crate::digest::sha256_hex;
use crate::feature_store::manifest::ProfileRecord;
use crate::feature_store::summary::ViewSeen;
use crate::feature_store::{FeaturePlan, FeatureStore, Spine};
use crate::files;
use crate::profile::{FeatureProfiler, PROFILE_FORMAT, ProfileSet, ProfiledRows, row_hashes};
use crate::{Error, threads};

/// So many rows at once are shared among threads; for fewer it does not pay to start them.
const SHARED_ROWS: usize = 1 << 15;

/// Profiles in the making; none where they are not wanted.
pub(super) struct Profiling {
    /// One per feature of the plan.
    profilers: Option<Vec<FeatureProfiler>>,
    rows: u64,
    threads: usize,
}

impl Profiling {
    pub(super) fn new(store: &FeatureStore, run: &Run<'_>) -> Self {
        let profilers = || {
            let types = run.plan.types();
            let profiler = |(feature, value_type)| {
                let reference = run.plan.resolved(feature).to_string();
                let view = &run.plan.views[feature.view].view;
                let info = view.features.get(&feature.reference.feature);
                FeatureProfiler::new(reference, value_type, info.is_some_and(|info| info.profile_values))
            };
            run.plan.features.iter().zip(types).map(profiler).collect()
        };
        Self { profilers: store.options().profiles.then(profilers), rows: 0, threads: store.options().threads }
    }

    /// Adds rows of the spine, which follow those before, and their features.
    pub(super) fn add(&mut self, spine: &Spine, columns: &[&Column]) {
        let Some(profilers) = &mut self.profilers else { return };
        let as_of: Vec<i64> = spine.as_of.iter().map(|as_of| as_of.micros()).collect();
        let hashes = row_hashes(spine.keys.iter().map(|(_, column)| column), &as_of);
        let rows = ProfiledRows { first: self.rows, hashes: &hashes, as_of: &as_of };
        self.rows += as_of.len() as u64;
        if as_of.len() < SHARED_ROWS {
            profilers.iter_mut().zip(columns).for_each(|(profiler, column)| profiler.add(column, rows));
            return;
        }
        let work: Vec<_> = std::mem::take(profilers).into_iter().zip(columns).collect();
        let profiled = threads::map_each(self.threads, work, |(mut profiler, column)| {
            profiler.add(column, rows);
            Ok::<_, std::convert::Infallible>(profiler)
        });
        *profilers = profiled.unwrap_or_else(|never| match never {});
    }

    /// The profile of all rows, of which `seen` tells what each view saw.
    pub(super) fn finish(self, plan: &FeaturePlan, seen: &[ViewSeen]) -> Option<ProfileSet> {
        let mut profilers = self.profilers?;
        for (profiler, feature) in profilers.iter_mut().zip(&plan.features) {
            let (view, seen) = (&plan.views[feature.view], &seen[feature.view]);
            let name = &feature.reference.feature;
            // The statuses of a feature with a default or a time to live of its own are not those of its view.
            let has_own = view.program.defaults().any(|(own, _)| own == name)
                || view.program.own_ttls().any(|(own, _)| own == name);
            if view.program.has_sources() && !has_own {
                profiler.add_view(seen.not_found, seen.outside_max_age);
            }
        }
        let features = profilers.into_iter().map(FeatureProfiler::finish).collect();
        Some(ProfileSet { format: PROFILE_FORMAT, rows: self.rows, features })
    }
}

/// Writes a profile beside the training set `out`, in place of that of an earlier one.
pub(super) fn write(out: &Path, profile: Option<&ProfileSet>) -> Result<Option<(PathBuf, ProfileRecord)>, Error> {
    let path = profile_path(out);
    let Some(profile) = profile else { return Ok(None) };
    let text = profile.to_json();
    files::write_text(&path, &text)?;
    let file = path.file_name().map(PathBuf::from).unwrap_or_default();
    let sha256 = sha256_hex(format!("{text}\n"));
    Ok(Some((path, ProfileRecord { file, sha256 })))
}

pub(super) fn profile_path(out: &Path) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(".profile.json");
    PathBuf::from(name)
}
