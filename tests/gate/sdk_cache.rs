//! The compiled SDK that projects share: it saves compiling, and changes no component.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use onepath::build::{BuildError, SdkCache, build_component, build_component_with};
use onepath::scaffold::{Template, write_project};

/// Projects in one folder, and a cache.
struct Place {
    dir: tempfile::TempDir,
    cache: SdkCache,
}

/// A place with a project that was built without anything kept, and its component. What follows begins with what that kept.
fn begun() -> &'static (Place, Vec<u8>) {
    static BEGUN: OnceLock<(Place, Vec<u8>)> = OnceLock::new();
    BEGUN.get_or_init(|| {
        let place = Place::empty();
        let project = place.project("first");
        let (component, told) = place.build(&project).expect("builds");
        assert!(told.is_empty() && !is_copied(&project), "{told}");
        (place, component)
    })
}

impl Place {
    fn empty() -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let cache = SdkCache::new(dir.path().join("cache"));
        Self { dir, cache }
    }

    fn new() -> Self {
        let (place, (other, _)) = (Self::empty(), begun());
        for path in other.kept() {
            let name = path.strip_prefix(other.dir.path()).expect("is of the place");
            let copy = place.dir.path().join(name);
            std::fs::create_dir_all(copy.parent().expect("has a folder")).expect("makes a folder");
            std::fs::copy(&path, copy).expect("copies");
        }
        place
    }

    fn project(&self, name: &str) -> PathBuf {
        let dir = self.dir.path().join(name);
        write_project(&dir, Template::Churn).expect("writes a project");
        dir
    }

    /// The files of the entries.
    fn kept(&self) -> Vec<PathBuf> {
        let (mut files, mut folders) = (Vec::new(), vec![self.dir.path().join("cache/sdk")]);
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder).expect("something was kept") {
                let path = entry.expect("lists").path();
                if path.is_dir() { folders.push(path) } else { files.push(path) }
            }
        }
        files
    }

    /// The library of the SDK among the files of the entries.
    fn sdk(&self) -> PathBuf {
        library(&self.kept())
    }

    /// Builds a project's transform, and gives the component and what was told.
    fn build(&self, project: &Path) -> Result<(Vec<u8>, String), BuildError> {
        let (mut told, output) = (String::new(), project.join("out.wasm"));
        build_component_with(&project.join("transforms/activity"), &output, Some(&self.cache), &mut |note| {
            told += note;
            told.push('\n');
        })?;
        Ok((std::fs::read(output).expect("was written"), told))
    }
}

fn library(files: &[PathBuf]) -> PathBuf {
    let is_sdk = |name: &str| name.starts_with("libonepath_sdk-") && name.ends_with(".rlib");
    let found = files.iter().find(|path| path.file_name().is_some_and(|name| is_sdk(&name.to_string_lossy())));
    found.expect("the SDK was compiled").clone()
}

fn changed(path: &Path) -> SystemTime {
    std::fs::metadata(path).and_then(|file| file.modified()).expect("is there")
}

/// Whether a project's SDK is the one that was copied: cargo has compiled nothing of it since.
fn is_copied(project: &Path) -> bool {
    let deps = project.join("target/onepath/wasm32-wasip2/release/deps");
    let files: Vec<PathBuf> =
        std::fs::read_dir(&deps).expect("was built").map(|entry| entry.expect("lists").path()).collect();
    changed(&library(&files)) == changed(&project.join("target/onepath/CACHEDIR.TAG"))
}

/// Nothing but its own folder, as the library builds.
fn alone(project: &Path) -> Vec<u8> {
    let output = project.join("alone.wasm");
    build_component(&project.join("transforms/activity"), &output, &mut |_| {}).expect("builds");
    std::fs::read(output).expect("was written")
}

#[test]
fn a_second_project_compiles_its_transform_alone() {
    let (place, (other, expected)) = (Place::new(), begun());
    let second = place.project("deeper/and deeper/second");
    let names: Vec<String> = place.kept().iter().map(|path| path.display().to_string()).collect();
    assert!(!names.iter().any(|name| name.contains("activity")), "nothing of the project: {names:?}");
    let (built, told) = place.build(&second).expect("builds");
    assert!(told.is_empty() && is_copied(&second), "{told}");
    assert!(built == *expected, "the same component");
    for project in [&other.dir.path().join("first"), &second] {
        assert!(alone(project) == *expected, "the cache decides no byte");
    }
    // Another transform, by the SDK that was compiled for the first.
    let source = second.join("transforms/activity/src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("reads");
    std::fs::write(&source, text.replace("Days<30>", "Days<29>")).expect("writes");
    assert!(place.build(&second).expect("builds").0 != *expected && is_copied(&second));

    // An SDK of other sources, though cargo could not tell by their times.
    let other = place.project("other");
    let source = other.join("vendor/onepath-sdk/src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("reads");
    std::fs::write(&source, format!("{text}\ncompile_error!(\"the SDK of this project\");\n")).expect("writes");
    let old = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    std::fs::File::options().append(true).open(&source).and_then(|file| file.set_modified(old)).expect("sets the time");
    assert!(matches!(place.build(&other), Err(BuildError::Compile { .. })));
    std::fs::write(&source, text).expect("writes");
    std::fs::remove_dir_all(other.join("target")).expect("removes");
    assert!(place.build(&other).expect("builds").0 == *expected && is_copied(&other));
}

#[test]
fn a_cache_that_is_damaged_is_told_and_replaced_and_one_that_cannot_be_written_is_told() {
    let (place, (_, expected)) = (Place::new(), begun());
    let [second, third] = ["second", "third"].map(|name| place.project(name));
    let library = place.sdk();
    let mut bytes = std::fs::read(&library).expect("reads");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&library, bytes).expect("writes");
    let (built, told) = place.build(&second).expect("builds");
    assert!(built == *expected && !is_copied(&second));
    assert!(told.starts_with("the compiled SDK in ") && told.ends_with(" is not what was kept\n"), "{told}");
    assert!(told.contains("libonepath_sdk-"), "it names the file: {told}");
    let (built, told) = place.build(&third).expect("builds");
    assert!(built == *expected && told.is_empty() && is_copied(&third), "it was kept anew: {told}");

    // A file lies where the folder should.
    std::fs::remove_dir_all(place.dir.path().join("cache")).expect("removes");
    std::fs::write(place.dir.path().join("cache"), "").expect("writes");
    std::fs::remove_dir_all(third.join("target")).expect("removes");
    let (built, told) = place.build(&third).expect("builds");
    assert!(built == *expected);
    assert!(told.contains("the compiled SDK in ") && told.contains("is not kept for other projects"), "{told}");
}

/// As where a home is shared by machines, and what one of them has compiled does not load on the other.
#[test]
fn a_build_that_fails_with_what_was_kept_is_made_without() {
    let (place, (_, expected)) = (Place::new(), begun());
    let [second, third] = ["second", "third"].map(|name| place.project(name));
    let kept = place.kept();
    let macros =
        kept.iter().find(|path| path.extension().is_some_and(|end| end == "so")).expect("the macros were compiled");
    std::fs::write(macros, "of another machine").expect("writes");
    let index = kept.iter().find(|path| path.ends_with("entry.json")).expect("has an index");
    let mut json: serde_json::Value = serde_json::from_slice(&std::fs::read(index).expect("reads")).expect("is JSON");
    let name =
        macros.strip_prefix(index.parent().expect("has a folder")).expect("is of the entry").display().to_string();
    assert!(json["files"][&name].is_string());
    let digest = <sha2::Sha256 as sha2::Digest>::digest("of another machine");
    json["files"][&name] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    std::fs::write(index, json.to_string()).expect("writes");
    let (built, told) = place.build(&second).expect("builds");
    assert!(built == *expected && !is_copied(&second));
    assert!(told.starts_with("building once more, without the compiled SDK of "), "{told}");
    let (built, told) = place.build(&third).expect("builds");
    assert!(built == *expected && told.is_empty() && is_copied(&third), "it was replaced: {told}");
}
