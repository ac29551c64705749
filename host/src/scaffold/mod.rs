//! New projects: what `onepath new` writes.
//!
//! A project holds all that its components are made of: the transform, the SDK as a copy, the lock file and the compiler's
//! version. So it builds wherever there is Rust, and to the same bytes wherever it is cloned.
//!
//! | file | holds |
//! |---|---|
//! | `template.rs` | the kinds of project that there are, and the files of each |
//! | `package.rs` | a transform in a project that has none yet, or has others |
//! | `sdk.rs` | the copy of the SDK |
//! | `write.rs` | the files, written whole or not at all |
//!
//! The texts themselves lie in `host/templates`. This room knows nothing of what they mean: it neither reads a project nor builds
//! one.

mod package;
mod sdk;
mod template;
mod write;

pub(crate) use package::{package_files, workspace_files};
pub use template::{File, Template};
pub use write::{ScaffoldError, check_empty, write_files, write_project};
