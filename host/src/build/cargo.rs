//! The nested cargo: its settings, its environment and its target folder.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::metadata::Package;
use super::sdk_cache::Entry;
use super::{BuiltFrom, SdkCache, TARGET, sources};
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

/// Compiles the package in `dir` and writes the component to `output`, and what it was built from beside it ([`BuiltFrom`]). `note`
/// is told what takes long.
pub fn build_component(dir: &Path, output: &Path, note: &mut dyn FnMut(&str)) -> Result<(), BuildError> {
    build_component_with(dir, output, None, note)
}

/// The same, with the compiled SDK taken from a cache, and kept there. No component depends on it. A cache that cannot be read or
/// written is told by `note`, and not used.
pub fn build_component_with(
    dir: &Path,
    output: &Path,
    cache: Option<&SdkCache>,
    note: &mut dyn FnMut(&str),
) -> Result<(), BuildError> {
    let package = prepare(dir, note)?;
    let name = package.cdylib.replace('-', "_");
    let started = SystemClock.now();
    let built = compile(dir, &package, cache, note)?;
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
    let manifests = package.local.iter().map(|(dir, _)| dir.join("Cargo.toml"));
    let manifests = manifests.chain([package.workspace.join("Cargo.lock")]).filter(|file| file.exists());
    let manifests: Vec<PathBuf> = manifests.filter(is_of).collect();
    files.extend(manifests);
    let dir = package.manifest.parent().unwrap_or(dir);
    let written = std::fs::read(output).and_then(|component| {
        let built_from = BuiltFrom::new(&component, dir, &files, started);
        std::fs::write(&record, built_from.text())
    });
    written.map_err(|source| BuildError::Write { path: record, source })
}

/// Runs cargo over the library of a package, and gives the folder of what it built.
fn compile(
    dir: &Path,
    package: &Package,
    cache: Option<&SdkCache>,
    note: &mut dyn FnMut(&str),
) -> Result<PathBuf, BuildError> {
    let target_dir = package.build_dir();
    // What was built before is of more use than what was kept.
    let is_first = !target_dir.exists();
    let entry = cache.filter(|_| is_first).and_then(|cache| entry(cache, package, dir, note));
    let mut taken = entry.as_ref().is_some_and(|entry| take(entry, &target_dir, note));
    let build = || {
        let mut build = CargoBuild::of(dir, package, "rustc");
        build.cargo.arg("--lib");
        if let Some((dir, name)) = package.own() {
            build.cargo.args(["--", &remapped(dir, &format!("/src/{name}"))]);
        }
        build.run()
    };
    let mut built = build();
    if let (Err(_), true, Some(entry)) = (&built, taken, &entry) {
        // Made by another machine, say, whose libraries this one lacks.
        note(&format!("building once more, without the compiled SDK of {}", entry.path().display()));
        if std::fs::remove_dir_all(&target_dir).is_ok() {
            built = build();
        }
        if built.is_ok() {
            entry.remove();
            taken = false;
        }
    }
    if let (Ok(_), false, Some(entry)) = (&built, taken, &entry)
        && let Err(error) = entry.keep(&target_dir)
    {
        note(&format!("the compiled SDK is not kept for other projects in {}: {error}", entry.path().display()));
    }
    built
}

/// What the cache may hold for a package.
fn entry<'a>(cache: &SdkCache, package: &'a Package, dir: &Path, note: &mut dyn FnMut(&str)) -> Option<Entry<'a>> {
    let sdk = package.sdk.as_ref()?;
    let compiler = clean_command("rustc", dir).arg("-vV").output().ok()?;
    let mut settings = rust_flags(package);
    settings.extend(PROFILE.map(|(setting, value)| format!("{setting}={value}")));
    let entry = cache.entry(sdk, &String::from_utf8_lossy(&compiler.stdout), &settings);
    entry.map_err(|error| note(&format!("the compiled SDK of other projects is not used: {error}"))).ok()
}

/// Whether a build begins with what was kept.
fn take(entry: &Entry, target_dir: &Path, note: &mut dyn FnMut(&str)) -> bool {
    match entry.take(target_dir) {
        Ok(taken) => taken,
        Err(error) => {
            note(&format!("the compiled SDK in {} is not used: {error}", entry.path().display()));
            // Of an entry that is not whole; one that may not be read is left alone.
            if matches!(error.kind(), ErrorKind::InvalidData | ErrorKind::UnexpectedEof | ErrorKind::NotFound) {
                entry.remove();
            }
            false
        }
    }
}

/// The package in `dir`, whose compiler has the target.
fn prepare(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<Package, BuildError> {
    let manifest = dir.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(BuildError::NoPackage { path: dir.to_owned() });
    }
    let package = Package::load(&manifest)?;
    ensure_target(dir, note)?;
    Ok(package)
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
    built: PathBuf,
}

impl CargoBuild {
    /// Prepares a build of the package in `dir`. `note` is told what takes long.
    pub fn new(dir: &Path, note: &mut dyn FnMut(&str)) -> Result<Self, BuildError> {
        Ok(Self::of(dir, &prepare(dir, note)?, "build"))
    }

    fn of(dir: &Path, package: &Package, subcommand: &str) -> Self {
        let target_dir = package.build_dir();
        let mut cargo = clean_command("cargo", dir);
        cargo.args([subcommand, "--release", "--target", TARGET, "--manifest-path"]).arg(&package.manifest);
        cargo.arg("--target-dir").arg(&target_dir).stdin(Stdio::null());
        cargo.env("CARGO_ENCODED_RUSTFLAGS", rust_flags(package).join("\u{1f}"));
        for (setting, value) in PROFILE {
            cargo.env(format!("CARGO_PROFILE_RELEASE_{setting}"), value);
        }
        Self { cargo, dir: dir.to_owned(), built: target_dir.join(TARGET).join("release") }
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

/// Maps every path that a panic message could hold to a constant, for all packages. They are the same for every component of a
/// workspace, or cargo would compile the SDK anew for each; with no package but the SDK's, in every project.
fn rust_flags(package: &Package) -> Vec<String> {
    let local = package.named_by_path.iter();
    let mut flags: Vec<String> = local.map(|(dir, name)| remapped(dir, &format!("/src/{name}"))).collect();
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    if let Some(home) = home {
        flags.push(remapped(&home.join("registry").join("src"), "/deps"));
    }
    flags
}

fn remapped(dir: &Path, constant: &str) -> String {
    format!("--remap-path-prefix={}={constant}", dir.display())
}

/// A command without anything of a surrounding cargo or rustc in its environment.
pub(super) fn clean_command(program: &str, dir: &Path) -> Command {
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

/// Writes a component into its place, whole or not at all.
pub(crate) fn install_bytes(component: &[u8], output: &Path) -> std::io::Result<()> {
    let dir = output.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(dir)?;
    // As readable as any file that a program writes.
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    let temporary = tempfile::Builder::new().permissions(permissions).tempfile_in(dir)?;
    std::fs::write(temporary.path(), component)?;
    temporary.persist(output).map_err(|error| error.error)?;
    Ok(())
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
