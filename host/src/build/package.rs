//! Where the component of a view comes from: a component file, or the cargo package or the declaration that becomes one.

use std::path::{Path, PathBuf};

/// Where the component of a view comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TransformPath {
    /// A component made elsewhere, used as it is.
    File(PathBuf),
    /// A cargo package.
    Package(PathBuf),
    /// What a view declares, by the name and version of the view.
    Declared(String),
}

impl TransformPath {
    /// A path that ends in `.wasm` is a component; any other is the folder of a cargo package.
    pub fn new(path: &Path) -> Self {
        match path.extension() {
            Some(extension) if extension == "wasm" => Self::File(path.to_owned()),
            _ => Self::Package(path.to_owned()),
        }
    }
}

/// The component file of a transform: itself, or what `onepath build` makes of the package or the declaration, in the project's data
/// folder.
///
/// The name holds the package's folder name and a hash of its path within the project, so that two packages of one name
/// stay apart, and a project that is moved with its data folder finds what was built.
pub fn component_path(root: &Path, data_dir: &Path, transform: &TransformPath) -> PathBuf {
    match transform {
        TransformPath::File(path) => path.clone(),
        TransformPath::Declared(view) => data_dir.join("components").join(format!("{view}.wasm")),
        TransformPath::Package(path) => {
            let path = path.strip_prefix(root).unwrap_or(path);
            let name = path.file_name().map_or_else(|| "transform".into(), |name| name.to_string_lossy());
            data_dir.join("components").join(format!("{name}-{:08x}.wasm", fnv(path.as_os_str().as_encoded_bytes())))
        }
    }
}

/// FNV-1a, 32 bits: a short, stable name for a path.
fn fnv(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}
