//! The laws at a component's first use.

use std::path::PathBuf;
use std::sync::OnceLock;

use expect_test::expect;
use onepath::build::CargoBuild;

use crate::support::{Project, Ran, component, repository};

/// The component of one of the hostile guests.
fn guest(name: &str) -> PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let folder = BUILT.get_or_init(|| {
        let mut build = CargoBuild::new(&repository().join("tests/guests"), &mut |_| {}).expect("the guests' package");
        build.cargo.args(["--quiet"]);
        for name in ["hidden_counter", "panics_on_one_question", "one_question", "wall_clock", "lies_by_shape"] {
            build.cargo.args(["--example", name]);
        }
        build.run().expect("builds").join("examples")
    });
    folder.join(format!("{name}.wasm"))
}

/// A project of a guest, with `setting` under `[project]`.
fn project(name: &str, setting: &str) -> Project {
    let project = Project::new(&format!(
        "[project]\nname = \"admission\"\n{setting}\n[entities.customer]\nkeys = {{ customer_id = \"text\" }}\n\
         [sources.events]\nentity = \"customer\"\nevent_time = \"at\"\n[views.guest]\nsources = [\"events\"]\n\
         transform = \"guest.wasm\"\n[services.all]\nfeatures = [\"guest:*\"]\n"
    ));
    std::fs::copy(guest(name), project.path("guest.wasm")).expect("copies");
    project
}

/// What `check` says of the view, and its exit code.
fn checked(project: &Project) -> Ran {
    project.run("check guest")
}

fn get(project: &Project) -> Ran {
    project.run("get --service all --entity customer_id=c1")
}

#[test]
fn a_component_that_decides_bits_by_chance_is_refused_at_its_first_use() {
    let project = project("hidden_counter", "");
    let ran = get(&project);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    expect![[r#"
        error: the component of view guest@v1 breaks the law fresh (an instance that was used for other calls answers as a fresh one): it remembers something from one call to the next; row 1, feature value; a fresh instance: 0 (0x0000000000000000); a used instance: 37 (0x0000000000000025); `onepath check guest@v1` shows the smallest such input, and `admission` under [project] says what becomes of such a component
    "#]].assert_eq(&ran.stderr);
    // The same for all that would use it, and nothing is left behind.
    for words in ["build", "materialize", "get --service all --entity customer_id=c1"] {
        assert_eq!(project.run(words).code, 2, "{words}");
    }
    assert_eq!(project.files(), ["guest.wasm", "onepath.toml"]);
    // `check` is what looks closer, and is not stopped by it.
    let ran = project.run("check guest");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("fresh fails, the smallest input found:"), "{}", ran.stdout);
    assert!(ran.stdout.contains("use BTreeMap"), "{}", ran.stdout);
}

#[test]
fn warn_tells_it_every_time_and_off_does_not_look() {
    let warned = project("hidden_counter", "admission = \"warn\"");
    for _ in 0..2 {
        let ran = get(&warned);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(
            ran.stderr.starts_with("warning: the component of view guest@v1 breaks the law fresh ("),
            "{}",
            ran.stderr
        );
    }
    let ran = get(&project("hidden_counter", "admission = \"off\""));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
}

/// A trap is an error on both paths, and never a value: it is told as long as it is true, and the component is used.
#[test]
fn a_component_that_traps_on_some_input_is_used_with_a_warning() {
    let project = project("panics_on_one_question", "");
    let told: Vec<Ran> = (0..3).map(|_| get(&project)).collect();
    for ran in &told {
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        let warning = "warning: the component of view guest@v1 breaks the law total (";
        assert!(ran.stderr.starts_with(warning), "{}", ran.stderr);
        assert_eq!(ran.stderr, told[0].stderr);
    }
}

/// What fails at every question is of no use to anybody, and is not let in.
#[test]
fn a_component_that_answers_no_question_is_refused_when_it_is_built() {
    let refused = project("wall_clock", "");
    for words in ["build", "materialize", "get --service all --entity customer_id=c1", "build"] {
        let ran = refused.run(words);
        assert_eq!(ran.code, 2, "{words}: {}", ran.stderr);
        let told = "view guest@v1: every question that its transform was tried on failed: ";
        assert!(ran.stderr.contains(told) && ran.stderr.contains("no clock"), "{words}: {}", ran.stderr);
    }
    let warned = project("wall_clock", "admission = \"warn\"");
    let ran = warned.run("build");
    assert!(
        ran.code == 0 && ran.stderr.contains("every question that its transform was tried on failed"),
        "{}",
        ran.stderr
    );
}

/// A lie that is told only in the call that `get` makes is never served.
#[test]
fn a_component_that_lies_to_one_question_is_refused_at_its_first_use() {
    let project = project("one_question", "");
    let ran = get(&project);
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    assert!(ran.stderr.contains("breaks the law shapes ("), "{}", ran.stderr);
    assert!(ran.stderr.contains("it answers by what a call is for, or by its size; "), "{}", ran.stderr);
}

/// The cause comes first, then the input, then what to write; what it is linked to only where that is asked for.
#[test]
fn check_says_the_cause_before_all_else() {
    let project = project("wall_clock", "");
    let ran = checked(&project);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let place = |words: &str| ran.stdout.find(words).unwrap_or_else(|| panic!("{words} in\n{}", ran.stdout));
    let places =
        ["it reads the clock", "law total fails", "the smallest input", "write instead: take the time from the row"];
    let places = places.map(place);
    assert!(places.is_sorted() && place("statement") > places[3], "{}", ran.stdout);
    assert!(!ran.stdout.contains("get-stderr"), "{}", ran.stdout);
    assert!(project.run("check guest --verbose").stdout.contains("get-stderr"));
}

/// An aggregate of the author's own that loses what crosses a hop is wrong on both paths, and still found; one that also looks at the
/// order of events, and merges as it should, keeps every law.
#[test]
fn an_aggregate_that_merges_wrongly_is_refused() {
    let project = project("hidden_counter", "");
    std::fs::copy(component("tests/transforms/crossing"), project.path("guest.wasm")).expect("copies");
    let ran = checked(&project);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("it loses or changes something when it merges aggregates"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the aggregate crossing::changes::Changes in a window"), "{}", ran.stdout);
    let ran = get(&project);
    assert!(ran.code == 2 && ran.stderr.contains("breaks the law merge ("), "{}", ran.stderr);
    std::fs::copy(component("tests/transforms/crossed"), project.path("guest.wasm")).expect("copies");
    let ran = checked(&project);
    assert!(ran.code == 0 && ran.stdout.contains("1 MiB at about "), "{}{}", ran.stdout, ran.stderr);
    assert_eq!(get(&project).code, 0);
}

/// A transform that lies in calls of one shape alone, whichever it is, keeps no place to do so.
#[test]
fn whatever_lies_by_the_shape_of_a_call_is_refused() {
    let project = project("lies_by_shape", "");
    let text = std::fs::read_to_string(project.path("onepath.toml")).expect("reads");
    let honest = checked(&project);
    assert_eq!(honest.code, 0, "{}{}", honest.stdout, honest.stderr);
    for lie in ["groups", "rows", "question", "many", "push", "fold", "company", "carried", "trap", "byte"] {
        let lies = format!("transform = \"guest.wasm\"\nparameters = {{ lie = \"{lie}\" }}");
        project.configure(&text.replace("transform = \"guest.wasm\"", &lies));
        let ran = checked(&project);
        assert!(ran.code == 1 && ran.stdout.contains("fails, the smallest input found:"), "{lie}: {}", ran.stdout);
        let cause = ran.stdout.lines().find(|line| line.starts_with("it ")).expect("a cause");
        println!("{lie}: {cause}");
    }
}
