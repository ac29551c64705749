//! The process that compiles and tries components: when it is started, and what becomes of a project where it cannot do its work.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use onepath::Error;
use onepath::admission::{Place, Report};
use onepath::feature_store::{Earlier, FeatureStore, OpenOptions, ViewCheck};
use onepath::wasm::LoadError;

use crate::support::{Project, component};

/// The command of these tests.
fn command() -> Option<PathBuf> {
    Some(PathBuf::from(env!("CARGO_BIN_EXE_onepath")))
}

/// A project of one component, of which nothing was compiled or tried yet.
fn project(setting: &str, limits: &str) -> Project {
    let project = Project::new(&format!(
        "[project]\nname = \"child\"\n{setting}\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.events]\nentity = \"customer\"\nevent_time = \"at\"\n[views.seen]\nsources = [\"events\"]\n\
         transform = \"seen.wasm\"\n[services.all]\nfeatures = [\"seen:*\"]\n{limits}"
    ));
    std::fs::copy(component("transforms/churn"), project.path("seen.wasm")).expect("copies");
    std::fs::remove_dir_all(project.path(".onepath/cache")).expect("there is a cache");
    project
}

/// Opens the project, and gets its view ready to run; what was warned of is given with it.
fn first_use(project: &Project, change: impl FnOnce(&mut OpenOptions)) -> (Result<(), Error>, Vec<String>) {
    let warned = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&warned);
    let warning = Arc::new(move |text: &str| kept.lock().expect("no panic").push(text.to_owned()));
    let mut options = OpenOptions { warning, ..project.options() };
    change(&mut options);
    let store = FeatureStore::open(project.dir(), options).expect("opens");
    let used = store.program(&store.project().views[0]).map(drop);
    drop(store);
    (used, Arc::into_inner(warned).expect("nobody has it").into_inner().expect("no panic"))
}

/// The one report that is kept.
fn report(project: &Project) -> Report {
    let folder = std::fs::read_dir(project.path(".onepath/cache/admission")).expect("reports are kept");
    let files: Vec<PathBuf> = folder.map(|file| file.expect("a file").path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    serde_json::from_str(&std::fs::read_to_string(&files[0]).expect("reads")).expect("a report")
}

fn refusal(used: Result<(), Error>) -> LoadError {
    match used.expect_err("it is refused") {
        Error::Load(error) => error,
        other => panic!("{other}"),
    }
}

#[test]
fn a_child_compiles_and_tries_once_and_is_not_started_again() {
    let project = project("", "");
    let (used, warned) = first_use(&project, |options| options.command = command());
    used.expect("churn is admitted");
    assert!(warned.is_empty(), "{warned:?}");
    assert_eq!(report(&project).place, Place::Child);
    // A command that is not there would be noticed if it were wanted.
    let (used, warned) = first_use(&project, |options| options.command = Some(project.path("nowhere")));
    used.expect("what was compiled and tried is used as it is");
    assert!(warned.is_empty(), "{warned:?}");
}

#[test]
fn without_a_command_it_is_done_in_this_process_and_said() {
    let project = project("", "");
    let (used, warned) = first_use(&project, |_| {});
    used.expect("churn is admitted");
    assert!(warned.len() == 1 && warned[0].contains("`OpenOptions::command`"), "{warned:?}");
    assert_eq!(report(&project).place, Place::Process);
    let (used, warned) = first_use(&project, |_| {});
    used.expect("it was tried");
    assert!(warned.is_empty(), "{warned:?}");
}

#[test]
fn a_command_that_is_none_is_named_and_is_no_fault_of_the_component() {
    let project = project("", "");
    for (command, words) in [
        (project.path("nowhere"), "cannot start "),
        (PathBuf::from("/bin/true"), "/bin/true is not the onepath command"),
        (PathBuf::from("/bin/cat"), "/bin/cat is not the onepath command"),
    ] {
        let (used, _) = first_use(&project, |options| options.command = Some(command));
        let error = refusal(used);
        assert!(!error.is_refusal() && error.to_string().contains(words), "{error}");
    }
    assert!(!project.path(".onepath/cache/admission").exists(), "nothing was found out");
}

#[test]
fn what_takes_too_long_is_refused_and_told_or_used_with_a_warning() {
    let text = "its 100 ms (`admission_ms_max` under [limits]) were over while ";
    let short = "[limits]\nadmission_ms_max = 100\n";
    for (case, given) in [command(), None].into_iter().enumerate() {
        let project = project("", short);
        let error = refusal(first_use(&project, |options| options.command.clone_from(&given)).0);
        let is_told = error.to_string().contains(text) || matches!(error, LoadError::CompileTime { .. });
        assert!(error.is_refusal() && is_told, "{case}: {error}");
    }
    // The budget of compiling is that of all; where it was compiled before, only the laws are late.
    let project = project("admission = \"warn\"", "");
    first_use(&project, |options| options.command = command()).0.expect("churn is admitted");
    project.configure(&format!("{}\n{short}", std::fs::read_to_string(project.path("onepath.toml")).expect("reads")));
    let (used, warned) = first_use(&project, |options| options.command = command());
    used.expect("it is used");
    assert!(warned.len() == 1 && warned[0].contains(text), "{warned:?}");
}

#[test]
fn who_is_stopped_ends_the_child() {
    let project = project("", "");
    let (used, _) = first_use(&project, |options| {
        options.command = command();
        options.stop = Arc::new(AtomicBool::new(true));
    });
    assert!(matches!(used, Err(Error::Stopped)), "{used:?}");
}

#[test]
fn a_child_finds_what_a_process_finds() {
    let project = project("", "");
    let found = |command: Option<PathBuf>| {
        let store = FeatureStore::open(project.dir(), OpenOptions { command, ..project.options() }).expect("opens");
        let how = ViewCheck { seed: 7, cases: 100, earlier: Earlier::Ignored, output: None };
        let report = store.check_view(&store.project().views[0], &how).expect("it is tried");
        assert!(report.holds() && report.cost.is_some());
        // What is measured in time is another each time.
        let cost = report.cost.as_ref().map(|cost| (cost.operators_per_question, cost.state_bytes));
        let report = Report { place: Place::Child, cost: None, ..report };
        (serde_json::to_string(&report).expect("writes"), cost)
    };
    assert_eq!(found(command()), found(None));
}

#[test]
fn the_subcommand_is_not_for_people() {
    let ran = Project::new("").run("admission-child");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("this command is for onepath itself"), "{}", ran.stderr);
    let help = Project::new("").run("--help");
    assert!(!help.stdout.contains("admission-child"), "{}", help.stdout);
}
