//! `onepath build`

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use super::explain::state_words;
use super::{Context, Format, output};
use crate::build::{SdkCache, TransformPath, build_component_with};
use crate::feature_store::{Locking, OpenOptions, StandardChoice, WhereStale, transform_path};

/// Compile the project's transforms to components.
///
/// Each view's `transform` that is a cargo package is compiled for wasm32-wasip2, with settings that repeat byte for byte;
/// a missing target is installed. A view that declares its features needs no compiler: its component is made here. A `.wasm` file is
/// taken as it is. Every component is then loaded and described, and tried
/// on the laws of `onepath check`, unless it was tried before. Their digests and the identities of the views are written to
/// onepath.lock, the components to the component store if the project names one, and fields of sources and requests that are not declared yet to onepath.toml; with --locked neither is
/// written, and all must be as it is pinned. Views and services that do not fit are reported.
///
/// The compiled SDK is kept for all projects in the folder that the variable ONEPATH_CACHE names, by default
/// `~/.cache/onepath`; ONEPATH_CACHE="" keeps nothing.
#[derive(Args)]
#[command(after_help = "Examples:\n  onepath build\n  onepath build --project examples/churn --format json")]
pub(super) struct Build {
    /// Make declared views of this onepath's own standard component, whichever the lock file pins.
    #[arg(long)]
    upgrade: bool,
}

pub(super) fn run(context: &Context, command: &Build) -> anyhow::Result<ExitCode> {
    // What it builds is what it pins.
    let options = || OpenOptions { stale: WhereStale::Use, ..OpenOptions::default() };
    let standard = if command.upgrade { StandardChoice::Own } else { StandardChoice::Pinned };
    let mut store = context.open(options())?;
    if let Some(components) = store.component_store() {
        components.check_writable()?;
    }
    let views = store.project().views.clone();
    let cache = sdk_cache();
    let mut built = Vec::new();
    for view in &views {
        let transform = transform_path(view);
        if let TransformPath::Package(package) = &transform
            && !built.contains(package)
        {
            let output = store.component_path(view);
            build_component_with(package, &output, cache.as_ref(), &mut |note| eprintln!("{note}"))?;
            built.push(package.clone());
        }
    }
    // After the packages: what their components read is part of what is known of fields.
    for view in &views {
        store.build_declared(view, standard)?;
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
            // Declared views are lowered with the fields that are declared now.
            store = context.open(options())?;
            for view in &views {
                store.build_declared(view, standard)?;
            }
        }
        // Declared fields are part of what is pinned.
        let lock = store.lock_file()?;
        store.write_lock_file(&lock)?;
    }
    let mut rows = Vec::new();
    for view in &views {
        let program = store.program(view)?;
        let explained = match transform_path(view) {
            TransformPath::Declared(_) => Some(store.explain(view)?),
            TransformPath::File(_) | TransformPath::Package(_) => None,
        };
        rows.push((program, store.component_file(view)?.path, explained));
    }
    match context.format {
        Format::Json => {
            let views = rows.iter().map(|(program, path, explained)| {
                serde_json::json!({
                    "view": program.id(),
                    "component": program.digest(),
                    "path": path,
                    "description": program.description(),
                    "state_growth": explained.as_ref().and_then(|explained| explained.growth),
                    "events_max": explained.as_ref().and_then(|explained| explained.events_max),
                })
            });
            output::json(&views.collect::<Vec<_>>())?;
        }
        Format::Text => {
            let told = rows.iter().filter_map(|(program, _, explained)| {
                let state = state_words(explained.as_ref()?)?;
                let features = output::count(program.description().output_features.len() as u64, "feature", "features");
                Some(format!("{}: declared, {features}; {state}", program.id()))
            });
            let told: Vec<String> = told.collect();
            let rows = rows.iter().map(|(program, path, _)| {
                let features = program.description().output_features.iter().map(|field| field.name.as_str());
                vec![
                    program.id().to_owned(),
                    program.digest()[..12].to_owned(),
                    features.collect::<Vec<_>>().join("\n"),
                    path.display().to_string(),
                ]
            });
            output::table(&["view", "component", "features", "file"], rows.collect());
            told.iter().for_each(|line| output::line(line));
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
