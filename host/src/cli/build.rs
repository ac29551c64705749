//! `onepath build`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::{Context, Format, output};
use crate::build::{SdkCache, TransformPath, build_component_with};
use crate::feature_store::{Locking, OpenOptions, WhereStale};

/// Compile the project's transforms to components.
///
/// Each view's `transform` that is a cargo package is compiled for wasm32-wasip2, with settings that repeat byte for byte;
/// a missing target is installed. A `.wasm` file is taken as it is. Every component is then loaded and described, and tried
/// on the laws of `onepath check`, unless it was tried before. Their digests and the identities of the views are written to
/// onepath.lock, the components to the component store if the project names one, and fields of sources and requests that are not declared yet to onepath.toml; with --locked neither is
/// written, and all must be as it is pinned. Views and services that do not fit are reported.
///
/// The compiled SDK is kept for all projects in the folder that the variable ONEPATH_CACHE names, by default
/// `~/.cache/onepath`; ONEPATH_CACHE="" keeps nothing.
#[derive(Args)]
#[command(after_help = "Examples:\n  onepath build\n  onepath build --project examples/churn --format json")]
pub(super) struct Build {}

pub(super) fn run(context: &Context, _: &Build) -> anyhow::Result<ExitCode> {
    // What it builds is what it pins.
    let mut store = context.open(OpenOptions { stale: WhereStale::Use, ..OpenOptions::default() })?;
    if let Some(components) = store.component_store() {
        components.check_writable()?;
    }
    let views = store.project().views.clone();
    let cache = sdk_cache();
    let mut built = Vec::new();
    for view in &views {
        let transform = TransformPath::new(&view.transform);
        if let TransformPath::Package(package) = &transform
            && !built.contains(package)
        {
            let output = store.component_path(view);
            build_component_with(package, &output, cache.as_ref(), &mut |note| eprintln!("{note}"))?;
            built.push(package.clone());
        }
    }
    // Loads every component, and refuses what differs under --locked.
    store.lock_file()?;
    store.plan_project()?;
    store.store_components()?;
    if context.locking == Locking::Free {
        let written = store.write_schemas()?;
        if !written.is_empty() {
            let told = format!("onepath.toml: declared {}", written.told());
            // Standard output holds the table, or one JSON document.
            eprintln!("{told}");
        }
        // Declared fields are part of what is pinned.
        let lock = store.lock_file()?;
        store.write_lock_file(&lock)?;
    }
    let mut rows = Vec::new();
    for view in &views {
        let program = store.program(view)?;
        rows.push((program, store.component_file(view)?.path));
    }
    match context.format {
        Format::Json => {
            let views = rows.iter().map(|(program, path)| {
                serde_json::json!({
                    "view": program.id(),
                    "component": program.digest(),
                    "path": path,
                    "description": program.description(),
                })
            });
            output::json(&views.collect::<Vec<_>>())?;
        }
        Format::Text => {
            let rows = rows.iter().map(|(program, path)| {
                let features = program.description().output_features.iter().map(|field| field.name.as_str());
                vec![
                    program.id().to_owned(),
                    program.digest()[..12].to_owned(),
                    features.collect::<Vec<_>>().join("\n"),
                    path.display().to_string(),
                ]
            });
            output::table(&["view", "component", "features", "file"], rows.collect());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Where compiled SDKs are kept: the folder that `ONEPATH_CACHE` names, or one among the user's other caches. Set to nothing, or
/// without a home, none are.
fn sdk_cache() -> Option<SdkCache> {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let of_user = || {
        let caches = named("XDG_CACHE_HOME").filter(|caches| caches.is_absolute());
        Some(caches.or_else(|| Some(std::env::home_dir()?.join(".cache")))?.join("onepath"))
    };
    let folder = match named("ONEPATH_CACHE") {
        Some(folder) if folder.as_os_str().is_empty() => None,
        // Its build runs in the transform's folder.
        Some(folder) => std::path::absolute(folder).ok(),
        None => of_user().filter(|folder| folder.is_absolute()),
    };
    folder.map(SdkCache::new)
}
