//! Resolves what a declared view says: which aggregate each feature is, of what, and over which stretch of time.
//!
//! An entry that names an aggregate, such as `mean`, decides which other entries there may be. A feature with several windows,
//! values or places becomes several features.

use std::collections::HashMap;
use std::ops::Range;

use toml::Spanned;

use super::entries::{Entries, OrNothing, wrong};
use super::features::default_value;
use super::windows::{Kind, check_approximate, windows};
use crate::batch::Value;
use crate::project::fault::Fault;
use crate::project::names::{closest, is_identifier};
use crate::project::raw::{FEATURE_FACTS, RawFeature, RawValue};
use crate::project::{
    AggregateFunction, Aggregation, DeclaredFeature, Making, SqlText, TimeUnitOfFeature, Window, names,
};

/// The most places, and the most windows times values, that one entry makes features of.
const PLACES_MAX: u32 = 1_000;

/// The entries that say what a feature is.
const FUNCTIONS: [&str; 37] = [
    "count",
    "sum",
    "mean",
    "min",
    "max",
    "variance",
    "sample_variance",
    "std_dev",
    "sample_std_dev",
    "first",
    "last",
    "first_n",
    "last_n",
    "distinct",
    "top_k",
    "percentile",
    "share",
    "hits",
    "days_since_last",
    "hours_since_last",
    "minutes_since_last",
    "seconds_since_last",
    "days_since_first",
    "hours_since_first",
    "minutes_since_first",
    "seconds_since_first",
    "decayed_sum",
    "decayed_mean",
    "lag",
    "sessions",
    "session_length_days",
    "session_length_hours",
    "session_length_minutes",
    "session_length_seconds",
    "expr",
    // Reserved words of other tools, told apart for their help.
    "avg",
    "median",
];

/// The entries that say more of it.
const OPTIONS: [&str; 18] = [
    "where",
    "by",
    "values",
    "window",
    "windows",
    "last_events",
    "hop",
    "ago",
    "edge",
    "tumbling",
    "previous",
    "half_life",
    "n",
    "k",
    "q",
    "approximate",
    "list",
    "gap",
];
/// More of them, of sessions.
const SESSION_OPTIONS: [&str; 2] = ["fixed", "session"];

/// Whether an entry of a feature says how it is made.
pub(super) fn is_making(name: &str) -> bool {
    FUNCTIONS.contains(&name) || OPTIONS.contains(&name) || SESSION_OPTIONS.contains(&name)
}

/// The fault of an entry that no feature has.
pub(super) fn unknown_entry(name: &Spanned<String>, is_declared: bool) -> Fault {
    let facts = FEATURE_FACTS.iter().copied();
    let making = FUNCTIONS.iter().chain(&OPTIONS).chain(&SESSION_OPTIONS).copied();
    let meant = match is_declared {
        true => closest(name.get_ref(), facts.chain(making)),
        false => closest(name.get_ref(), facts),
    };
    let meant = meant.map_or_else(String::new, |meant| format!("did you mean {meant:?}? "));
    let help = match is_declared {
        true => format!("{meant}a declared feature has one of {}, and what goes with it", FUNCTIONS[..35].join(", ")),
        false => format!("{meant}the fields of this table are {}", FEATURE_FACTS.join(", ")),
    };
    Fault::new(name.span(), format!("unknown field {:?}", name.get_ref())).help(help)
}

/// The features that one table declares.
pub(super) fn features(name: &Spanned<String>, raw: &mut RawFeature) -> Result<Vec<DeclaredFeature>, Fault> {
    names::identifier(name, "a feature")?;
    let mut entries = Entries::new(name.clone(), std::mem::take(&mut raw.making));
    if let Some(unknown) = entries.names().find(|entry| !is_making(entry.get_ref())) {
        return Err(unknown_entry(unknown, true));
    }
    let function = function_of(&entries)?;
    let default = default(name, raw)?;
    let feature = |name: String, making: Making, span: Range<usize>| DeclaredFeature {
        name,
        making,
        default: default.clone(),
        span,
    };
    if function.get_ref() == "expr" {
        let sql = entries.sql("expr")?;
        refuse_rest(&entries, &function)?;
        return Ok(sql
            .map(|sql| feature(name.get_ref().clone(), Making::Expression(sql), name.span()))
            .into_iter()
            .collect());
    }
    let aggregate = aggregate(&mut entries, &function)?;
    let made = aggregate.expand(name, &function)?;
    Ok(made.into_iter().map(|(name_of, one)| feature(name_of, Making::Aggregate(Box::new(one)), name.span())).collect())
}

/// What replaces a null of a feature, and where that stands.
pub(super) fn default(name: &Spanned<String>, raw: &RawFeature) -> Result<Option<(Value, Range<usize>)>, Fault> {
    let Some(value) = &raw.default else { return Ok(None) };
    Ok(Some((default_value(name.get_ref(), value)?, value.span())))
}

/// The one entry that says what the feature is.
fn function_of(entries: &Entries) -> Result<Spanned<String>, Fault> {
    let named: Vec<&Spanned<String>> =
        entries.names().filter(|entry| FUNCTIONS.contains(&entry.get_ref().as_str())).collect();
    let name = entries.name.get_ref();
    match named.as_slice() {
        [one] if one.get_ref() == "avg" => Err(unknown_function(one, "mean")),
        [one] if one.get_ref() == "median" => Err(unknown_function(one, "percentile = ..., q = 0.5")),
        [one] => Ok((*one).clone()),
        [] => Err(Fault::new(entries.name.span(), format!("nothing says what feature {name:?} is")).help(format!(
            "give it an expression, expr = \"...\", or an aggregate of events, such as count = \"*\" (one of {}), or give the view a transform",
            FUNCTIONS[..35].join(", ")
        ))),
        [first, second, ..] => {
            let message = format!("feature {name:?} is both {} and {}", first.get_ref(), second.get_ref());
            Err(Fault::new(second.span(), message)
                .also(first.span(), "the other")
                .help("a feature is one thing: make two features, and one with expr = \"...\" of both if need be"))
        }
    }
}

fn unknown_function(name: &Spanned<String>, meant: &str) -> Fault {
    Fault::new(name.span(), format!("unknown field {:?}", name.get_ref())).help(format!("did you mean {meant}?"))
}

/// Refuses entries that do not go with the function.
fn refuse_rest(entries: &Entries, function: &Spanned<String>) -> Result<(), Fault> {
    let Some(rest) = entries.names().next() else { return Ok(()) };
    let (rest_name, function_name) = (rest.get_ref(), function.get_ref());
    let help = match (rest_name.as_str(), function_name.as_str()) {
        (_, "expr") => "an expression is of the other features of its view: give this to the feature that it is of",
        ("ago" | "edge" | "hop", _) => "it goes with window = \"...\": add one, or remove this",
        ("previous", _) => "it goes with tumbling = \"1d\"",
        ("values", _) => "it goes with by = \"...\"",
        ("approximate", "distinct" | "top_k" | "percentile") => {
            "over an exact window everything is kept: remove this, or add hop = \"1d\" and keep estimates by hop"
        }
        ("session" | "fixed" | "gap", _) => {
            "an aggregate over a session says all of gap = \"30m\" (or fixed = \"1h\"), session = \"last\" (or \"open\") and window"
        }
        _ => "remove it: host/README.md says what goes with what",
    };
    Err(Fault::new(rest.span(), format!("{rest_name:?} does not go with {function_name} here"))
        .also(function.span(), "of this")
        .help(help))
}

/// One of the values that features are told apart by, with the end of their names; without `by`, neither.
type ByValue = (Option<String>, Option<(SqlText, Value)>);

/// An aggregate with all its windows, values and places.
struct Several {
    functions: Vec<(Option<String>, AggregateFunction)>,
    value: Option<SqlText>,
    filter: Option<SqlText>,
    by: Vec<ByValue>,
    windows: Vec<(Option<String>, Window)>,
}

fn aggregate(entries: &mut Entries, function: &Spanned<String>) -> Result<Several, Fault> {
    let name = function.get_ref().as_str();
    let value = entries.sql(name)?;
    let is_of_events = value.as_ref().is_some_and(|value| value.text.trim() == "*");
    let may_be_of_events =
        name == "count" || name == "sessions" || name.contains("_since_") || name.starts_with("session_length_");
    if let Some(value) = value.as_ref().filter(|_| is_of_events && !may_be_of_events) {
        return Err(Fault::new(value.span.clone(), format!("{name} is of a value, and * is none"))
            .help(format!("name a field or write an expression: {name} = \"amount\"")));
    }
    let value = value.filter(|_| !is_of_events);
    let filter = entries.sql("where")?;
    let by = by(entries)?;
    let kind = Kind::of(name);
    let functions = functions(entries, function)?;
    let windows = windows(entries, function, kind)?;
    let approximate = functions.iter().any(|(_, function)| is_approximate(*function));
    for (_, window) in &windows {
        check_approximate(function, *window, approximate)?;
        let is_list = matches!(functions[0].1, AggregateFunction::FirstList(_) | AggregateFunction::LastList(_));
        if is_list && *window != Window::Lifetime {
            return Err(Fault::new(function.span(), format!("{name} as a list is over all events"))
                .help("remove the window, or list = true: then each place is a feature of its own"));
        }
    }
    refuse_rest(entries, function)?;
    Ok(Several { functions, value, filter, by, windows })
}

impl Several {
    /// Each of the features by itself, with its name.
    fn expand(self, name: &Spanned<String>, function: &Spanned<String>) -> Result<Vec<(String, Aggregation)>, Fault> {
        let count = self.functions.len() * self.by.len() * self.windows.len();
        if count > PLACES_MAX as usize {
            return Err(Fault::new(name.span(), format!("{:?} is {count} features", name.get_ref()))
                .help(format!("{PLACES_MAX} are the most that one entry makes")));
        }
        let mut made = Vec::with_capacity(count);
        for (value_name, by) in &self.by {
            for (window_name, window) in &self.windows {
                for (place, what) in &self.functions {
                    let parts = [value_name, window_name, place].into_iter().flatten();
                    let name = parts.fold(name.get_ref().clone(), |name, part| format!("{name}_{part}"));
                    let one = Aggregation {
                        function: *what,
                        value: self.value.clone(),
                        filter: self.filter.clone(),
                        by: by.clone(),
                        window: *window,
                        span: function.span(),
                    };
                    made.push((name, one));
                }
            }
        }
        Ok(made)
    }
}

/// `by = "category", values = ["a", "b"]`: one feature for each value.
fn by(entries: &mut Entries) -> Result<Vec<ByValue>, Fault> {
    let by_span = entries.span_of("by");
    let Some(by) = entries.sql("by")? else { return Ok(vec![(None, None)]) };
    let help = "list them: values = [\"a\", \"b\"]";
    let Some(values) = entries.take("values") else {
        return Err(
            Fault::new(by_span.unwrap_or_default(), "by without the values that there is a feature for").help(help)
        );
    };
    let RawValue::List(list) = values.get_ref() else { return Err(wrong(&values, "values", "a list", help)) };
    if list.is_empty() {
        return Err(Fault::new(values.span(), "\"values\" is empty").help(help));
    }
    let mut made: Vec<ByValue> = Vec::with_capacity(list.len());
    for value in list {
        let (suffix, read) = match value.get_ref() {
            toml::Value::String(text) => (text.clone(), Value::Text(text.clone())),
            toml::Value::Integer(number) => (number.to_string(), Value::Int64(*number)),
            toml::Value::Boolean(flag) => (flag.to_string(), Value::Bool(*flag)),
            other => {
                return Err(Fault::new(value.span(), format!("{other} is not a value to tell features apart by"))
                    .help("write texts, whole numbers, or true and false"));
            }
        };
        if !is_identifier(&format!("_{suffix}")) {
            return Err(Fault::new(value.span(), format!("{suffix:?} cannot be part of a feature's name")).help(
                "names are letters, digits and _: write a feature of its own for this value, with where = \"...\"",
            ));
        }
        if made.iter().any(|(other, _)| other.as_ref() == Some(&suffix)) {
            return Err(
                Fault::new(value.span(), format!("\"values\" has {suffix:?} already")).help("remove one of them")
            );
        }
        made.push((Some(suffix), Some((by.clone(), read))));
    }
    Ok(made)
}

/// The functions of an entry: one, or one for each place, with the end of its name.
fn functions(
    entries: &mut Entries,
    function: &Spanned<String>,
) -> Result<Vec<(Option<String>, AggregateFunction)>, Fault> {
    use AggregateFunction as F;
    let missing = |entry: &str, example: &str| {
        Fault::new(function.span(), format!("{} without {entry}", function.get_ref()))
            .help(format!("add {entry} = {example}"))
    };
    let places = |of: u32, make: &dyn Fn(u32) -> F| (0..of).map(|at| (Some((at + 1).to_string()), make(at))).collect();
    let one = match function.get_ref().as_str() {
        "count" => F::Count,
        "sum" => F::Sum,
        "mean" => F::Mean,
        "min" => F::Min,
        "max" => F::Max,
        "variance" => F::Variance,
        "sample_variance" => F::SampleVariance,
        "std_dev" => F::StdDev,
        "sample_std_dev" => F::SampleStdDev,
        "first" => F::First,
        "last" => F::Last,
        "share" => F::Share,
        "hits" => F::Hits,
        "sessions" => F::Sessions,
        name @ ("first_n" | "last_n") => {
            let of = entries.count("n", PLACES_MAX)?.ok_or_else(|| missing("n", "3"))?;
            let is_first = name == "first_n";
            match (entries.flag("list")?, is_first) {
                (true, true) => F::FirstList(of),
                (true, false) => F::LastList(of),
                (false, true) => return Ok(places(of, &|at| F::NthFirst { at, of })),
                (false, false) => return Ok(places(of, &|at| F::NthLast { at, of })),
            }
        }
        "distinct" => F::Distinct { approximate: entries.flag("approximate")? },
        "top_k" => {
            let of = entries.count("k", PLACES_MAX)?.ok_or_else(|| missing("k", "3"))?;
            let approximate = entries.flag("approximate")?;
            return Ok(places(of, &|at| F::Top { at, approximate }));
        }
        "percentile" => {
            let q = entries.part("q")?.ok_or_else(|| missing("q", "0.5"))?;
            F::Percentile { q, approximate: entries.flag("approximate")? }
        }
        name @ ("decayed_sum" | "decayed_mean") => {
            let span = entries.span_of("half_life");
            let half_life =
                entries.length("half_life", OrNothing::Refused)?.ok_or_else(|| missing("half_life", "\"7d\""))?;
            if half_life < 1_000 {
                return Err(Fault::new(span.unwrap_or_default(), "a half-life is a millisecond or longer")
                    .help("write a longer one, such as \"7d\""));
            }
            if name == "decayed_sum" { F::DecayedSum { half_life } } else { F::DecayedMean { half_life } }
        }
        "lag" => {
            let ago = entries.length("ago", OrNothing::Refused)?.ok_or_else(|| missing("ago", "\"7d\""))?;
            F::Lag { ago }
        }
        name => {
            let unit = TimeUnitOfFeature::ALL.into_iter().find(|unit| name.contains(unit.name()));
            match (unit, name) {
                (Some(unit), name) if name.starts_with("session_length") => F::SessionLength(unit),
                (Some(unit), name) if name.ends_with("since_first") => F::SinceFirst(unit),
                (Some(unit), _) => F::SinceLast(unit),
                (None, _) => return Err(unknown_entry(function, true)),
            }
        }
    };
    Ok(vec![(None, one)])
}

fn is_approximate(function: AggregateFunction) -> bool {
    use AggregateFunction as F;
    matches!(
        function,
        F::Distinct { approximate: true } | F::Top { approximate: true, .. } | F::Percentile { approximate: true, .. }
    )
}

/// Refuses two features of one name.
pub(super) fn check_names(features: &[DeclaredFeature]) -> Result<(), Fault> {
    let mut seen: HashMap<&str, &Range<usize>> = HashMap::with_capacity(features.len());
    for feature in features {
        if let Some(first) = seen.insert(&feature.name, &feature.span) {
            return Err(Fault::new(feature.span.clone(), format!("two features are named {:?}", feature.name))
                .also(first.clone(), "the other")
                .help("windows, values and places are added to a feature's name: give one of them another name"));
        }
    }
    Ok(())
}
