//! Who reads what: services and training sets, and the readers of views and features.

use std::collections::BTreeMap;
use std::path::Path;

use super::entries::{Catalog, Readers, ServiceEntry, ServiceFeature, ServiceInput, ServiceView, TrainingSetEntry};
use crate::feature_store::TrainingSet;
use crate::project::{Project, Selection, Service, View};

/// The entry of a service; `catalog` has the views and features already.
pub(super) fn service(service: &Service, project: &Project, catalog: &Catalog) -> ServiceEntry {
    let Service { name, features, owner, description, tags, spans: _ } = service;
    let given = given(features, project, catalog);
    let views = project.required_views(features).unwrap_or_default();
    let of = |label: &str| catalog.views.iter().find(|entry| entry.view == label);
    let is_stale = |feature: &ServiceFeature| {
        let name = feature.feature.split_once(':').map_or("", |(_, name)| name);
        let found = catalog.features.iter().find(|known| known.view == feature.view && known.name == name);
        found.is_some_and(|found| found.fresh.is_stale)
    };
    ServiceEntry {
        service: name.clone(),
        owner: owner.clone(),
        description: description.clone(),
        tags: tags.clone(),
        selects: features.iter().map(ToString::to_string).collect(),
        inputs: inputs(project, &views, catalog),
        is_stale: given.iter().any(is_stale),
        features: given,
        views: views
            .iter()
            .map(|view| ServiceView {
                view: view.label(),
                component: of(&view.label()).and_then(|entry| entry.component.clone()),
            })
            .collect(),
        training_sets: Vec::new(),
    }
}

/// The features that a service gives, as answers name them.
fn given(selections: &[Selection], project: &Project, catalog: &Catalog) -> Vec<ServiceFeature> {
    let mut given = Vec::new();
    for selection in selections {
        let Ok(view) = project.view_version(selection.view(), selection.version()) else { continue };
        let label = view.label();
        let of_view = catalog.features.iter().filter(|feature| feature.view == label);
        match selection {
            Selection::One(reference) => given.push(ServiceFeature {
                feature: reference.to_string(),
                value_type: of_view
                    .clone()
                    .find(|feature| feature.name == reference.feature)
                    .and_then(|feature| feature.value_type),
                view: label.clone(),
            }),
            Selection::All { view, version } => {
                let version = version.map_or_else(String::new, |version| format!("@v{version}"));
                given.extend(of_view.map(|feature| ServiceFeature {
                    feature: format!("{view}{version}:{}", feature.name),
                    value_type: feature.value_type,
                    view: label.clone(),
                }));
            }
        }
    }
    given
}

/// What a question to these views must bring: the keys of their entities, then what they read of requests.
fn inputs(project: &Project, views: &[&View], catalog: &Catalog) -> Vec<ServiceInput> {
    let mut inputs: Vec<ServiceInput> = Vec::new();
    for entity in project.required_entities(views) {
        for key in &entity.keys {
            if !inputs.iter().any(|known| known.name == key.name) {
                let value_type = key.key_type.value_type();
                inputs.push(ServiceInput { name: key.name.clone(), value_type, nullable: false, key: true });
            }
        }
    }
    let keys = inputs.len();
    let labels: Vec<String> = views.iter().map(|view| view.label()).collect();
    let entries = labels.iter().filter_map(|label| catalog.views.iter().find(|entry| entry.view == *label));
    for field in entries.flat_map(|entry| &entry.request_fields) {
        let Some(value_type) = field.value_type else { continue };
        match inputs[keys..].iter_mut().find(|known| known.name == field.name) {
            Some(known) => known.nullable &= field.nullable,
            None => {
                let (name, nullable) = (field.name.clone(), field.nullable);
                inputs.push(ServiceInput { name, value_type, nullable, key: false });
            }
        }
    }
    // As the project declares them, then the others: the order in which a question is planned.
    let place = |name: &str| {
        let declared = project.request_fields.iter().position(|declared| declared.name == name);
        declared.unwrap_or(usize::MAX)
    };
    inputs[keys..].sort_by_key(|input| place(&input.name));
    inputs
}

/// The entry of a training set.
pub(super) fn training_set(noted: TrainingSet, root: &Path, catalog: &Catalog) -> TrainingSetEntry {
    let manifest = {
        let mut name = root.join(&noted.path).into_os_string();
        name.push(".manifest.json");
        name
    };
    let is_changed = |view: &str, component: &str| {
        catalog.views.iter().find(|entry| entry.view == view).and_then(|entry| entry.component.as_deref())
            != Some(component)
    };
    let changed = noted.views.iter().filter(|view| is_changed(&view.view, &view.component));
    TrainingSetEntry {
        is_there: Path::new(&manifest).exists(),
        changed_views: changed.map(|view| view.view.clone()).collect(),
        noted,
    }
}

/// Tells every view and feature who reads it.
pub(super) fn connect(catalog: &mut Catalog) {
    let mut of: BTreeMap<String, Readers> = BTreeMap::new();
    let mut note = |feature: &str, part: fn(&mut Readers) -> &mut Vec<String>, reader: &str| {
        let readers = part(of.entry(feature.to_owned()).or_default());
        // What one reader reads comes in a row.
        if readers.last().is_none_or(|last| last != reader) {
            readers.push(reader.to_owned());
        }
    };
    for feature in &catalog.features {
        feature.reads.features.iter().for_each(|read| note(read, |readers| &mut readers.views, &feature.view));
    }
    for service in &catalog.services {
        for ServiceFeature { feature, view, value_type: _ } in &service.features {
            let name = feature.split_once(':').map_or("", |(_, name)| name);
            note(&format!("{view}:{name}"), |readers| &mut readers.services, &service.service);
        }
    }
    for set in &catalog.training_sets {
        let path = set.noted.path.display().to_string();
        set.noted.features.iter().for_each(|feature| note(feature, |readers| &mut readers.training_sets, &path));
    }
    for feature in &mut catalog.features {
        feature.readers = of.remove(&feature.feature).unwrap_or_default();
    }
    for view in &mut catalog.views {
        for feature in catalog.features.iter().filter(|feature| feature.view == view.view) {
            let Readers { views, services, training_sets } = &feature.readers;
            push_new(&mut view.readers.views, views);
            push_new(&mut view.readers.services, services);
            push_new(&mut view.readers.training_sets, training_sets);
        }
    }
    for service in &mut catalog.services {
        let made = catalog.training_sets.iter().filter(|set| set.noted.service.as_ref() == Some(&service.service));
        service.training_sets = made.map(|set| set.noted.path.display().to_string()).collect();
    }
}

fn push_new(names: &mut Vec<String>, more: &[String]) {
    for name in more {
        if !names.contains(name) {
            names.push(name.clone());
        }
    }
}
