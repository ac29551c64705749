//! `onepath describe`

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::list::{ago, reader_lines, tag_words, warn_of_problems};
use super::{Context, Format, output};
use crate::Error;
use crate::feature_store::{
    Column, Described, EntityEntry, FeatureEntry, Freshness, Measured, OpenOptions, Readers, ServiceEntry, SourceEntry,
    TrainingSetEntry, ViewEntry,
};

/// Describe a feature, view, service, source, entity or training set: what it is, whose, how fresh, and who reads it.
///
/// Where several things have the name, say which is meant: view:activity, service:activity, source:events, entity:customer,
/// training-set:training.parquet. A feature is view:feature, or its name alone where only one view has it.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath describe activity                               # a view, its highest version
  onepath describe activity@v1
  onepath describe activity:purchase_count_30d            # a feature
  onepath describe purchase_count_30d                     # the same, where only one view has a feature of that name
  onepath describe service:churn_v1 --format json
  onepath describe training.parquet                       # a training set, by its path")]
pub(super) struct Describe {
    /// What to describe.
    name: String,
}

pub(super) fn run(context: &Context, command: &Describe) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let described = match store.describe(&command.name) {
        Err(error @ Error::Unknown(_)) => {
            // It may be what is not known yet.
            warn_of_problems(&store.catalog()?);
            return Err(error.into());
        }
        described => described?,
    };
    match context.format {
        Format::Json => output::json(&described)?,
        Format::Text => print(described),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(described: Described) {
    let mut page = Page::default();
    match described {
        Described::Feature(entry) => feature(&mut page, *entry),
        Described::View(entry) => view(&mut page, *entry),
        Described::Service(entry) => service(&mut page, entry),
        Described::Source(entry) => source(&mut page, *entry),
        Described::Entity(entry) => entity(&mut page, entry),
        Described::TrainingSet(entry) => training_set(&mut page, entry),
    }
    page.print();
}

/// Facts with their names, and lists.
#[derive(Default)]
struct Page {
    head: String,
    facts: Vec<(&'static str, String)>,
    lists: Vec<(&'static str, Vec<String>)>,
}

impl Page {
    fn fact(&mut self, name: &'static str, text: impl Into<String>) {
        let text = text.into();
        if !text.is_empty() {
            self.facts.push((name, text));
        }
    }

    fn maybe(&mut self, name: &'static str, text: Option<String>) {
        self.fact(name, text.unwrap_or_default());
    }

    fn list(&mut self, name: &'static str, lines: impl IntoIterator<Item = String>) {
        let lines: Vec<String> = lines.into_iter().collect();
        if !lines.is_empty() {
            self.lists.push((name, lines));
        }
    }

    fn print(&self) {
        output::line(&self.head);
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, text) in &self.facts {
            for (at, line) in output::folded(text, width + 4).into_iter().enumerate() {
                let name = if at == 0 { *name } else { "" };
                output::line(&format!("  {name:width$}  {line}"));
            }
        }
        for (name, lines) in &self.lists {
            output::line(&format!("\n{name}"));
            for line in lines {
                for (at, part) in output::folded(line, 6).into_iter().enumerate() {
                    output::line(&format!("{}{part}", if at == 0 { "  " } else { "      " }));
                }
            }
        }
    }
}

fn feature(page: &mut Page, entry: FeatureEntry) {
    let FeatureEntry {
        feature,
        name: _,
        view,
        entity,
        value_type,
        nullable,
        owner,
        description,
        documentation,
        made,
        window,
        tags,
        default,
        profile_values,
        ttl,
        fresh,
        reads,
        readers,
    } = entry;
    page.head = format!("feature {feature}");
    page.maybe("description", description);
    page.maybe("author", documentation);
    page.maybe("made", made);
    page.maybe("window", window);
    let null = if nullable { " or null" } else { ", never null" };
    page.fact("type", value_type.map_or_else(|| "not known".to_owned(), |of| format!("{of}{null}")));
    page.fact("view", view);
    page.maybe("entity", entity);
    page.maybe("owner", owner);
    page.fact("tags", tag_words(&tags));
    page.maybe("default", default.map(|value| value.to_string()));
    page.maybe("profiles", profile_values.then(|| "name its texts".to_owned()));
    page.maybe("ttl", ttl);
    freshness(page, fresh);
    let crate::feature_store::Reads { is_exact, columns, sources, features, request_fields } = reads;
    let note = if is_exact { "" } else { " (read by its view; this feature may use a part of it)" };
    let lines = columns
        .into_iter()
        .chain(sources.into_iter().map(|source| format!("events of {source}, by keys and times alone")))
        .chain(features)
        .chain(request_fields.into_iter().map(|field| format!("request:{field}")));
    page.list("made of", lines.map(|line| format!("{line}{note}")));
    page.list("read by", reader_lines(&readers));
    nobody(page, &readers);
}

fn freshness(page: &mut Page, fresh: Freshness) {
    let Freshness { freshness, newest_event, newest_event_age_s, is_fresh, is_stale } = fresh;
    page.maybe(
        "freshness",
        freshness.map(|promised| {
            let kept = match (is_fresh, &newest_event) {
                (Some(true), _) => ", kept",
                (Some(false), Some(_)) => ", NOT KEPT",
                (Some(false), None) => ", NOT KEPT: no event yet",
                (None, _) => "",
            };
            format!("{promised}{kept}")
        }),
    );
    match (newest_event, newest_event_age_s) {
        (Some(event), Some(age)) => page.fact("newest event", format!("{event}, {} ago", ago(age))),
        (Some(event), None) => page.fact("newest event", event),
        (None, _) if is_stale => page.fact("newest event", "none yet: nothing was materialized or pushed"),
        (None, _) => {}
    }
}

fn view(page: &mut Page, entry: ViewEntry) {
    let ViewEntry {
        view,
        name: _,
        version,
        versions,
        entity,
        owner,
        description,
        tags,
        fresh,
        ttl,
        defaults,
        feature_ttls,
        transform,
        latest,
        tie_break,
        parameters,
        component,
        author_version,
        state_version,
        quarantined,
        problem,
        sources,
        event_fields,
        inputs,
        request_fields,
        features,
        readers,
        measured,
    } = entry;
    page.head = format!("view {view}");
    page.maybe("description", description);
    page.maybe("problem", problem);
    page.fact("quarantine", if quarantined { "in quarantine: it gave two answers" } else { "" });
    page.maybe("entity", entity);
    page.maybe("owner", owner);
    page.fact("tags", tag_words(&tags));
    let others = versions.iter().filter(|other| **other != version).map(|other| format!("v{other}"));
    let others = others.collect::<Vec<_>>().join(", ");
    page.fact("versions", if others.is_empty() { String::new() } else { format!("v{version}; also {others}") });
    page.fact("sources", sources.join(", "));
    page.fact("inputs", inputs.join(", "));
    page.fact("transform", transform);
    page.fact("parameters", pairs(&parameters));
    page.fact("latest", latest.join(", "));
    page.maybe("tie break", tie_break);
    page.maybe("component", component);
    let versions = author_version.filter(|text| !text.is_empty()).map(|author| format!("author's {author}"));
    let versions: Vec<String> = versions.into_iter().chain(state_version.map(|of| format!("states v{of}"))).collect();
    page.fact("made by", versions.join(", "));
    page.maybe("ttl", ttl);
    page.fact("feature ttls", tag_words(&feature_ttls));
    page.fact("defaults", pairs(&defaults));
    freshness(page, fresh);
    if let Some(measured) = measured {
        measures(page, &measured);
    }
    let feature = |feature: crate::feature_store::ViewFeature| {
        let of = feature.value_type.map_or_else(String::new, |of| format!(": {of}"));
        let meaning = if feature.meaning.is_empty() { String::new() } else { format!("; {}", feature.meaning) };
        format!("{}{of}{meaning}", feature.name)
    };
    page.list("features", features.into_iter().map(feature));
    page.list("reads of events", event_fields.iter().map(column));
    page.list("reads of requests", request_fields.iter().map(column));
    page.list("read by", reader_lines(&readers));
    nobody(page, &readers);
}

fn measures(page: &mut Page, measured: &Measured) {
    let Measured { cost, state_growth, state_bytes_max, entities } = measured;
    if let Some(cost) = cost {
        page.fact(
            "cost",
            format!(
                "{:.0} ns a row in a batch ({:.0} operators), {:.1} us a question ({} operators)",
                cost.batch_ns_per_row,
                cost.operators_per_row,
                cost.question_ns / 1e3,
                output::thousands(cost.operators_per_question)
            ),
        );
    }
    if let Some(growth) = state_growth {
        page.fact(
            "state",
            format!(
                "{} bytes after 100 events, {:.1} an event, {} at most",
                output::thousands(growth.bytes_of_100_events as u64),
                growth.bytes_per_event.max(0.0),
                output::thousands(*state_bytes_max)
            ),
        );
    }
    page.maybe("online", entities.map(|entities| output::count(entities, "entity", "entities")));
}

fn pairs(values: &serde_json::Map<String, Value>) -> String {
    values.iter().map(|(name, value)| format!("{name} = {value}")).collect::<Vec<_>>().join(", ")
}

fn column(column: &Column) -> String {
    let Column { name, value_type, nullable, description } = column;
    let of = value_type.map_or_else(String::new, |of| format!(": {of}{}", if *nullable { " or null" } else { "" }));
    let about = description.as_ref().map_or_else(String::new, |text| format!("; {text}"));
    format!("{name}{of}{about}")
}

fn nobody(page: &mut Page, readers: &Readers) {
    if readers.is_empty() {
        page.list("read by", ["no view, service or training set of this project".to_owned()]);
    }
}

fn service(page: &mut Page, entry: ServiceEntry) {
    let ServiceEntry { service, owner, description, tags, selects, inputs, features, views, is_stale, training_sets } =
        entry;
    page.head = format!("service {service}");
    page.maybe("description", description);
    page.maybe("owner", owner);
    page.fact("tags", tag_words(&tags));
    page.fact("gives", selects.join(", "));
    page.fact("freshness", if is_stale { "STALE: a feature is older than promised, or had no event yet" } else { "" });
    let input = |input: crate::feature_store::ServiceInput| {
        let null = if input.nullable { " or null" } else { "" };
        format!("{}: {}{null}{}", input.name, input.value_type, if input.key { ", a key" } else { "" })
    };
    page.list("a question brings", inputs.into_iter().map(input));
    let feature = |feature: crate::feature_store::ServiceFeature| {
        let of = feature.value_type.map_or_else(String::new, |of| format!(": {of}"));
        format!("{}{of} (of {})", feature.feature, feature.view)
    };
    page.list("features", features.into_iter().map(feature));
    let view = |view: crate::feature_store::ServiceView| {
        format!("{}, component {}", view.view, view.component.as_deref().unwrap_or("not known"))
    };
    page.list("views", views.into_iter().map(view));
    page.list("training sets", training_sets);
}

fn source(page: &mut Page, entry: SourceEntry) {
    let SourceEntry {
        source,
        owner,
        description,
        tags,
        entities,
        files,
        event_time,
        event_time_unit,
        arrival_time,
        arrival_time_unit,
        time_format,
        event_id,
        materialize_every,
        expect,
        on_bad_event,
        skip_offsets,
        columns,
        derived,
        views,
    } = entry;
    let unit = |unit: Option<&str>| unit.map_or_else(String::new, |unit| format!(", integers of {unit}"));
    page.head = format!("source {source}");
    page.maybe("description", description);
    page.maybe("owner", owner);
    page.fact("tags", tag_words(&tags));
    page.fact("entities", entities.join(", "));
    page.fact("files", if files.is_empty() { "none: all is pushed".to_owned() } else { files.join(", ") });
    page.fact("event time", format!("{event_time}{}", unit(event_time_unit)));
    page.maybe("arrival time", arrival_time.map(|name| format!("{name}{}", unit(arrival_time_unit))));
    page.maybe("time format", time_format);
    page.maybe("event id", event_id);
    page.maybe("materialized every", materialize_every);
    page.maybe("bad events", on_bad_event.map(str::to_owned));
    page.fact("left out", skip_offsets.iter().map(|at| format!("offset {at}")).collect::<Vec<_>>().join(", "));
    page.list(
        "columns",
        columns.iter().map(|entry| {
            let role = if entry.role == "field" { String::new() } else { format!(" ({})", entry.role) };
            let from = entry
                .mapped_from
                .as_ref()
                .map_or_else(String::new, |from| format!(", called {from} in files and pushes"));
            let readers = match entry.views.as_slice() {
                [] => String::new(),
                views => format!(", read by {}", views.join(", ")),
            };
            format!("{}{role}{from}{readers}", column(&entry.column))
        }),
    );
    page.list("expected", expect.iter().map(|(field, words)| format!("{field}: {words}")));
    page.list("computed columns", derived.iter().map(|(name, sql)| format!("{name} = {sql}")));
    page.list("read by", views.into_iter().map(|view| format!("view {view}")));
}

fn entity(page: &mut Page, entry: EntityEntry) {
    let EntityEntry { entity, description, keys, sources, views } = entry;
    page.head = format!("entity {entity}");
    page.maybe("description", description);
    page.list("keys", keys.iter().map(column));
    page.list("sources", sources);
    page.list("views", views);
}

fn training_set(page: &mut Page, entry: TrainingSetEntry) {
    let TrainingSetEntry { noted, is_there, changed_views } = entry;
    page.head = format!("training set {}", noted.path.display());
    page.fact("given as", noted.given.display().to_string());
    page.fact("made", noted.made_at);
    page.maybe("service", noted.service);
    page.fact("rows", output::thousands(noted.rows));
    page.maybe("sha256", noted.sha256);
    page.fact("manifest", format!("sha256 {}", noted.manifest_sha256));
    page.fact("now", if is_there { "" } else { "its manifest is not there any more" });
    page.list("features", noted.features);
    page.list(
        "made by",
        noted.views.into_iter().map(|view| {
            let changed = if changed_views.contains(&view.view) { ": another component now" } else { "" };
            format!("{}, component {}{changed}", view.view, view.component)
        }),
    );
}
