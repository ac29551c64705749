//! Every field of a project is decided: it belongs to the identity of views, or it does not.
//!
//! `feature_store/identity.rs` takes apart what a view and its sources are. Here is the rest, without `..`: a new field does
//! not compile until it stands on one side. `tests/identity/properties.rs` in the repository then needs a change of it.

use std::path::Path;

use super::super::{DeclaredField, FeatureInfo, Input, Project, Service};
use super::REST;

/// What of a project decides the values of its views.
fn decides_values(project: &Project) -> usize {
    let Project {
        entities,
        sources,
        views,
        // Where it is and what it is called.
        root: _,
        name: _,
        text: _,
        include: _,
        // Which values are asked for together, and who answers for them.
        services: _,
        // Which requests are taken. What a view reads of one is what its component says.
        request_fields: _,
        // What a component may use, whether it is trusted, how often it is tried: an error, never another value.
        limits: _,
        admission: _,
        repeat_every: _,
        // How often a component is started: of one that keeps nothing, the same bits.
        isolation: _,
        // Where components lie: which one runs is what decides.
        component_store: _,
        // What of the answers is kept.
        serving: _,
        // A function of the views.
        order: _,
    } = project;
    entities.len() + sources.len() + views.len()
}

/// Of a declared field, type and nullability of what a view reads.
fn decides_how_a_field_is_read(field: &DeclaredField) -> bool {
    let DeclaredField { name: _, value_type: _, nullable, description: _, span: _ } = field;
    nullable.is_some()
}

/// Of the inputs, the features of other views: a request brings its fields itself.
fn decides_what_is_read(input: &Input) -> bool {
    match input {
        Input::Feature { reference: _, name: _ } => true,
        Input::Request(_) => false,
    }
}

/// Of what is declared about a feature, what replaces its nulls and when it is null.
fn decides_what_is_null(feature: &FeatureInfo) -> bool {
    let FeatureInfo { default, ttl, owner: _, description: _, freshness: _, profile_values: _, tags: _ } = feature;
    default.is_some() || ttl.is_some()
}

/// Nothing of these.
fn decides_nothing(service: Option<&Service>) {
    if let Some(Service { name: _, features: _, owner: _, description: _, tags: _, spans: _ }) = service {}
}

#[test]
fn every_field_is_decided() {
    let text = format!(
        "{REST}inputs = [\"request:amount\", \"other:count\"]\n[views.other]\nsources = [\"events\"]\ntransform = \"t\"\n\
         [views.other.features]\ncount = {{ ttl = \"1d\" }}\ntotal = {{ owner = \"o\" }}\n\
         [sources.events.fields]\namount = {{ type = \"int64\", nullable = false }}\n[services.s]\nfeatures = [\"other:*\"]\n"
    );
    let project = Project::parse(&text, Path::new("onepath.toml")).expect("a valid project");
    assert_eq!(decides_values(&project), 2 + 2 + 2);
    assert!(decides_how_a_field_is_read(&project.sources[0].fields[0]));
    let read: Vec<bool> = project.views[0].inputs.iter().map(decides_what_is_read).collect();
    assert_eq!(read, [false, true]);
    let decided: Vec<bool> = project.views[1].features.values().map(decides_what_is_null).collect();
    assert_eq!(decided, [true, false]);
    decides_nothing(project.services.first());
}
