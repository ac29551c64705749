//! Projects that hold together.

use std::fs;
use std::path::{Path, PathBuf};

use expect_test::{expect, expect_file};

use crate::batch::Value;
use crate::files::FileSystem;
use crate::project::{Project, ProjectError, View};

const CHURN: &str = include_str!("churn.toml");

fn churn() -> Project {
    Project::parse(CHURN, Path::new("work/onepath.toml")).expect("a valid project")
}

fn labels(views: &[&View]) -> Vec<String> {
    views.iter().map(|view| view.label()).collect()
}

#[test]
fn everything_declared_is_resolved() {
    let project = churn();
    let without_order =
        (&project.root, &project.name, &project.entities, &project.sources, &project.views, &project.services);
    expect_file!["churn.txt"].assert_debug_eq(&without_order);
    assert_eq!(project.data_dir(), Path::new("work/.onepath"));
}

#[test]
fn parameters_have_the_types_of_their_values() {
    let project = churn();
    let parameters = &project.view("activity@v2").expect("a view").parameters;
    assert!(matches!(parameters[0], (_, Value::Int64(30))));
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["length_days", "floor", "strict", "kind", "since", "weights"]);
}

#[test]
fn a_view_without_a_version_is_the_highest() {
    let project = churn();
    assert_eq!(project.view("activity").expect("a view").version, 2);
    assert_eq!(project.view("activity@v1").expect("a view").version, 1);
    expect![[r#"unknown view "activity@v3": did you mean "activity@v2"? known views: activity@v2, activity@v1"#]]
        .assert_eq(&project.view("activity@v3").expect_err("no such version").to_string());
    expect![[r#"unknown view "activty": did you mean "activity"? known views: risk, double_risk, activity, shop, ratios, cart"#]].assert_eq(&project.view("activty").expect_err("no such view").to_string());
    expect![[r#"unknown entity "customers": did you mean "customer"? known entities: merchant, customer"#]]
        .assert_eq(&project.entity("customers").expect_err("no such entity").to_string());
    expect![[r#"unknown source "zzz": known sources: events, sales"#]]
        .assert_eq(&project.source("zzz").expect_err("no such source").to_string());
    expect![[r#"unknown service "churn_v2": did you mean "churn_v1"? known services: churn_v1"#]]
        .assert_eq(&project.service("churn_v2").expect_err("no such service").to_string());
}

#[test]
fn required_views_are_those_selected_after_their_inputs() {
    let project = churn();
    let required = |text: &str| {
        let selections = project.references(text).expect("references");
        labels(&project.required_views(&selections).expect("known views"))
    };
    assert_eq!(required("risk:score"), ["activity@v1", "shop@v1", "ratios@v1", "risk@v1"]);
    assert_eq!(required("ratios:*, activity:purchase_count_30d"), ["activity@v2", "activity@v1", "ratios@v1"]);
    assert_eq!(required("cart:value_log"), ["cart@v1"]);
}

#[test]
fn entities_come_from_sources_and_inputs() {
    let project = churn();
    let entity = |view: &str| project.view(view).expect("a view").entity.as_deref();
    assert_eq!(entity("activity"), Some("customer"));
    assert_eq!(entity("ratios"), Some("customer"), "from its inputs");
    assert_eq!(entity("risk"), None, "it joins two");
    assert_eq!(entity("double_risk"), None, "a joined view is not of one entity because another input is");
    assert_eq!(entity("cart"), None, "request only");
    let selections = project.references("risk:score").expect("references");
    let views = project.required_views(&selections).expect("known views");
    let entities: Vec<&str> = project.required_entities(&views).iter().map(|entity| entity.name.as_str()).collect();
    assert_eq!(entities, ["merchant", "customer"]);
}

#[test]
fn lists_of_references_are_checked() {
    let project = churn();
    for text in ["", " , ", "activity", "activty:x", "activity@v7:x", "activity:x,ratios"] {
        assert!(project.references(text).is_err(), "{text}");
    }
    expect![[r#""activity" is not a feature reference: write view:feature, view@v2:feature or view:*"#]]
        .assert_eq(&project.references("activity").expect_err("no feature").to_string());
    expect![[r#"unknown view "activty": did you mean "activity"? known views: risk, double_risk, activity, shop, ratios, cart"#]].assert_eq(&project.references("activty:x").expect_err("no such view").to_string());
}

#[test]
fn files_are_sorted_within_a_pattern_and_kept_in_the_order_of_patterns() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("odd [name]*");
    fs::create_dir_all(root.join("data/deep")).expect("a folder");
    fs::create_dir_all(root.join("data/folder.csv")).expect("a folder");
    for file in ["b.csv", "a.csv", "z.parquet", "deep/c.csv", "[x].csv", ".hidden.csv"] {
        fs::write(root.join("data").join(file), "").expect("a file");
    }
    let mut source = churn().sources[0].clone();
    let mut resolve = |files: &[&str]| -> Result<Vec<String>, ProjectError> {
        source.files = files.iter().map(|file| (*file).to_owned()).collect();
        let relative = |file: PathBuf| file.strip_prefix(&root).expect("below the root").display().to_string();
        Ok(source.resolve_files(&FileSystem, &root)?.into_iter().map(relative).collect())
    };
    let resolved = resolve(&["data/z.parquet", "data/*.csv", "data/a.csv"]).expect("files");
    assert_eq!(resolved, ["data/z.parquet", "data/[x].csv", "data/a.csv", "data/b.csv"]);
    assert_eq!(resolve(&["data/**/c.csv"]).expect("files"), ["data/deep/c.csv"]);
    assert_eq!(resolve(&["data/[x].csv"]).expect("files"), ["data/[x].csv"]);
    fs::write(root.join("no[pattern.csv"), "").expect("a file");
    assert_eq!(resolve(&["no[pattern.csv"]).expect("files"), ["no[pattern.csv"]);
    assert_eq!(resolve(&[]).expect("none"), [""; 0]);
    let message = |error: ProjectError| error.to_string().replace(&root.display().to_string(), "ROOT");
    expect![[r#"source "events": no file matches "data/*.ndjson" in ROOT"#]]
        .assert_eq(&message(resolve(&["data/a.csv", "data/*.ndjson"]).expect_err("no match")));
    expect![[r#"source "events": no file matches "data/gone.csv" in ROOT"#]]
        .assert_eq(&message(resolve(&["data/gone.csv"]).expect_err("no file")));
    expect![[r#"source "events": "data/***" is not a file pattern"#]]
        .assert_eq(&message(resolve(&["data/***"]).expect_err("not a pattern")));
}

/// What Spark, Hive and pyarrow keep beside data is no data for them, and none here.
#[test]
fn patterns_pass_over_what_is_not_committed() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = [
        "data/.hidden/part-0.parquet",
        "data/.part-0.parquet.crc",
        "data/_SUCCESS",
        "data/_temporary/0/task_1/part-0.parquet",
        "data/_x=1/dt=2024-01-02/part-0.parquet",
        "data/dt=2024-01-01/_tmp.parquet",
        "data/dt=2024-01-01/part-0.parquet",
        "data/part=_1.parquet",
        "_staged/a.parquet",
        "_staged/_b.parquet",
        "_staged/c.csv",
        "csv/d.csv",
    ];
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, "").expect("a file");
    }
    let mut source = churn().sources[0].clone();
    let mut resolve = |pattern: &str| {
        source.files = vec![pattern.to_owned()];
        let relative = |file: &PathBuf| file.strip_prefix(folder.path()).expect("below").display().to_string();
        source.resolve_files(&FileSystem, folder.path()).map(|files| files.iter().map(relative).collect::<Vec<_>>())
    };
    let absolute = format!("{}/data/**/*.parquet", folder.path().display());
    for (pattern, expected) in [
        (
            "data/**/*.parquet",
            &["data/_x=1/dt=2024-01-02/part-0.parquet", "data/dt=2024-01-01/part-0.parquet", "data/part=_1.parquet"][..],
        ),
        (
            absolute.as_str(),
            &["data/_x=1/dt=2024-01-02/part-0.parquet", "data/dt=2024-01-01/part-0.parquet", "data/part=_1.parquet"],
        ),
        ("data/*", &["data/part=_1.parquet"]),
        // What the pattern names is asked for, and so is a plain name.
        ("_staged/*.parquet", &["_staged/a.parquet"]),
        ("./_staged/*.parquet", &["_staged/a.parquet"]),
        ("_staged/_*.parquet", &["_staged/_b.parquet"]),
        ("data/*/_t*.parquet", &["data/dt=2024-01-01/_tmp.parquet"]),
        ("*/_temporary/**/*.parquet", &["data/_temporary/0/task_1/part-0.parquet"]),
        ("data/dt=2024-01-01/_tmp.parquet", &["data/dt=2024-01-01/_tmp.parquet"]),
    ] {
        assert_eq!(resolve(pattern).expect("files"), expected, "{pattern}");
    }
    let mut refused = |pattern: &str| resolve(pattern).expect_err("no file").to_string();
    expect![[r#"source "events": data is a folder: write data/**/*.parquet"#]].assert_eq(&refused("data"));
    expect![[r#"source "events": csv is a folder: write csv/**/*.csv"#]].assert_eq(&refused("csv/"));
    assert!(refused("data/dt=*/_SUCCESS*").contains("no file matches"));
}

/// The order of files decides ties, so it is that of their names below the root, however the root is named.
#[cfg(unix)]
#[test]
fn files_have_one_order_and_count_once_however_they_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let root = folder.path().join("p");
    fs::create_dir_all(root.join("data")).expect("a folder");
    for file in ["data/1.csv", "data/2.csv"] {
        fs::write(root.join(file), file).expect("a file");
    }
    std::os::unix::fs::symlink("1.csv", root.join("data/3.csv")).expect("a link");
    fs::hard_link(root.join("data/2.csv"), root.join("data/0.csv")).expect("a link");
    std::os::unix::fs::symlink(&root, folder.path().join("q")).expect("a link");
    let mut source = churn().sources[0].clone();
    for name in ["p", "./p", "q", "p/../p", "p/data/.."] {
        let named = folder.path().join(name);
        for patterns in [
            &["data/*.csv", "data/1.csv", "data/../data/1.csv", "./data/*"][..],
            &["./data/*.csv"],
            &["data/../data/[0-9].csv", "data/3.csv"],
        ] {
            source.files = patterns.iter().map(|pattern| (*pattern).to_owned()).collect();
            let files = source.resolve_files(&FileSystem, &named).expect("files");
            let names: Vec<_> = files.iter().map(|file| file.file_name().expect("a name").to_owned()).collect();
            assert_eq!(names, ["0.csv", "1.csv"], "{name} {patterns:?}");
            assert!(files.iter().all(|file| file.starts_with(&named)), "named as the root was: {files:?}");
        }
    }
}

#[test]
fn a_project_is_loaded_from_its_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let missing = Project::load(folder.path()).expect_err("no project file").to_string();
    let expected = format!(
        "no onepath.toml in {}; run the command in a project folder or give --project DIR",
        folder.path().display()
    );
    assert_eq!(missing, expected);
    fs::write(folder.path().join("onepath.toml"), CHURN).expect("a file");
    assert_eq!(Project::load(folder.path()).expect("a project").root, folder.path());
}

#[test]
fn a_damaged_file_is_an_error_with_a_place_and_never_a_panic() {
    let places: Vec<usize> = CHURN.char_indices().map(|(at, _)| at).collect();
    let mut faults = 0;
    for at in places {
        let (before, after) = CHURN.split_at(at);
        let damaged = [
            before.to_owned(),
            format!("{before}{}", &after[1..]),
            format!("{before}é{after}"),
            format!("{before}\n{after}"),
        ];
        for text in damaged {
            match Project::parse(&text, Path::new("onepath.toml")) {
                Ok(_) => {}
                Err(ProjectError::Invalid(invalid)) => {
                    assert!(invalid.line() <= text.split('\n').count(), "{invalid}");
                    faults += 1;
                }
                Err(other) => panic!("a fault without a place: {other}"),
            }
        }
    }
    assert!(faults > 1000, "only {faults} faults");
}

/// The tables of files that are included are those of the project, and a fault names its file.
#[test]
fn tables_of_included_files_are_those_of_the_project() {
    let dir = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| {
        fs::create_dir_all(dir.path().join("views")).expect("makes a folder");
        fs::write(dir.path().join(name), text).expect("writes a file");
    };
    let main = "include = [\"views/*.toml\", \"*.toml\"]\n[project]\nname = \"p\"\n[entities.user]\nkeys = { id = \"text\" }\n\
                [sources.events]\nentity = \"user\"\nevent_time = \"at\"";
    write("onepath.toml", main);
    write("views/b.toml", "# Mine.\n[views.second]\nsources = [\"events\"]\ntransform = \"t\"");
    write("views/a.toml", "[views.first]\nsources = [\"events\"]\ntransform = \"t\"\n");
    let project = Project::load(dir.path()).expect("holds together");
    let names: Vec<&str> = project.views.iter().map(|view| view.name.as_str()).collect();
    assert_eq!(names, ["first", "second"]);
    assert_eq!(project.views[0].transform.path(), Some(dir.path().join("t").as_path()), "of the project's folder");
    // What is kept of a project is one document.
    assert_eq!(Project::parse(project.text(), Path::new("onepath.toml")).expect("is whole").views.len(), 2);

    let fault = |name: &str, text: &str| {
        write(name, text);
        let error = Project::load(dir.path()).expect_err("is at fault").to_string();
        error.replace(&format!("{}/", dir.path().display()), "")
    };
    expect![[r#"
        views/b.toml:2:12: unknown source "evnets"
          |
        2 | sources = ["evnets"]
          |            ^^^^^^^^
          |
          = help: did you mean "events"? known sources: events"#]]
    .assert_eq(&fault("views/b.toml", "[views.second]\nsources = [\"evnets\"]\ntransform = \"t\"\n"));
    expect![[r#"
        views/b.toml:1:8: duplicate key
          |
        1 | [views.first]
          |        ^^^^^ declared before
          |
          = help: choose another name; a second version of a view is [views."NAME@v2"]"#]]
    .assert_eq(&fault("views/b.toml", "[views.first]\nsources = [\"events\"]\ntransform = \"t\"\n"));
    expect![[r#"
        views/b.toml:3:3: an entry of an included file before its first table
          |
        3 |   version = 2
          |   ^^^^^^^^^^^
          |
          = help: an included file has tables alone, such as [views.NAME]: write the others in onepath.toml"#]]
    .assert_eq(&fault("views/b.toml", "# Mine.\n\n  version = 2\n"));
    write("views/b.toml", "");
    expect![[r#"
        onepath.toml:1:12: no file matches "veiws/*.toml"
          |
        1 | include = ["veiws/*.toml", "*.toml"]
          |            ^^^^^^^^^^^^^^
          |
          = help: name files relative to the project's folder, such as "views/*.toml", or remove it"#]]
    .assert_eq(&fault("onepath.toml", &main.replace("views/*", "veiws/*")));
}
