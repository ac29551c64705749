//! A training set as one side of a comparison: its manifest, and the profile that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::report::Side;
use super::wrong;
use crate::Error;
use crate::digest::sha256_hex;
use crate::profile::ProfileSet;

/// What of a manifest is needed here.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    service: Option<String>,
    #[serde(default)]
    views: Vec<NamedView>,
    #[serde(default)]
    profile: Option<NamedProfile>,
}

#[derive(Deserialize)]
struct NamedView {
    view: String,
    #[serde(default)]
    identity: String,
}

#[derive(Deserialize)]
struct NamedProfile {
    file: PathBuf,
    sha256: String,
}

/// The training set of a manifest.
pub(super) fn training_set(manifest: &Path) -> Result<Side, Error> {
    let shown = manifest.display();
    let bytes = std::fs::read(manifest).map_err(|error| {
        wrong(format!("{shown} cannot be read: name the .manifest.json file of a training set: {error}"))
    })?;
    let named: Named = serde_json::from_slice(&bytes)
        .map_err(|error| wrong(format!("{shown} is not the manifest of a training set: {error}")))?;
    let Some(profile) = named.profile else {
        return Err(wrong(format!(
            "the training set of {shown} has no profile: run `onepath backfill` again, without --no-profile"
        )));
    };
    // Beside the manifest, wherever both were moved.
    let path = manifest.with_file_name(profile.file.file_name().unwrap_or_default());
    let bytes = std::fs::read(&path).map_err(|error| {
        wrong(format!("{}, the profile of the training set of {shown}, cannot be read: {error}", path.display()))
    })?;
    if sha256_hex(&bytes) != profile.sha256 {
        return Err(wrong(format!(
            "{} is not the profile that {shown} names: its SHA-256 differs; put the right one back, or run `onepath backfill` again",
            path.display()
        )));
    }
    let profile = ProfileSet::from_json(&bytes).map_err(|error| wrong(format!("{}: {error}", path.display())))?;
    let identities = named.views.into_iter().map(|view| (view.view, BTreeMap::from([(view.identity, profile.rows)])));
    Ok(Side {
        what: format!("the training set of {shown}"),
        service: named.service,
        identities: identities.collect(),
        profile,
        statuses: Vec::new(),
        expired: 0,
        unread: 0,
        reasons: Vec::new(),
        as_ofs: None,
    })
}
