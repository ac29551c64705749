//! Lengths of time, as types and as values.

use std::cell::RefCell;
use std::collections::BTreeSet;

const SECOND: i64 = 1_000_000;

/// The units that the SDK has types for.
const UNITS: [(&str, &str, i64); 4] = [
    ("Days", "days", 86_400 * SECOND),
    ("Hours", "hours", 3_600 * SECOND),
    ("Minutes", "minutes", 60 * SECOND),
    ("Seconds", "seconds", SECOND),
];

/// Lengths that become types. Those that the SDK has none for get one of their own.
#[derive(Default)]
pub(super) struct Lengths {
    own: RefCell<BTreeSet<i64>>,
}

impl Lengths {
    /// The type of a length: `Days<30>`.
    pub(super) fn of(&self, micros: i64) -> String {
        if micros == 0 {
            return "Seconds<0>".to_owned();
        }
        let fits = |unit: i64| micros % unit == 0 && u32::try_from(micros / unit).is_ok();
        match UNITS.iter().find(|(_, _, unit)| fits(*unit)) {
            Some((name, _, unit)) => format!("{name}<{}>", micros / unit),
            None => {
                self.own.borrow_mut().insert(micros);
                format!("Micros{micros}")
            }
        }
    }

    /// The types that are no part of the SDK.
    pub(super) fn own_types(&self) -> String {
        let own = self.own.borrow();
        let of = |micros: &i64| {
            format!(
                "/// {micros} microseconds.\nstruct Micros{micros};\n\nimpl Retention for Micros{micros} {{\n    \
                 const LENGTH: Length = Length::from_micros({micros});\n}}\n\n"
            )
        };
        own.iter().map(of).collect()
    }
}

/// A length as a value: `days(30)`.
pub(super) fn value(micros: i64) -> String {
    match UNITS.iter().find(|(_, _, unit)| micros != 0 && micros % unit == 0) {
        Some((_, name, unit)) => format!("{name}({})", micros / unit),
        None => format!("Length::from_micros({micros})"),
    }
}

/// What makes whole units of a length, for `map`.
pub(super) fn whole(unit: i64) -> String {
    match UNITS.iter().find(|(_, _, micros)| *micros == unit) {
        Some((_, name, _)) => format!("Length::whole_{name}"),
        None => format!("|length| length.micros().div_euclid({unit})"),
    }
}
