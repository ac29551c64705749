//! What a component does that breaks a law, in words that begin with its name, and what to write instead.

use super::laws::Law;

/// What a component does, and what to write instead.
pub(super) struct Cause {
    pub(super) does: String,
    pub(super) instead: String,
}

/// Told from what was seen: the import that was called, the limit that was met, and otherwise the law.
///
/// `draws` says whether the component is linked to random numbers, which a hash map draws its order from.
pub(super) fn cause(law: Law, difference: &str, draws: bool) -> Cause {
    let of = |does: &str, instead: &str| Cause { does: does.to_owned(), instead: instead.to_owned() };
    if let Some((_, does, instead)) = IMPORTS.iter().find(|(import, ..)| difference.contains(import)) {
        return of(does, instead);
    }
    if law == Law::Total {
        if let Some((_, does, instead)) = STOPS.iter().find(|(words, ..)| difference.contains(words)) {
            return of(does, instead);
        }
        if let Some(message) = panic_message(difference) {
            return of(&format!("panics: {message}"), law.advice());
        }
    }
    match law {
        Law::Constant => of("describes itself differently from one time to the next", law.advice()),
        Law::Total => of("gives no answer to some input", law.advice()),
        Law::Fresh | Law::Repeat if draws => of(
            "answers by chance, from a random number or the order of a hash map",
            "use BTreeMap and BTreeSet in place of HashMap and HashSet, and draw nothing: hash a field of the row instead",
        ),
        Law::Repeat if difference.contains("an interpreter") => of(
            "answers differently when it is interpreted",
            "look for what is not the same everywhere: the bits of a NaN, or what lies in memory that was not set",
        ),
        Law::Fresh | Law::Repeat => of("remembers something from one call to the next", law.advice()),
        Law::Split if difference.contains("no states wanted") => of(
            "answers by whether its state is wanted back",
            "compute a feature from the state and the question alone, whatever `want-states` says",
        ),
        Law::Split if difference.starts_with("state of") => of("does not give its state back exactly", law.advice()),
        Law::Split => of("answers by where a batch is cut", law.advice()),
        Law::Group => of("lets one entity see another", law.advice()),
        Law::Read => of("changes something when it is asked", law.advice()),
        Law::Merge => of("loses or changes something when it merges aggregates", law.advice()),
        Law::Shapes if difference.starts_with("state of") => of(
            "gives back another state by what a call is for, or by its size",
            "keep in the state all that is kept within a call, for its entity alone, and count in i64",
        ),
        Law::Shapes => of("answers by what a call is for, or by its size", law.advice()),
        Law::Carry if difference.contains("trapped") => of(
            "cannot read back a long state that it has written",
            "decode whatever was encoded, however long it is; keep less if that is too much, in a shorter or a hopping window",
        ),
        Law::Carry => of("loses something of a long history", law.advice()),
    }
}

/// What a call of an import is, and what to write instead.
const IMPORTS: [(&str, &str, &str); 6] = [
    ("wasi:clocks", "reads the clock", "take the time from the row: `at` in `update`, `as_of` in `read`"),
    (
        "wasi:random",
        "draws random numbers",
        "draw nothing: hash a field of the row, so that the same row gives the same number",
    ),
    (
        "wasi:filesystem",
        "reads or writes a file",
        "put constants into the view's `parameters`, or bring them as events",
    ),
    ("wasi:sockets", "opens a connection", "bring the value as a field of an event or of the request"),
    ("wasi:http", "opens a connection", "bring the value as a field of an event or of the request"),
    (
        "wasi:cli",
        "asks its surroundings, or ends them",
        "return an error for what cannot be handled, and put constants into the view's `parameters`",
    ),
];

/// What ends a call, and what to write instead.
const STOPS: [(&str, &str, &str); 5] = [
    ("ms for one call", "takes too long", "look for a loop that does not end, and do less for each row"),
    (
        "limit: memory of",
        "takes too much memory",
        "keep less: a shorter or a hopping window, or an aggregate in place of events",
    ),
    ("limit: stack of", "recurses too deep", "write a loop in place of the recursion"),
    (
        "limit: a state of",
        "keeps too long a state",
        "keep a shorter or a hopping window, or an aggregate in place of events",
    ),
    (
        "broke its contract",
        "gives back what does not fit its description",
        "give each question one value of the described type for each feature, and each group a state where they are wanted",
    ),
];

/// What a panic said, of the lines that the standard library writes: the one after that with its place.
fn panic_message(difference: &str) -> Option<&str> {
    let mut lines = difference.lines().skip_while(|line| !line.contains("panicked at")).skip(1);
    lines.next().map(str::trim).filter(|line| !line.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_told_from_what_was_seen() {
        let does = |law, difference: &str| cause(law, difference, false).does;
        let clock = "row 1: the transform trapped: it called wasi:clocks/wall-clock.now: a transform has no clock";
        assert_eq!(does(Law::Total, clock), "reads the clock");
        let panic = "row 1: the transform trapped: it panicked; it wrote:\n\nthread '<unnamed>' (1) panicked at src/lib.rs:9:9:\n\
                     attempt to add with overflow";
        assert_eq!(does(Law::Total, panic), "panics: attempt to add with overflow");
        assert_eq!(does(Law::Total, "row 1: the transform exceeded a limit: 2000 ms for one call"), "takes too long");
        assert_eq!(
            does(Law::Split, "row 2, feature sum\nin one call: 1\none row a call: 2"),
            "answers by where a batch is cut"
        );
        assert_eq!(does(Law::Split, "state of entity 1, from byte 0"), "does not give its state back exactly");
        assert_eq!(does(Law::Fresh, "row 1"), "remembers something from one call to the next");
        assert!(cause(Law::Fresh, "row 1", true).does.starts_with("answers by chance"));
    }

    #[test]
    fn every_law_has_a_cause_and_a_way_out() {
        let laws = super::super::laws::OF_CASES.into_iter().chain([Law::Constant, Law::Shapes, Law::Carry]);
        for law in laws {
            let Cause { does, instead } = cause(law, "something", false);
            assert!(does.len() > 10 && instead.len() > 10 && !does.ends_with('.'), "{}: {does}", law.name());
        }
    }
}
