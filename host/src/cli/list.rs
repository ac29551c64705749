//! `onepath list`

use std::process::ExitCode;

use clap::{Args, ValueEnum};

use super::{Context, Format, output};
use crate::feature_store::{Catalog, Filter, Freshness, Kind, Listing, OpenOptions, Readers};

/// List what the project has: features, views, services, sources, entities, or the training sets made of it.
///
/// `--format json` gives all that is known of each; `onepath describe NAME` shows it in words.
#[derive(Args)]
#[command(after_help = "Examples:
  onepath list features
  onepath list features --search \"purchase 30d\"       # words that all stand in what is said of a feature
  onepath list views --owner growth-team
  onepath list features --tag model=churn
  onepath list views --stale                           # newest event older than the promised freshness, or none yet
  onepath list training-sets --format json")]
pub(super) struct List {
    /// What to list.
    what: What,
    /// Words that must all stand in name, description, author's comments, owner or tags, in whatever case.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only what this owner answers for.
    #[arg(long, value_name = "OWNER")]
    owner: Option<String>,
    /// Only what has this tag: `model`, or with its value `model=churn`.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,
    /// Only what is stale: its newest event is older than the `freshness` that is promised, or it reads events and never had one.
    #[arg(long)]
    stale: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum What {
    Features,
    Views,
    Services,
    Sources,
    Entities,
    TrainingSets,
}

impl From<What> for Kind {
    fn from(what: What) -> Self {
        match what {
            What::Features => Self::Features,
            What::Views => Self::Views,
            What::Services => Self::Services,
            What::Sources => Self::Sources,
            What::Entities => Self::Entities,
            What::TrainingSets => Self::TrainingSets,
        }
    }
}

pub(super) fn run(context: &Context, command: &List) -> anyhow::Result<ExitCode> {
    let store = context.open(OpenOptions::default())?;
    let List { what, search, owner, tag, stale } = command;
    let filter = Filter { search: search.clone(), owner: owner.clone(), tag: tag.clone(), stale: *stale };
    let is_filtered = search.is_some() || owner.is_some() || tag.is_some() || *stale;
    let catalog = store.catalog()?;
    warn_of_problems(&catalog);
    let mut listing = catalog.clone().list((*what).into(), &filter)?;
    if let (Listing::Features(features), Format::Text) = (&mut listing, context.format) {
        features.iter_mut().for_each(|feature| feature.feature = catalog.short_reference(feature));
    }
    match context.format {
        Format::Json => output::json(&listing)?,
        Format::Text => print(&listing, is_filtered),
    }
    Ok(ExitCode::SUCCESS)
}

fn print(listing: &Listing, is_filtered: bool) {
    let (header, rows, one, more) = table(listing);
    if rows.is_empty() {
        let which = if is_filtered { "that meet this" } else { "in this project" };
        return output::line(&format!("no {more} {which}"));
    }
    let count = output::count(rows.len() as u64, one, more);
    output::fitted_table(&header, rows);
    output::line(&count);
}

type Table = (Vec<&'static str>, Vec<Vec<String>>, &'static str, &'static str);

fn table(listing: &Listing) -> Table {
    match listing {
        Listing::Features(features) => {
            let rows = features.iter().map(|feature| {
                vec![
                    feature.feature.clone(),
                    feature.value_type.map_or_else(|| "?".to_owned(), |of| of.to_string()),
                    text(feature.owner.as_ref()),
                    with_tags(&feature.meaning(), &feature.tags),
                ]
            });
            (vec!["feature", "type", "owner", "what it is"], rows.collect(), "feature", "features")
        }
        Listing::Views(views) => {
            let rows = views.iter().map(|view| {
                let about = with_tags(view.description.as_deref().unwrap_or_default(), &view.tags);
                let entity = text(view.entity.as_ref());
                vec![view.view.clone(), entity, text(view.owner.as_ref()), fresh(&view.fresh), about]
            });
            (vec!["view", "entity", "owner", "newest event", "what it is"], rows.collect(), "view", "views")
        }
        Listing::Services(services) => {
            let rows = services.iter().map(|service| {
                vec![
                    service.service.clone(),
                    output::thousands(service.features.len() as u64),
                    text(service.owner.as_ref()),
                    with_tags(service.description.as_deref().unwrap_or_default(), &service.tags),
                ]
            });
            (vec!["service", "features", "owner", "what it is for"], rows.collect(), "service", "services")
        }
        Listing::Sources(sources) => {
            let rows = sources.iter().map(|source| {
                vec![
                    source.source.clone(),
                    source.entities.join(", "),
                    text(source.owner.as_ref()),
                    with_tags(source.description.as_deref().unwrap_or_default(), &source.tags),
                ]
            });
            (vec!["source", "entities", "owner", "what it is"], rows.collect(), "source", "sources")
        }
        Listing::Entities(entities) => {
            let rows = entities.iter().map(|entity| {
                let key = |key: &crate::feature_store::Column| {
                    let of = key.value_type.map_or_else(String::new, |of| format!(" {of}"));
                    format!("{}{of}", key.name)
                };
                let keys = entity.keys.iter().map(key).collect::<Vec<_>>().join(", ");
                vec![entity.entity.clone(), keys, text(entity.description.as_ref())]
            });
            (vec!["entity", "keys", "what it is"], rows.collect(), "entity", "entities")
        }
        Listing::TrainingSets(sets) => {
            let rows = sets.iter().map(|set| {
                let of = match &set.noted.service {
                    Some(service) => format!("service {service}"),
                    None => output::count(set.noted.feature_count, "feature", "features"),
                };
                let mut about: Vec<String> = Vec::new();
                about.extend((!set.is_there).then(|| "not there any more".to_owned()));
                let changed = set.changed_views.join(", ");
                about.extend((!changed.is_empty()).then(|| format!("{changed} changed since")));
                let path = set.noted.path.display().to_string();
                vec![path, of, output::thousands(set.noted.rows), short(&set.noted.made_at), about.join("; ")]
            });
            (vec!["training set", "of", "rows", "made", "now"], rows.collect(), "training set", "training sets")
        }
    }
}

/// A time to the second.
fn short(time: &str) -> String {
    match time.split_once('.') {
        Some((seconds, _)) => format!("{seconds}Z"),
        None => time.to_owned(),
    }
}

fn text(text: Option<&String>) -> String {
    text.cloned().unwrap_or_default()
}

fn with_tags(about: &str, tags: &std::collections::BTreeMap<String, String>) -> String {
    match tags.is_empty() {
        true => about.to_owned(),
        false => format!("{about} [{}]", tag_words(tags)).trim().to_owned(),
    }
}

/// Tags in one line: `model=churn, team=growth`.
pub(super) fn tag_words(tags: &std::collections::BTreeMap<String, String>) -> String {
    tags.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// How old the newest event is, and whether it is as young as promised.
fn fresh(fresh: &Freshness) -> String {
    let age = fresh.newest_event_age_s.map(ago);
    let promised = fresh.freshness.as_ref().map_or_else(String::new, |promised| format!(" ({promised} promised)"));
    match age {
        Some(age) if fresh.is_stale => format!("STALE: {age}{promised}"),
        Some(age) => format!("{age}{promised}"),
        None if fresh.is_stale => format!("STALE: no event{promised}"),
        None => promised.trim().to_owned(),
    }
}

/// Seconds as people say them.
pub(super) fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} days", output::thousands((seconds / 86_400).unsigned_abs())),
    }
}

/// Says of which views less is known than there is.
pub(super) fn warn_of_problems(catalog: &Catalog) {
    for view in &catalog.views {
        if let Some(problem) = &view.problem {
            output::warning(&format!("not all is known of view {}: {problem}", view.view));
        }
    }
}

/// Who reads it, in lines.
pub(super) fn reader_lines(readers: &Readers) -> Vec<String> {
    let kind = |one: &str, names: &[String]| names.iter().map(|name| format!("{one} {name}")).collect::<Vec<_>>();
    let mut lines = kind("view", &readers.views);
    lines.extend(kind("service", &readers.services));
    lines.extend(kind("training set", &readers.training_sets));
    lines
}
