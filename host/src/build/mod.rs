//! Compiles transforms: from a cargo package to a component, the same bytes on every machine; and keeps components by their digests.
//!
//! The compiler's settings are fixed here and not in the author's `Cargo.toml`, paths are mapped to constants, and the
//! nested cargo runs in a folder of its own with an environment of its own, so that nothing of the caller's build reaches
//! the component. What is the same in every project, the compiled SDK, is kept for all of them ([`SdkCache`]).
//!
//! Knows nothing of what a project file says, nor of running what it has built.

mod cargo;
mod metadata;
mod package;
mod rustfmt;
mod sdk_cache;
mod sources;
mod store;

pub(crate) use cargo::install_bytes;
pub use cargo::{BuildError, CargoBuild, build_component, build_component_with};
pub use package::{TransformPath, component_path};
pub(crate) use rustfmt::formatted;
pub use sdk_cache::SdkCache;
pub use sources::{BuiltFrom, Stale};
pub use store::{ComponentStore, ComponentStoreError};

/// The compilation target of transforms.
pub const TARGET: &str = "wasm32-wasip2";
