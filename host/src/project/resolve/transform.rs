//! Resolves what makes the features of a view: a transform, or what the view declares, and never both.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::{declared, fields};
use crate::project::fault::Fault;
use crate::project::names::{self, is_identifier};
use crate::project::raw::{RawFeature, RawField, Table};
use crate::project::{Declaration, DeclaredFeature, Making, SqlText, Transform};

/// What a view says of how its features are made.
pub(super) struct Written<'r> {
    pub transform: Option<Spanned<String>>,
    pub latest: Vec<Spanned<String>>,
    pub tie_break: Option<Spanned<String>>,
    pub request: Table<Spanned<RawField>>,
    pub parameters: &'r Table<Spanned<toml::Value>>,
}

/// The name of a feature, the place of its table among those of the view, and where its name stands.
pub(super) type MadeFeature = (String, usize, Range<usize>);

/// What makes the features of the view `key`, and the features that something is said about.
pub(super) fn transform(
    key: &Spanned<String>,
    written: Written<'_>,
    features: &mut [(Spanned<String>, RawFeature)],
    has_sources: bool,
    root: &Path,
) -> Result<(Transform, Vec<MadeFeature>), Fault> {
    let making = features.iter().find_map(|(name, raw)| Some((name, &raw.making.first()?.0)));
    let declares = written.latest.first().map(Spanned::span).or(written.tie_break.as_ref().map(Spanned::span));
    let declares = declares.or(written.request.keys().next().map(Spanned::span));
    let Some(path) = &written.transform else {
        if features.is_empty() && declares.is_none() {
            return Err(Fault::new(key.span(), format!("view {:?} has neither a transform nor declared features", key.get_ref())).help(
                "name a cargo package or a .wasm file, transform = \"transforms/NAME\", or declare features: [views.NAME.features] with total = { sum = \"amount\" }",
            ));
        }
        return declaration(key, written, features, has_sources);
    };
    if path.get_ref().is_empty() {
        return Err(Fault::new(path.span(), format!("view {:?} has an empty transform", key.get_ref()))
            .help("name a cargo package or a .wasm file: transform = \"transforms/NAME\""));
    }
    if let Some((_, entry)) = making.filter(|(_, entry)| !declared::is_making(entry.get_ref())) {
        return Err(declared::unknown_entry(entry, false));
    }
    if let Some(span) = declares.or(making.map(|(_, entry)| entry.span())) {
        return Err(Fault::new(span, format!("view {:?} has a transform, and declares features too", key.get_ref()))
            .also(path.span(), "the transform")
            .help("a view is made in one way: remove one of the two, or make two views"));
    }
    let named = features.iter().enumerate().map(|(at, (name, _))| (name.get_ref().clone(), at, name.span()));
    Ok((Transform::Path(root.join(path.get_ref())), named.collect()))
}

fn declaration(
    key: &Spanned<String>,
    written: Written<'_>,
    features: &mut [(Spanned<String>, RawFeature)],
    has_sources: bool,
) -> Result<(Transform, Vec<MadeFeature>), Fault> {
    if let Some(parameter) = written.parameters.keys().min_by_key(|name| name.span().start) {
        return Err(Fault::new(
            parameter.span(),
            format!("view {:?} declares its features, and has no transform for parameters", key.get_ref()),
        )
        .help("write the value where it is used"));
    }
    let latest: Vec<SqlText> = written.latest.iter().map(sql).collect();
    for (at, name) in latest.iter().enumerate() {
        if !is_identifier(&name.text) {
            return Err(Fault::new(name.span.clone(), format!("{:?} is not a name for a feature", name.text))
                .help("latest lists fields, and each is a feature of that name: derive a column of another name under [sources.NAME.derived]"));
        }
        if let Some(first) = latest[..at].iter().find(|first| first.text == name.text) {
            return Err(Fault::new(name.span.clone(), format!("latest has {:?} already", name.text))
                .also(first.span.clone(), "here")
                .help("remove one of them"));
        }
    }
    if let Some(tie_break) = written.tie_break.as_ref().filter(|_| latest.is_empty()) {
        return Err(Fault::new(tie_break.span(), "tie_break without latest")
            .help("it decides between rows of one time: add latest = [\"field\"], or remove it"));
    }
    let request = fields::fields(written.request, &format!("the request of view {:?}", key.get_ref()))?;
    let newest = |(at, name): (usize, &SqlText)| DeclaredFeature {
        name: name.text.clone(),
        making: Making::Latest(at),
        default: None,
        span: name.span.clone(),
    };
    let mut all: Vec<DeclaredFeature> = latest.iter().enumerate().map(newest).collect();
    let mut made: Vec<MadeFeature> = Vec::new();
    for (at, (name, raw)) in features.iter_mut().enumerate() {
        names::identifier(name, "a feature")?;
        let column = latest.iter().position(|column| column.text == *name.get_ref());
        if let Some(column) = column.filter(|_| raw.making.is_empty()) {
            all[column].default = declared::default(name, raw)?;
            made.push((name.get_ref().clone(), at, name.span()));
            continue;
        }
        let several = declared::features(name, raw)?;
        made.extend(several.iter().map(|feature| (feature.name.clone(), at, name.span())));
        all.extend(several);
    }
    declared::check_names(&all)?;
    let of_events = all.iter().find_map(|feature| match &feature.making {
        Making::Aggregate(aggregate) => Some(aggregate.span.clone()),
        Making::Latest(_) => Some(feature.span.clone()),
        Making::Expression(_) => None,
    });
    if let Some(span) = of_events.filter(|_| !has_sources) {
        return Err(Fault::new(span, format!("view {:?} has no sources, and this is of events", key.get_ref()))
            .help("name the sources whose events it reads: sources = [\"events\"]"));
    }
    let tie_break = written.tie_break.as_ref().map(sql);
    Ok((Transform::Declared(Declaration { latest, tie_break, request, features: all }), made))
}

fn sql(text: &Spanned<String>) -> SqlText {
    SqlText { text: text.get_ref().clone(), span: text.span() }
}
