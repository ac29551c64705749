//! Each change that decides values changes the identity of exactly the views that depend on it; any other changes none.
//!
//! That no field of the project's structs is forgotten is held by the compiler: `feature_store/identity.rs` takes them apart.

use onepath::feature_store::{FeatureSelection, OpenOptions};
use onepath::project::Admission;

use super::model::{Keys, Model, Transform};
use super::tally;
use crate::support::{Project, Random};

/// The digests of the identities of all views of the project in `text`, in the order of `model`.
fn identities(project: &Project, model: &Model, text: &str) -> Vec<String> {
    project.configure(text);
    // The text may say another admission; the components are known.
    let options = OpenOptions { admission: Admission::Off, ..project.options() };
    let store = onepath::feature_store::FeatureStore::open(project.dir(), options)
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let references = model
        .views
        .iter()
        .map(|view| format!("{}:{}", view.name, view.transform.float_feature()).parse().expect("a reference"));
    let plan = store
        .plan(&FeatureSelection::References(references.collect()))
        .unwrap_or_else(|error| panic!("{error}\n{text}"));
    let identity =
        |name: &str| plan.views.iter().find(|planned| planned.view.name == name).map(|view| view.identity.digest());
    model.views.iter().map(|view| identity(&view.name).expect("every view is planned")).collect()
}

/// A change, in words; the changed project; and the views that it changes by itself.
type Change = (String, Model, Vec<usize>);

/// The changes that decide values.
fn semantic(model: &Model, random: &mut Random) -> Vec<Change> {
    let mut changes = of_sources(model, random);
    changes.extend(of_entities(model));
    changes.extend(of_views(model, random));
    changes
}

fn of_sources(model: &Model, random: &mut Random) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let at = random.below(model.sources.len());
    let readers = model.readers(at);
    let mut set = |name: &str, value: &str| {
        let mut changed = model.clone();
        let earlier = changed.sources[at].settings.insert(name.to_owned(), value.to_owned());
        assert_ne!(earlier.as_deref(), Some(value));
        changes.push((format!("s{at}.{name} = {value}"), changed, readers.clone()));
    };
    set("event_time", "\"happened\"");
    set("event_time_unit", "\"ms\"");
    set("arrival_time", "\"seen_at\"");
    set("time_format", "\"%Y/%m/%d\"");
    set("event_id", "\"none\"");
    set("skip_offsets", "[3, 7]");
    for removed in model.sources[at].settings.keys().filter(|name| *name != "event_time") {
        let mut changed = model.clone();
        changed.sources[at].settings.remove(removed);
        changes.push((format!("s{at} without {removed}"), changed, readers.clone()));
    }
    let of = |transforms: &[Transform]| -> Vec<usize> {
        readers.iter().copied().filter(|view| transforms.contains(&model.views[*view].transform)).collect()
    };
    let (optional, seen) = (of(&[Transform::Tally, Transform::Seen]), of(&[Transform::Seen]));
    for (name, value, changed_views) in [
        ("amount", "\"int64\"", &readers),
        ("amount", "{ type = \"float64\", nullable = false }", &optional),
        ("whole", "{ type = \"int64\", nullable = false }", &seen),
    ] {
        let mut changed = model.clone();
        changed.sources[at].fields.insert(name.to_owned(), value.to_owned());
        changes.push((format!("s{at}.fields.{name} = {value}"), changed, changed_views.clone()));
    }
    for (name, changed_views) in
        [("amount", &readers), ("first", &readers), ("ts", &readers), ("text", &seen), ("flag", &seen)]
    {
        let mut changed = model.clone();
        changed.sources[at].columns.insert(name.to_owned(), "\"a, b\"".to_owned());
        changes.push((format!("s{at}.columns.{name}"), changed, changed_views.clone()));
    }
    let mut renamed = model.clone();
    renamed.sources[at].name = "renamed".to_owned();
    changes.push((format!("s{at} renamed"), renamed, readers.clone()));
    if model.sources[at].entities == [0] {
        let mut widened = model.clone();
        widened.sources[at].entities.push(1);
        changes.push((format!("s{at} of two entities"), widened, readers));
    }
    changes
}

fn of_entities(model: &Model) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for at in 0..model.entities.len() {
        let views = 0..model.views.len();
        let has = |view: &usize| {
            let view = &model.views[*view];
            view.entity == Some(at) || view.sources.iter().any(|source| model.sources[*source].entities.contains(&at))
        };
        // A view without sources describes what its inputs' views do.
        let direct: Vec<usize> = views.filter(|view| has(view)).collect();
        let mut change = |words: &str, edit: &dyn Fn(&mut Keys)| {
            let mut changed = model.clone();
            edit(&mut changed.entities[at].keys);
            changes.push((format!("entity {at}: {words}"), changed, direct.clone()));
        };
        change("another type", &|keys| keys[0].1 = if keys[0].1 == "text" { "int64" } else { "text" });
        change("another name", &|keys| keys[0].0 = "other".to_owned());
        change("one more", &|keys| keys.push(("more".to_owned(), "text")));
        if model.entities[at].keys.len() > 1 {
            change("one less", &|keys| drop(keys.pop()));
        }
    }
    changes
}

fn of_views(model: &Model, random: &mut Random) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    for (at, view) in model.views.iter().enumerate() {
        let mut change = |words: &str, edit: &mut dyn FnMut(&mut Model)| {
            let mut changed = model.clone();
            edit(&mut changed);
            changes.push((format!("v{at}: {words}"), changed, vec![at]));
        };
        if view.sources.is_empty() {
            let others: Vec<usize> = (0..at).filter(|other| *other != view.inputs[0]).collect();
            let other = *random.pick(&others);
            change("another input", &mut |changed| changed.views[at].inputs[0] = other);
            let feature = view.transform.float_feature();
            change("default of a feature", &mut |changed| {
                changed.views[at].below.push(format!("[views.v{at}.features.{feature}]\ndefault = -1\n"));
            });
            continue;
        }
        change("ttl", &mut |changed| {
            let _ = changed.views[at].settings.insert("ttl".into(), "\"25h\"".into());
        });
        let feature = view.transform.float_feature();
        for (setting, value) in [("ttl", "\"25h\""), ("default", "0.5"), ("default", "nan")] {
            change(&format!("{setting} of a feature"), &mut |changed| {
                changed.views[at].below.push(format!("[views.v{at}.features.{feature}]\n{setting} = {value}\n"));
            });
        }
        match view.sources.len() {
            1 => {
                let other = (view.sources[0] + 1) % model.sources.len();
                change("one more source", &mut |changed| changed.views[at].sources.push(other));
            }
            _ => {
                change("sources in another order", &mut |changed| changed.views[at].sources.rotate_left(1));
                change("one source less", &mut |changed| changed.views[at].sources.truncate(view.sources.len() - 1));
            }
        }
        match view.transform {
            Transform::Scaled => change("parameter", &mut |changed| {
                changed.views[at].settings.insert("parameters".into(), "{ factor = 3 }".into());
            }),
            Transform::Tally => {
                change("other bytes", &mut |changed| changed.views[at].file = Some("tally.wasm".into()))
            }
            _ => {}
        }
    }
    // The label is how those that read it name it.
    let mut renamed = model.clone();
    let readers = (0..model.views.len()).filter(|at| model.views[*at].inputs.contains(&0)).collect();
    renamed.views[0].name = "renamed".to_owned();
    changes.push(("v0 renamed".to_owned(), renamed.clone(), Clone::clone(&readers)));
    renamed.views[0].name = "v0".to_owned();
    renamed.views[0].settings.insert("version".into(), "2".into());
    changes.push(("v0@v2".to_owned(), renamed, readers));
    changes
}

/// The changes that decide nothing: each as a text.
fn other(model: &Model, random: &mut Random) -> Vec<(String, Model, String)> {
    let mut changes: Vec<(String, Model, String)> = Vec::new();
    let mut change = |words: &str, edit: &dyn Fn(&mut Model)| {
        let mut changed = model.clone();
        edit(&mut changed);
        let text = changed.text();
        changes.push((words.to_owned(), changed, text));
    };
    let for_people: [(&str, &str); 3] = [("owner", "\"me\""), ("description", "\"words\""), ("tags", "{ a = \"b\" }")];
    for (name, value) in for_people {
        let insert = |settings: &mut super::model::Settings| drop(settings.insert(name.to_owned(), value.to_owned()));
        change(&format!("{name} of views and sources"), &|changed| {
            changed.views.iter_mut().for_each(|view| insert(&mut view.settings));
            changed.sources.iter_mut().for_each(|source| insert(&mut source.settings));
        });
    }
    change("description of entities", &|changed| {
        changed.entities[0].settings.insert("description".into(), "\"words\"".into());
    });
    change("freshness and facts of features", &|changed| {
        changed.views[0].settings.insert("freshness".into(), "\"1h\"".into());
        changed.views[0].below.push("[views.v0.features.total]\nowner = \"me\"\nfreshness = \"2h\"\n".into());
    });
    change("files", &|changed| {
        changed.sources[0].settings.insert("files".into(), "[\"a.csv\", \"b.parquet\"]".into());
    });
    change("what no view reads", &|changed| {
        changed.sources[0].fields.insert("rest".into(), "{ type = \"int64\", nullable = false }".into());
        changed.sources[0].columns.insert("rest".into(), "\"r\"".into());
    });
    change("what was so already", &|changed| {
        for source in &mut changed.sources {
            source.fields.insert("amount".into(), "{ type = \"float64\", description = \"words\" }".into());
            source.fields.insert("whole".into(), "{ type = \"int64\", nullable = true }".into());
            source.fields.insert("ts".into(), "\"time\"".into());
        }
    });
    change("names of project and entities", &|changed| {
        changed.head.insert("name".into(), "\"another\"".into());
        changed.entities.iter_mut().for_each(|entity| entity.name = format!("x_{}", entity.name));
    });
    change("limits, admission, serving, services", &|changed| {
        changed.head.insert("admission".into(), "\"off\"".into());
        changed.head.insert("repeat_share".into(), "0.5".into());
        changed.head.insert("isolation".into(), "\"call\"".into());
        changed.others.push("[limits]\ncall_ms_max = 9000\n".into());
        changed.others.push("[serving]\nlog_share = 0.5\n".into());
        changed.others.push("[services.all]\nfeatures = [\"v0:*\"]\nowner = \"me\"\n".into());
    });
    change("other spellings", &|changed| {
        for view in &mut changed.views {
            for (name, from, to) in [("ttl", "\"24h\"", "\"1d\""), ("parameters", "{ factor = 2 }", "{ factor = 2.0 }")]
            {
                if let Some(value) = view.settings.get_mut(name) {
                    assert_eq!(value, from);
                    *value = to.to_owned();
                }
            }
        }
    });
    for _ in 0..3 {
        changes.push(("another order".to_owned(), model.clone(), model.shuffled(random)));
    }
    let spaced = model.text().replace(" = ", "=").replace('\n', "  # a remark\n\n");
    changes.push(("layout".to_owned(), model.clone(), spaced));
    changes
}

#[test]
fn an_identity_changes_with_what_decides_values_and_with_nothing_else() {
    for seed in [1, 2, 3] {
        println!("seed {seed}");
        let mut random = Random::new(seed);
        let model = Model::random(&mut random);
        let project = Project::new(&model.text());
        let bytes = std::fs::read(tally()).expect("was built");
        project.write("tally.wasm", [&bytes[..], b"\0\x05\x04note"].concat());
        let before = identities(&project, &model, &model.text());
        for (words, changed, direct) in semantic(&model, &mut random) {
            let after = identities(&project, &changed, &changed.text());
            let found: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
            assert_eq!(found, model.above(&direct), "seed {seed}, {words}:\n{}\n{}", model.text(), changed.text());
        }
        for (words, changed, text) in other(&model, &mut random) {
            assert_eq!(identities(&project, &changed, &text), before, "seed {seed}, {words}:\n{text}");
        }
    }
}
