//! The nested cargo: its settings, its environment and its target folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use super::{BuiltFrom, TARGET, sources};
use crate::digest::hex;
use crate::time::{Clock, SystemClock};

/// A transform that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// No package there.
    #[error("{path} holds no Cargo.toml: `transform` must name the folder of a cargo package, or a .wasm file")]
    NoPackage {
        /// The folder.
        path: PathBuf,
    },
    /// cargo cannot be started.
    #[error("cannot run {program}: install Rust from https://rustup.rs, or give a .wasm file as `transform`")]
    NoTool {
        /// The program.
        program: String,
        /// Why.
        source: std::io::Error,
    },
    /// The target is missing and cannot be installed.
    #[error("the compilation target {TARGET} is missing; `rustup target add {TARGET}` said: {message}")]
    NoTarget {
        /// What rustup said.
        message: String,
    },
    /// cargo metadata did not answer as it should.
    #[error("cannot read the package {path}: {message}")]
    Metadata {
        /// The package.
        path: PathBuf,
        /// What cargo said.
        message: String,
    },
    /// The package makes no component.
    #[error("the package {path} builds no component: its Cargo.toml needs `[lib] crate-type = [\"cdylib\"]`")]
    NoCdylib {
        /// The package.
        path: PathBuf,
    },
    /// The compiler refused it.
    #[error("the transform {path} does not compile; cargo's messages are above")]
    Compile {
        /// The package.
        path: PathBuf,
    },
    /// The result cannot be put into its place.
    #[error("cannot write {path}")]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// What `cargo metadata` says of a package.
struct Package {
    manifest: PathBuf,
    cdylib: String,
    workspace: PathBuf,
    target_dir: PathBuf,
    /// Folders of all packages that lie in folders of their own, outside the registry, with their names.
    local: Vec<(PathBuf, String)>,
}

impl Package {
    /// The folder to build in.
    fn build_dir(&self) -> PathBuf {
        let dir = self.target_dir.join("onepath");
        if self.target_dir.starts_with(&self.workspace) {
            return dir;
        }
        let digest = Sha256::digest(self.workspace.as_os_str().as_encoded_bytes());
        dir.join(hex(&digest[..8]))
    }
}

/// Compiles the package in `dir` and writes the component to `output`, and what it was built from beside it ([`BuiltFrom`]). `note`
/// is told what takes long.
pub fn build_component(dir: &Path, output: &Path, note: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let mut build = CargoBuild::new(dir, note)?;
    build.cargo.arg("--lib");
    let name = build.cdylib.replace('-', "_");
    let (dir, manifests, started) = (build.package.clone(), build.manifests.clone(), SystemClock.now());
    let built = build.run()?;
    // In between nothing is known of the component.
    let record = BuiltFrom::path_of(output);
    if record.exists() {
        std::fs::remove_file(&record).map_err(|source| BuildError::Write { path: record.clone(), source })?;
    }
    install(&built.join(format!("{name}.wasm")), output)?;
    let makefile = std::fs::read_to_string(built.join(format!("{name}.d"))).unwrap_or_default();
    // Files that a build script makes come from others.
    let sources = sources::files_of(&makefile).into_iter().filter(|file| !file.starts_with(&built));
    let mut files: Vec<PathBuf> = sources.collect();
    // Of a large workspace, only what this package was made from.
    let is_of = |manifest: &PathBuf| {
        let folder = manifest.parent().unwrap_or(manifest);
        manifest.ends_with("Cargo.lock") || files.iter().any(|file| file.starts_with(folder))
    };
    let manifests: Vec<PathBuf> = manifests.into_iter().filter(is_of).collect();
    files.extend(manifests);
    let written = std::fs::read(output).and_then(|component| {
        let built_from = BuiltFrom::new(&component, &dir, &files, started);
        std::fs::write(&record, serde_json::to_string_pretty(&built_from)?)
    });
    written.map_err(|source| BuildError::Write { path: record, source })
}

/// A prepared `cargo build`: the settings, the environment and the folder of every transform. What to build is still to
/// be said.
///
/// It runs in `onepath/` inside the package's own target folder, so that it never waits for, nor disturbs, the author's
/// builds. Where several workspaces share one target folder, each has a folder of its own in there: a component's file is
/// named by its package alone, and two workspaces may have packages of one name.
pub struct CargoBuild {
    /// The command, for `--lib`, `--examples` and the like.
    pub cargo: Command,
    dir: PathBuf,
    cdylib: String,
    built: PathBuf,
    /// The folder of the package, without links.
    package: PathBuf,
    /// The manifests of all packages in folders, and the lock file.
    manifests: Vec<PathBuf>,
}

impl CargoBuild {
    /// Prepares a build of the package in `dir`. `note` is told what takes long.
    pub fn new(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, BuildError> {
        let manifest = dir.join("Cargo.toml");
        if !manifest.is_file() {
            return Err(BuildError::NoPackage { path: dir.to_owned() });
        }
        let package = metadata(&manifest)?;
        ensure_target(dir, note)?;
        let target_dir = package.build_dir();
        let mut cargo = clean_command("cargo", dir);
        cargo.args(["build", "--release", "--target", TARGET, "--manifest-path"]).arg(&package.manifest);
        cargo.arg("--target-dir").arg(&target_dir).stdin(Stdio::null());
        cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(&package).join("\u{1f}"));
        for (setting, value) in PROFILE {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        let built = target_dir.join(TARGET).join("release");
        let manifests = package.local.iter().map(|(dir, _)| dir.join("Cargo.toml"));
        let manifests = manifests.chain([package.workspace.join("Cargo.lock")]).filter(|file| file.exists()).collect();
        let folder = package.manifest.parent().unwrap_or(dir).to_owned();
        Ok(Self { cargo, dir: dir.to_owned(), cdylib: package.cdylib, built, package: folder, manifests })
    }

    /// Runs it, and gives the folder of what was built.
    pub fn run(mut self) -> Result<PathBuf, BuildError> {
        let status = self.cargo.status();
        let status = status.map_err(|source| BuildError::NoTool { program: "cargo".to_owned(), source })?;
        if status.success() { Ok(self.built) } else { Err(BuildError::Compile { path: self.dir }) }
    }
}

/// The profile of every transform: one codegen unit and link-time optimisation, or builds do not repeat byte for byte. What runs
/// while it is built, macros and build scripts, is compiled in the way that takes the least processor time.
const PROFILE: [(&str, &str); 10] = [
    ("OPT_LEVEL", "3"),
    ("LTO", "true"),
    ("CODEGEN_UNITS", "1"),
    ("PANIC", "abort"),
    ("STRIP", "true"),
    ("DEBUG", "false"),
    ("INCREMENTAL", "false"),
    ("OVERFLOW_CHECKS", "true"),
    ("BUILD_OVERRIDE_OPT_LEVEL", "0"),
    ("BUILD_OVERRIDE_CODEGEN_UNITS", "1"),
];

/// Maps every path that a panic message could hold to a constant.
fn rust_flags(package: &Package) -> Vec<String> {
    let mut flags: Vec<String> =
        package.local.iter().map(|(dir, name)| format!("--remap-path-prefix={}=/src/{name}", dir.display())).collect();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    if let Some(home) = home {
        flags.push(format!("--remap-path-prefix={}=/deps", home.join("registry").join("src").display()));
    }
    flags
}

/// A command without anything of a surrounding cargo or rustc in its environment.
fn clean_command(program: &str, dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(dir);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let keep = matches!(&*text, "CARGO_HOME" | "RUSTUP_HOME" | "CARGO_NET_OFFLINE")
            || text.starts_with("CARGO_HTTP_")
            || text.starts_with("CARGO_REGISTRIES_")
            || text.starts_with("CARGO_SOURCE_");
        if !keep && (text.starts_with("CARGO") || text.starts_with("RUST")) {
            command.env_remove(&name);
        }
    }
    command
}

/// Asks cargo about the package in `manifest`.
fn metadata(manifest: &Path) -> Result<Package, BuildError> {
    let dir = manifest.parent().unwrap_or(Path::new("."));
    let wrong = |message: String| BuildError::Metadata { path: dir.to_owned(), message };
    let absolute = std::fs::canonicalize(manifest).map_err(|error| wrong(error.to_string()))?;
    let mut cargo = clean_command("cargo", dir);
    cargo.args(["metadata", "--format-version", "1", "--filter-platform", TARGET, "--manifest-path"]).arg(&absolute);
    let output = cargo.output().map_err(|source| BuildError::NoTool { program: "cargo".to_owned(), source })?;
    if !output.status.success() {
        return Err(wrong(String::from_utf8_lossy(&output.stderr).trim().to_owned()));
    }
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).map_err(|error| wrong(error.to_string()))?;
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = json["packages"].as_array().cloned().unwrap_or_default();
    let own = packages.iter().find(|package| Path::new(&text(&package["manifest_path"])) == absolute);
    let own = own.ok_or_else(|| wrong("it is a workspace without a package of its own".to_owned()))?;
    let is_cdylib = |target: &&serde_json::Value| {
        target["crate_types"].as_array().is_some_and(|types| types.iter().any(|kind| kind == "cdylib"))
    };
    let targets = own["targets"].as_array().cloned().unwrap_or_default();
    let cdylib = targets.iter().find(is_cdylib).ok_or_else(|| BuildError::NoCdylib { path: dir.to_owned() })?;
    let local = packages.iter().filter(|package| package["source"].is_null()).filter_map(|package| {
        let folder = PathBuf::from(text(&package["manifest_path"])).parent()?.to_owned();
        Some((folder, text(&package["name"])))
    });
    Ok(Package {
        manifest: absolute.clone(),
        cdylib: text(&cdylib["name"]),
        workspace: PathBuf::from(text(&json["workspace_root"])),
        target_dir: PathBuf::from(text(&json["target_directory"])),
        local: local.collect(),
    })
}

/// Installs the compilation target if the compiler for `dir` does not have it.
fn ensure_target(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    let mut rustc = clean_command("rustc", dir);
    rustc.args(["--print", "target-libdir", "--target", TARGET]);
    let output = rustc.output().map_err(|source| BuildError::NoTool { program: "rustc".to_owned(), source })?;
    let libraries = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    if output.status.success() && libraries.is_dir() {
        return Ok(());
    }
    note(&format!("installing the compilation target {TARGET} (rustup target add {TARGET})"));
    let added = clean_command("rustup", dir).args(["target", "add", TARGET]).output();
    match added {
        Ok(added) if added.status.success() => Ok(()),
        Ok(added) => Err(BuildError::NoTarget { message: String::from_utf8_lossy(&added.stderr).trim().to_owned() }),
        Err(error) => Err(BuildError::NoTarget { message: error.to_string() }),
    }
}

/// Copies the built file to its place, whole or not at all.
fn install(built: &Path, output: &Path) -> Result<(), BuildError> {
    let wrong = |source| BuildError::Write { path: output.to_owned(), source };
    let dir = output.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir).map_err(wrong)?;
    let temporary = tempfile::NamedTempFile::new_in(dir).map_err(wrong)?;
    std::fs::copy(built, temporary.path()).map_err(wrong)?;
    temporary.persist(output).map_err(|error| wrong(error.error))?;
    Ok(())
}
