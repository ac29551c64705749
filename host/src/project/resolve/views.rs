//! Resolves views: each by itself, then what they read of each other.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::{features, length, not_a_reference, parameters, sources, transform, ttl, twice};
use crate::project::fault::Fault;
use crate::project::raw::{RawView, Table, in_order};
use crate::project::reference::versioned;
use crate::project::{Entity, FeatureReference, Input, Source, UnknownName, View, ViewSpans, graph, names};

/// A view that is resolved but for what it reads of other views.
struct Draft {
    /// The view's key in the document.
    key: Spanned<String>,
    view: View,
}

/// The views that `raw` describes, and the order in which they can be evaluated.
pub(super) fn views(
    raw: Vec<(Spanned<String>, RawView)>,
    entities: &[Entity],
    sources: &[Source],
    root: &Path,
) -> Result<(Vec<View>, Vec<usize>), Fault> {
    let mut first: HashMap<(String, u32), Range<usize>> = HashMap::with_capacity(raw.len());
    let mut keys = Vec::with_capacity(raw.len());
    let mut views: Vec<View> = Vec::with_capacity(raw.len());
    for (key, raw) in raw {
        let draft = draft(key, raw, entities, sources, root)?;
        let View { name, version, .. } = &draft.view;
        if let Some(first) = first.insert((name.clone(), *version), draft.key.span()) {
            return Err(Fault::new(draft.key.span(), format!("view {name:?} has two tables for version {version}"))
                .also(first, "first here")
                .help(format!("give one of them another version: [views.\"{name}@v{}\"]", version.saturating_add(1))));
        }
        keys.push(draft.key);
        views.push(draft.view);
    }
    let inputs = link(&views)?;
    let order = graph::order(&inputs).map_err(|cycle| circle(&cycle, &keys, &views, &inputs))?;
    inherit_entities(&mut views, &inputs, &order);
    Ok((views, order))
}

fn draft(
    key: Spanned<String>,
    raw: RawView,
    entities: &[Entity],
    sources: &[Source],
    root: &Path,
) -> Result<Draft, Fault> {
    let (name, version) = head(&key, raw.version)?;
    if raw.sources.is_empty() && raw.inputs.is_empty() && raw.request.is_empty() {
        return Err(Fault::new(key.span(), format!("view {:?} has neither sources nor inputs", key.get_ref())).help(
            "name the sources whose events it reads, sources = [\"events\"], or its inputs, inputs = [\"request:amount\"]",
        ));
    }
    let has_sources = !raw.sources.is_empty();
    let ttl = ttl(raw.ttl, || format!("view {:?}", key.get_ref()), has_sources)?;
    let declared =
        raw.entity.map(|name| sources::entity(&name, entities).map(|entity| (entity.name.clone(), name.span())));
    let entity = view_entity(key.get_ref(), declared.transpose()?, &raw.sources, sources)?;
    let (inputs, input_spans) = inputs(key.get_ref(), &raw.inputs)?;
    let mut raw_features = in_order(raw.features);
    let written = transform::Written {
        transform: raw.transform,
        latest: raw.latest,
        tie_break: raw.tie_break,
        request: raw.request,
        parameters: &raw.parameters,
    };
    let (transform, feature_spans) =
        transform::transform(&key, written, &mut raw_features, !raw.sources.is_empty(), root)?;
    let (mut inputs, mut input_spans) = (inputs, input_spans);
    if let Some(declaration) = transform.declaration() {
        for field in &declaration.request {
            let input = Input::Request(names::column(&field.name, field.span.clone(), "a request field")?);
            if let Some(at) = inputs.iter().position(|other| *other == input) {
                return Err(Fault::new(
                    input_spans[at].clone(),
                    format!("view {:?} has {input} already", key.get_ref()),
                )
                .also(field.span.clone(), "here")
                .help("remove one of them"));
            }
            inputs.push(input);
            input_spans.push(field.span.clone());
        }
    }
    let spans = ViewSpans {
        table: key.span(),
        inputs: input_spans,
        parameters: spans_of(&raw.parameters),
        features: feature_spans.iter().map(|(name, _, span)| (name.clone(), span.clone())).collect(),
        defaults: features::spans_of_defaults(&raw_features, &feature_spans),
    };
    let view = View {
        name,
        version,
        entity,
        sources: raw.sources.into_iter().map(Spanned::into_inner).collect(),
        inputs,
        parameters: parameters::parameters(raw.parameters)?,
        transform,
        owner: raw.owner,
        description: raw.description,
        ttl,
        freshness: length(raw.freshness)?,
        tags: raw.tags,
        features: features::features(key.get_ref(), raw_features, &feature_spans, has_sources)?,
        spans,
    };
    Ok(Draft { key, view })
}

/// The name and version of a view: its key is `name` or `name@v2`, and a version in the table must agree with the key.
fn head(key: &Spanned<String>, version: Option<Spanned<i64>>) -> Result<(String, u32), Fault> {
    let Some((name, in_key)) = versioned(key.get_ref()) else {
        return Err(Fault::new(key.span(), format!("{:?} is not a name for a view", key.get_ref()))
            .help("a view's table is [views.NAME], or [views.\"NAME@v2\"]; a name is a letter or _, then letters, digits and _"));
    };
    if name == "request" {
        return Err(Fault::new(key.span(), "the view name \"request\" is reserved")
            .help("request:field is a field of the request: choose another name"));
    }
    let Some(version) = version else { return Ok((name.to_owned(), in_key.unwrap_or(1))) };
    let number = u32::try_from(*version.get_ref()).ok().filter(|number| *number > 0);
    let Some(number) = number else {
        return Err(Fault::new(version.span(), format!("{} is not a version", version.get_ref()))
            .help(format!("a version is a whole number from 1 to {}", u32::MAX)));
    };
    match in_key {
        Some(in_key) if in_key != number => Err(Fault::new(
            version.span(),
            format!("version {number} disagrees with the table's name, {:?}", key.get_ref()),
        )
        .also(key.span(), format!("version {in_key} here"))
        .help("remove this line or rename the table")),
        _ => Ok((name.to_owned(), number)),
    }
}

/// The entity of a view: the one that all its sources have, and the one that is declared, where there is one.
fn view_entity(
    view: &str,
    declared: Option<(String, Range<usize>)>,
    names: &[Spanned<String>],
    sources: &[Source],
) -> Result<Option<String>, Fault> {
    let mut first: HashMap<&str, Range<usize>> = HashMap::new();
    // The entities that all sources so far share, and the place that narrowed them down.
    let mut shared: Option<(Vec<String>, Range<usize>, String)> =
        declared.map(|(entity, span)| (vec![entity], span, "declared here".to_owned()));
    for name in names {
        let source = sources.iter().find(|source| source.name == *name.get_ref()).ok_or_else(|| {
            let known = sources.iter().map(|source| &source.name);
            Fault::unknown(name.span(), &UnknownName::new("source", name.get_ref(), known))
        })?;
        if let Some(first) = first.insert(name.get_ref(), name.span()) {
            return Err(twice(name, format!("view {view:?}"), first));
        }
        let Some((entities, span, label)) = &mut shared else {
            shared = Some((source.entities.clone(), name.span(), format!("of {}", listed(&source.entities))));
            continue;
        };
        let common: Vec<String> = entities.iter().filter(|entity| source.entities.contains(entity)).cloned().collect();
        if common.is_empty() {
            let others: Vec<String> = entities.iter().map(|entity| format!("{entity:?}")).collect();
            let message =
                format!("source {:?} is of {}, not {}", source.name, listed(&source.entities), others.join(" or "));
            return Err(Fault::new(name.span(), message).also(span.clone(), label.clone()).help(
                "a view's sources have one entity: make a view for each entity, and one over their features to bring them together",
            ));
        }
        *entities = common;
    }
    match shared {
        None => Ok(None),
        Some((entities, ..)) if entities.len() == 1 => Ok(entities.into_iter().next()),
        Some((entities, span, label)) => {
            Err(Fault::new(span, format!("view {view:?} may describe {}", listed(&entities)))
                .label(label)
                .help(format!("say which one it describes: entity = {:?}", entities[0])))
        }
    }
}

/// Names of entities for a message.
fn listed(entities: &[String]) -> String {
    let names: Vec<String> = entities.iter().map(|entity| format!("{entity:?}")).collect();
    match names.as_slice() {
        [one] => format!("entity {one}"),
        _ => format!("entities {}", names.join(", ")),
    }
}

fn inputs(view: &str, texts: &[Spanned<String>]) -> Result<(Vec<Input>, Vec<Range<usize>>), Fault> {
    let mut first: HashMap<&str, Range<usize>> = HashMap::with_capacity(texts.len());
    let mut inputs: Vec<Input> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        if let Some(first) = first.insert(text.get_ref(), text.span()) {
            return Err(twice(text, format!("view {view:?}"), first));
        }
        let input = match text.get_ref().strip_prefix("request:") {
            Some(field) => Input::Request(names::column(field, text.span(), "a request field")?),
            None => feature_input(text)?,
        };
        if let Input::Feature { name, .. } = &input
            && let Some(other) =
                inputs.iter().position(|other| matches!(other, Input::Feature { name: n, .. } if n == name))
        {
            return Err(Fault::new(
                text.span(),
                format!("view {view:?} has two inputs that its transform calls {name:?}"),
            )
            .also(texts[other].span(), "the other")
            .help(format!("give one another name: \"{} as NAME\"", texts[at].get_ref())));
        }
        inputs.push(input);
    }
    Ok((inputs, texts.iter().map(Spanned::span).collect()))
}

/// `view:feature`, or `view:feature as name`.
fn feature_input(text: &Spanned<String>) -> Result<Input, Fault> {
    let (reference, name) = match text.get_ref().split_once(" as ") {
        Some((reference, name)) => (reference, Some(name.trim())),
        None => (text.get_ref().as_str(), None),
    };
    let reference: FeatureReference = reference.trim_end().parse().map_err(|wrong| {
        not_a_reference(text.span(), &wrong)
            .help("write view:feature, view@v2:feature, view:feature as name, or request:field")
    })?;
    let name = match name {
        Some(name) => names::identifier(&Spanned::new(text.span(), name.to_owned()), "an input")?,
        None => reference.feature.clone(),
    };
    Ok(Input::Feature { reference, name })
}

/// Where the names of a table are.
fn spans_of<T>(table: &Table<T>) -> BTreeMap<String, Range<usize>> {
    table.keys().map(|name| (name.get_ref().clone(), name.span())).collect()
}

/// For each view, the positions of the views whose features it reads.
fn link(views: &[View]) -> Result<Vec<Vec<usize>>, Fault> {
    let read = |view: &View| {
        let mut read = Vec::new();
        for (input, span) in view.inputs.iter().zip(&view.spans.inputs) {
            if let Input::Feature { reference, .. } = input {
                let found = graph::find(views, &reference.view, reference.version);
                read.push(found.map_err(|unknown| Fault::unknown(span.clone(), &unknown))?);
            }
        }
        Ok(read)
    };
    views.iter().map(read).collect()
}

/// The fault of views that read each other's features in a circle, at the input that closes it.
fn circle(cycle: &[usize], keys: &[Spanned<String>], views: &[View], inputs: &[Vec<usize>]) -> Fault {
    let (first, last) = (cycle[0], cycle[cycle.len() - 1]);
    let features = views[last]
        .inputs
        .iter()
        .zip(&views[last].spans.inputs)
        .filter(|(input, _)| matches!(input, Input::Feature { .. }));
    let closing = features.zip(&inputs[last]).find(|(_, read)| **read == first).map(|((_, span), _)| span.clone());
    let path: Vec<&str> = cycle.iter().chain([&first]).map(|at| keys[*at].get_ref().as_str()).collect();
    Fault::new(
        closing.unwrap_or(keys[last].span()),
        format!("views read each other in a circle: {}", path.join(" -> ")),
    )
    .label("this closes the circle")
    .help("a view may not need its own features: remove one of these inputs")
}

/// Gives each view without an entity of its own the one that its inputs' views describe, if they describe just one.
fn inherit_entities(views: &mut [View], inputs: &[Vec<usize>], order: &[usize]) {
    let mut described: Vec<BTreeSet<String>> = vec![BTreeSet::new(); views.len()];
    for &at in order {
        described[at] = match &views[at].entity {
            Some(entity) => BTreeSet::from([entity.clone()]),
            None => inputs[at].iter().flat_map(|input| described[*input].iter().cloned()).collect(),
        };
        if described[at].len() == 1 {
            views[at].entity = described[at].first().cloned();
        }
    }
}
