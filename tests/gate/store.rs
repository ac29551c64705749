//! The component store: a clone without cargo and without what was built runs what is pinned; what is damaged is named; who cannot
//! write is told before anything is done.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Project, Ran, Served, components};

/// A folder below that of the tests, where cargo builds into the folder of other new projects.
fn folder() -> TempDir {
    let tests = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let target = tests.parent().expect("cargo's folder for tests lies in the target folder").join("scaffold");
    let folder = TempDir::with_prefix_in("stored-", tests).expect("a temporary folder");
    std::fs::create_dir_all(folder.path().join(".cargo")).expect("makes a folder");
    let config = format!("[build]\ntarget-dir = {:?}\n", target.display().to_string());
    std::fs::write(folder.path().join(".cargo/config.toml"), config).expect("writes");
    folder
}

/// Runs `onepath` in a folder, with a search path that has no cargo unless `path` has it.
fn onepath(dir: &Path, words: &str, path: Option<&Path>) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_onepath"));
    command.args(words.split_whitespace()).current_dir(dir).env("COLUMNS", "200");
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if !matches!(&*text, "CARGO_HOME" | "RUSTUP_HOME") && (text.starts_with("CARGO") || text.starts_with("RUST")) {
            command.env_remove(&name);
        }
    }
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().expect("the command runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("prints UTF-8");
    Ran { code: output.status.code().expect("ends"), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[track_caller]
fn good(dir: &Path, words: &str, path: Option<&Path>) -> Ran {
    let ran = onepath(dir, words, path);
    assert_eq!(ran.code, 0, "{words}\n{}{}", ran.stdout, ran.stderr);
    ran
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("makes a folder");
    for entry in std::fs::read_dir(from).expect("lists a folder") {
        let path = entry.expect("lists a folder").path();
        let copied = to.join(path.file_name().expect("a name"));
        match path.is_dir() {
            true => copy(&path, &copied),
            false => drop(std::fs::copy(&path, copied).expect("copies")),
        }
    }
}

fn files(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).expect("lists").map(|entry| entry.expect("lists").file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

/// A project that was built: a package, a component from elsewhere, and a store with both.
struct Built {
    folder: TempDir,
    dir: PathBuf,
    /// A search path on which there is nothing.
    nothing: PathBuf,
}

const BACKFILL: &str = "backfill --service all --spine data/labels.csv --as-of-column label_date --out out.csv";

const GET: &str = "get --format json --service all --entity customer_id=c1 --as-of 2024-06-30T00:00:00Z";

impl Built {
    fn new() -> Self {
        let folder = folder();
        let nothing = folder.path().join("nothing");
        std::fs::create_dir(&nothing).expect("makes a folder");
        good(folder.path(), "new shop", None);
        let dir = folder.path().join("shop");
        std::fs::copy(&components().trace, dir.join("trace.wasm")).expect("copies");
        let toml = std::fs::read_to_string(dir.join("onepath.toml")).expect("reads");
        let toml = toml.replacen(
            "[project]\n",
            "[project]\nadmission = \"off\"\ncomponent_store = \"components\"\n",
            1,
        ) + "[views.trace]\nsources = [\"events\"]\ntransform = \"trace.wasm\"\n[services.all]\nfeatures = [\"activity:*\", \"trace:*\"]\n";
        std::fs::write(dir.join("onepath.toml"), toml).expect("writes");
        good(&dir, "build", None);
        good(&dir, BACKFILL, None);
        Self { folder, dir, nothing }
    }

    /// What is under version control, elsewhere: without what was built, and without the component that was given.
    fn clone_to(&self, to: &Path) {
        copy(&self.dir, to);
        std::fs::remove_dir_all(to.join(".onepath")).expect("was made");
        std::fs::remove_file(to.join("trace.wasm")).expect("was given");
        std::fs::remove_file(to.join("out.csv")).expect("was written");
    }

    fn clone(&self, name: &str) -> PathBuf {
        let to = self.folder.path().join("deeper").join(name);
        self.clone_to(&to);
        to
    }

    fn run(&self, dir: &Path, words: &str) -> Ran {
        onepath(dir, words, Some(&self.nothing))
    }

    #[track_caller]
    fn good(&self, dir: &Path, words: &str) -> Ran {
        good(dir, words, Some(&self.nothing))
    }

    #[track_caller]
    fn refused(&self, dir: &Path, words: &str, code: i32, told: &str) {
        let ran = self.run(dir, words);
        assert_eq!(ran.code, code, "{words}\n{}{}", ran.stdout, ran.stderr);
        assert!(ran.stderr.contains(told), "{words}: {told} is not in\n{}", ran.stderr);
    }

    /// The digest that the lock file pins.
    fn pinned(&self, view: &str) -> String {
        let lock = std::fs::read_to_string(self.dir.join("onepath.lock")).expect("is written");
        let start = format!("\"{view}\" = \"");
        let digest = lock.lines().find_map(|line| line.strip_prefix(&start)).expect("is pinned");
        digest.trim_end_matches('"').to_owned()
    }
}

#[test]
fn a_clone_without_cargo_runs_what_is_pinned() {
    let built = Built::new();
    let (activity, trace) = (built.pinned("activity@v1"), built.pinned("trace@v1"));
    let store = files(&built.dir.join("components"));
    assert_eq!(store.len(), 3, "two components, and what one was built from: {store:?}");
    for name in [format!("{activity}.wasm"), format!("{trace}.wasm")] {
        assert!(store.contains(&name), "{store:?}");
    }
    let trained = std::fs::read(built.dir.join("out.csv")).expect("was written");

    // With the lock file's word, and without.
    for (name, locked) in [("locked", "--locked "), ("free", "")] {
        let dir = built.clone(name);
        let ran = built.good(&dir, &format!("{locked}{BACKFILL}"));
        assert_eq!(ran.stderr, "", "{name}");
        assert!(std::fs::read(dir.join("out.csv")).expect("was written") == trained, "{name}: the same training set");
        assert_eq!(files(&dir.join("components")), store, "{name}: nothing was written there");
        if locked.is_empty() {
            continue;
        }
        built.good(&dir, &format!("{locked}check --cases 20"));
        built.good(&dir, &format!("{locked}materialize"));
        let answer: Value = serde_json::from_str(&built.good(&dir, &format!("{locked}{GET}")).stdout).expect("JSON");
        assert_eq!(answer["features"].as_array().map(Vec::len), Some(7), "{answer}");
        let ran = built.good(&dir, &format!("{locked}verify"));
        assert!(ran.stdout.starts_with("verified 1 served vector (7 values): 0 differences\n"), "{}", ran.stdout);
        assert_eq!(ran.stderr, "", "{name}");
        // What served is read from the store too, where it is not kept any more.
        std::fs::remove_dir_all(dir.join(".onepath/components")).expect("was kept");
        let ran = built.good(&dir, &format!("{locked}verify"));
        assert!(ran.stdout.starts_with("verified 1 served vector (7 values): 0 differences\n"), "{}", ran.stdout);
    }

    an_edit_is_noticed(&built);
    nothing_else_is_used(&built, &activity, &trace);
}

/// A clone whose sources are other ones than those of the component that is pinned.
fn an_edit_is_noticed(built: &Built) {
    let dir = built.clone("edited");
    let source = files(&dir.join("transforms"));
    let source = dir.join("transforms").join(&source[0]).join("src/lib.rs");
    let text = std::fs::read_to_string(&source).expect("has a source");
    std::fs::write(&source, format!("{text}// An edit.\n")).expect("writes");
    let told = "src/lib.rs has changed since it was built: run `onepath build`";
    built.refused(&dir, BACKFILL, 2, told);
    built.good(&dir, &format!("{BACKFILL} --stale"));
    std::fs::write(&source, text).expect("writes");
    assert_eq!(built.good(&dir, BACKFILL).stderr, "");
    // Other sources of the same component: both are known.
    let edited = std::fs::read_to_string(&source).expect("reads") + "// A remark.\n";
    std::fs::write(&source, &edited).expect("writes");
    std::fs::copy(built.dir.join("trace.wasm"), dir.join("trace.wasm")).expect("copies");
    // The folder of the build lies as deep as that of the original, so that cargo compiles the same paths.
    good(&dir, "build", None);
    assert_eq!(files(&dir.join("components")).len(), 4, "{:?}", files(&dir.join("components")));
    std::fs::remove_dir_all(dir.join(".onepath/components")).expect("was built");
    for text in [edited.replace("// A remark.\n", ""), edited] {
        std::fs::write(&source, text).expect("writes");
        assert_eq!(built.good(&dir, BACKFILL).stderr, "");
    }
}

/// Without the store, without a pin, and with a store that is damaged.
fn nothing_else_is_used(built: &Built, activity: &str, trace: &str) {
    let dir = built.clone("spoilt");
    let path = dir.join("components").join(format!("{activity}.wasm"));
    let bytes = std::fs::read(&path).expect("is there");
    let mut damaged = bytes.clone();
    damaged[bytes.len() / 2] ^= 1;
    std::fs::write(&path, damaged).expect("writes");
    let told = format!(
        "error: the component store is damaged: ./components/{activity}.wasm does not hold component {activity}: put the"
    );
    for words in [BACKFILL, "materialize", GET, "serve --listen 127.0.0.1:0", "check"] {
        built.refused(&dir, words, 3, &told);
    }
    assert!(!dir.join("out.csv").exists());
    std::fs::remove_file(&path).expect("removes");
    let told = format!(
        "is not built: run `onepath build` (package ./transforms/activity); the component store ./components does not have \
                        {activity} either, which is pinned"
    );
    built.refused(&dir, BACKFILL, 2, &told);
    std::fs::write(&path, bytes).expect("writes");
    std::fs::remove_file(dir.join("components").join(format!("{trace}.wasm"))).expect("removes");
    let told =
        format!("is missing: no file ./trace.wasm; the component store ./components does not have {trace} either");
    built.refused(&dir, BACKFILL, 2, &told);
    std::fs::remove_file(dir.join("onepath.lock")).expect("removes");
    let told = "the component store ./components was not looked in, for onepath.lock pins no component of it";
    built.refused(&dir, BACKFILL, 2, told);
}

/// A server, over a store that nobody may write to.
#[test]
fn a_server_reads_a_shared_store_and_writes_nothing_there() {
    use std::os::unix::fs::PermissionsExt;
    let project = prebuilt("shared");
    assert_eq!(project.run("build").code, 0);
    let store = project.path("shared");
    let (names, mode) = (files(&store), |mode| std::fs::Permissions::from_mode(mode));
    assert_eq!(names.len(), 1, "{names:?}");
    let readable = store.join(&names[0]).metadata().expect("is there").permissions().mode();
    assert_eq!(readable & 0o400, 0o400);
    assert_eq!(readable & 0o111, 0, "no temporary file's mode");
    std::fs::set_permissions(&store, mode(0o555)).expect("may not be written");

    // Another machine: the same project file, with the path of the shared folder.
    let toml = std::fs::read_to_string(project.path("onepath.toml")).expect("reads");
    let other = Project::new(&toml.replace("\"shared\"", &format!("{:?}", store.display().to_string())));
    std::fs::copy(project.path("onepath.lock"), other.path("onepath.lock")).expect("copies");
    let served = Served::start_with(&other, "--locked", |command| {
        command.env("PATH", "");
    });
    let mut client = served.client();
    let body = json!({"service": "all", "inputs": {"customer_id": ["c1"]}}).to_string();
    let answer = client.post("/v1/features", body).expect("answers").json();
    assert_eq!(answer["features"][0]["values"], json!([0]), "{answer}");
    served.stop(&other);
    let ran = other.run("verify");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{}", ran.stdout);
    assert_eq!(files(&store), names);
    std::fs::set_permissions(&store, mode(0o755)).expect("may be removed");
}

/// A project of one prebuilt component, which is given for `build` alone.
fn prebuilt(store: &str) -> Project {
    let project = Project::new(&format!(
        "[project]\nname = \"p\"\ncomponent_store = {store:?}\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.events]\nentity = \"customer\"\nevent_time = \"at\"\n[views.trace]\nsources = [\"events\"]\n\
         transform = \"trace.wasm\"\n[services.all]\nfeatures = [\"trace:*\"]\n"
    ));
    std::fs::copy(&components().trace, project.path("trace.wasm")).expect("copies");
    project
}

#[test]
fn who_cannot_write_to_the_store_is_told_before_anything_is_done() {
    for store in ["file/store", "/proc/onepath-store"] {
        let project = prebuilt(store);
        project.write("file", "no folder");
        let before = (project.files(), std::fs::read(project.path("onepath.toml")).expect("reads"));
        let ran = project.run("build");
        let shown = if store.starts_with('/') { store.to_owned() } else { format!("./{store}") };
        let told = format!(
            "error: cannot write to the component store {shown}: let this user write there, or name another folder in"
        );
        assert_eq!(ran.code, 2, "{}", ran.stderr);
        assert!(ran.stderr.starts_with(&told), "{}", ran.stderr);
        assert_eq!((project.files(), std::fs::read(project.path("onepath.toml")).expect("reads")), before);
    }
}

#[test]
fn a_damaged_file_is_not_written_over() {
    let project = prebuilt("components");
    assert_eq!(project.run("build").code, 0);
    let name = files(&project.path("components")).remove(0);
    let lock = std::fs::read(project.path("onepath.lock")).expect("is written");
    project.write(&format!("components/{name}"), "other bytes");
    let ran = project.run("build");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("./components/{name} does not hold component")), "{}", ran.stderr);
    assert_eq!(std::fs::read(project.path(&format!("components/{name}"))).expect("reads"), b"other bytes");
    assert_eq!(std::fs::read(project.path("onepath.lock")).expect("reads"), lock);
    // The way out that it names.
    std::fs::remove_file(project.path(&format!("components/{name}"))).expect("removes");
    assert_eq!(project.run("build").code, 0);
    assert_eq!(files(&project.path("components")), [name]);
}

#[test]
fn two_builds_at_once_put_into_one_store() {
    let shared = TempDir::new().expect("a temporary folder");
    let store = shared.path().join("store");
    let projects: Vec<Project> = (0..4).map(|_| prebuilt(&store.display().to_string())).collect();
    std::thread::scope(|scope| {
        for project in &projects {
            scope.spawn(|| {
                for _ in 0..3 {
                    let ran = project.run("build");
                    assert_eq!(ran.code, 0, "{}", ran.stderr);
                }
            });
        }
    });
    let names = files(&store);
    let bytes = std::fs::read(&components().trace).expect("was built");
    assert_eq!(names.len(), 1, "{names:?}");
    assert!(std::fs::read(store.join(&names[0])).expect("reads") == bytes);
}

#[test]
fn a_store_has_a_name() {
    let project = prebuilt("");
    let ran = project.run("build");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: onepath.toml:3:19: component_store names no folder\n"), "{}", ran.stderr);
}
