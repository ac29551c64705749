//! Resolves over which stretch of time a feature is.

use toml::Spanned;

use super::entries::{Entries, OrNothing};
use crate::project::fault::Fault;
use crate::project::{SessionEnd, WhichSession, Window};

/// The most events that a window by count holds.
const EVENTS_MAX: u32 = 1_000_000;

/// Which windows a function may have.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any.
    Any,
    /// A lifetime or an exact window.
    Plain,
    /// A lifetime alone.
    Lifetime,
    /// Sessions.
    Sessions,
}

impl Kind {
    pub fn of(name: &str) -> Self {
        match name {
            "first_n" | "last_n" => Self::Plain,
            "decayed_sum" | "decayed_mean" | "lag" => Self::Lifetime,
            name if name.starts_with("session") => Self::Sessions,
            name if name.contains("_since_") => Self::Plain,
            _ => Self::Any,
        }
    }
}

/// The windows of an entry, each with the end of its name.
pub(super) fn windows(
    entries: &mut Entries,
    function: &Spanned<String>,
    kind: Kind,
) -> Result<Vec<(Option<String>, Window)>, Fault> {
    one_window(entries)?;
    let is_of_sessions = entries.has("gap") || entries.has("fixed") || entries.has("session");
    if kind == Kind::Sessions || (kind == Kind::Any && is_of_sessions) {
        return sessions(entries, function).map(|window| vec![(None, window)]);
    }
    if kind == Kind::Lifetime {
        return Ok(vec![(None, Window::Lifetime)]);
    }
    if kind == Kind::Any {
        if let Some(count) = entries.count("last_events", EVENTS_MAX)? {
            return Ok(vec![(None, Window::Events(count))]);
        }
        if let Some(length) = entries.length("tumbling", OrNothing::Refused)? {
            let is_previous = entries.flag("previous")?;
            return Ok(vec![(None, Window::Tumbling { length, is_previous })]);
        }
    }
    let lengths = match (entries.length("window", OrNothing::Refused)?, entries.lengths("windows")?) {
        (Some(length), _) => vec![(None, length)],
        (None, Some(lengths)) => lengths.into_iter().map(|(text, length)| (Some(text), length)).collect(),
        (None, None) => return Ok(vec![(None, Window::Lifetime)]),
    };
    let hop = match kind {
        Kind::Any => entries.length("hop", OrNothing::Refused)?,
        _ => None,
    };
    let has_ago = !function.get_ref().contains("_since_");
    let ago = if has_ago { entries.length("ago", OrNothing::Allowed)? } else { None };
    let edge = if hop.is_none() { entries.one_of("edge", &["closed", "half_open"])? } else { None };
    let window = |length: i64| match hop {
        Some(hop) => Window::Hopping { length, hop, ago },
        None => Window::Exact { length, ago: ago.unwrap_or(0), is_half_open: edge == Some(1) },
    };
    Ok(lengths.into_iter().map(|(name, length)| (name, window(length))).collect())
}

/// Refuses two windows for one feature.
fn one_window(entries: &Entries) -> Result<(), Fault> {
    let windows = ["window", "windows", "last_events", "tumbling"];
    let mut named = entries.names().filter(|entry| windows.contains(&entry.get_ref().as_str()));
    let (Some(first), Some(second)) = (named.next(), named.next()) else { return Ok(()) };
    Err(Fault::new(second.span(), format!("{} and {} in one feature", first.get_ref(), second.get_ref()))
        .also(first.span(), "the other")
        .help("a feature is over one stretch of time: for several, write windows = [\"7d\", \"90d\"]"))
}

fn sessions(entries: &mut Entries, function: &Spanned<String>) -> Result<Window, Fault> {
    let name = function.get_ref();
    let gap = entries.length("gap", OrNothing::Refused)?;
    let fixed_span = entries.span_of("fixed");
    let fixed = entries.length("fixed", OrNothing::Refused)?;
    let end = match (gap, fixed) {
        (Some(gap), None) => SessionEnd::Gap(gap),
        (None, Some(fixed)) => SessionEnd::Fixed(fixed),
        (None, None) => {
            return Err(Fault::new(function.span(), format!("{name} over sessions that nothing ends"))
                .help("say what ends a session: gap = \"30m\" without an event, or fixed = \"1h\" after it began"));
        }
        (Some(_), Some(_)) => {
            return Err(
                Fault::new(fixed_span.unwrap_or_default(), "gap and fixed in one feature").help("remove one of them")
            );
        }
    };
    let length = entries.length("window", OrNothing::Refused)?.ok_or_else(|| {
        Fault::new(function.span(), format!("{name} over sessions that are kept for ever"))
            .help("say how long sessions are kept: window = \"30d\"")
    })?;
    let which = match (entries.one_of("session", &["last", "open"])?, name.as_str()) {
        (None, "sessions") => WhichSession::All,
        (Some(0), other) if other != "sessions" => WhichSession::Last,
        (Some(_), other) if other != "sessions" => WhichSession::Open,
        (Some(_), _) => {
            return Err(Fault::new(function.span(), "sessions counts all sessions, and session names one")
                .help("remove session, or count the events of it: count = \"*\""));
        }
        (None, _) => {
            return Err(Fault::new(function.span(), format!("{name} of which session?"))
                .help("say it: session = \"last\", or session = \"open\" for the one that has not ended"));
        }
    };
    Ok(Window::Sessions { end, length, which })
}

/// Refuses an estimate where everything is kept, and everything where nothing bounds it.
pub(super) fn check_approximate(function: &Spanned<String>, window: Window, approximate: bool) -> Result<(), Fault> {
    let keeps_all = matches!(window, Window::Exact { .. } | Window::Events(_));
    let name = function.get_ref().as_str();
    let span = || function.span();
    if approximate && keeps_all {
        return Err(Fault::new(span(), format!("{name} is exact over this window, and not approximate")).help(
            "over an exact window every value is kept: remove approximate, or add hop = \"1d\" to keep estimates by hop",
        ));
    }
    if name == "percentile" && !approximate && !keeps_all {
        return Err(Fault::new(span(), "an exact percentile needs every value, and nothing bounds how many are kept")
            .help("add window = \"30d\" or last_events = 100 (without hop), or approximate = true"));
    }
    Ok(())
}
