//! What a transform is. Authors write `#[transform]` on an inherent `impl`; it implements [`Transform`].

use std::fmt::Display;

use crate::row::{Features, Row};
use crate::state::State;
use crate::time::{AsOf, EventTime};

/// A feature transform: how an event changes a state, and what the state says at an as-of.
///
/// Implemented by `#[transform]` from an inherent `impl` of the state type:
///
/// ```text
/// #[transform(version = "1.2.0", state_version = 3)]
/// impl Activity {
///     fn update(&mut self, event: &Event, at: EventTime, parameters: &Parameters) { ... }
///     fn read(&self, request: &Request, inputs: &Inputs, parameters: &Parameters, as_of: AsOf) -> Features { ... }
/// }
/// ```
///
/// Arguments are known by their names and may be left out; what is left out is `()`, which has no fields. `read` answers
/// from the state and changes nothing. Either method may return a `Result`, whose error becomes the failure of its row. The
/// author's version is that of the crate unless given; the state's version is 1 unless given. With `debug`
/// (`#[transform(debug)]`), `onepath replay --state` shows states by their `Debug`.
///
/// Without `update` the transform is stateless: it takes no events, and its state may be a unit struct. With an `update` that
/// leaves `event` out it takes events without fields, which it may count.
pub trait Transform: State + Default + 'static {
    /// The fields of an event that the transform reads.
    type Event<'a>: Row<'a>;
    /// The fields that a question brings with it.
    type Request<'a>: Row<'a>;
    /// The features of other views that a question brings with it.
    type Inputs<'a>: Row<'a>;
    /// The constants that a view gives the transform.
    type Parameters<'a>: Row<'a>;
    /// What the transform gives.
    type Features: Features;

    /// The author's version of the transform, for people.
    const VERSION: &'static str;
    /// The version of the state format. States of another version are rebuilt from history, never read.
    const STATE_VERSION: u32 = 1;

    /// Applies an event that happened at `at`. Events come in the order in which they became known, so `at` may be earlier
    /// than that of the event before.
    fn update(
        &mut self,
        event: &Self::Event<'_>,
        at: EventTime,
        parameters: &Self::Parameters<'_>,
    ) -> Result<(), String>;

    /// The features as of `as_of`, which no event in the state is later than.
    fn read(
        &self,
        request: &Self::Request<'_>,
        inputs: &Self::Inputs<'_>,
        parameters: &Self::Parameters<'_>,
        as_of: AsOf,
    ) -> Result<Self::Features, String>;
}

/// What `update` and `read` may return: a plain value, or a `Result` whose error can be told.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not what `update` or `read` returns",
    note = "`update` returns nothing and `read` a struct that derives Features, or a Result of these with an error that implements Display"
)]
pub trait Outcome {
    /// The plain value.
    type Value;

    /// The plain value, or the message of the error.
    fn outcome(self) -> Result<Self::Value, String>;
}

impl Outcome for () {
    type Value = ();

    fn outcome(self) -> Result<(), String> {
        Ok(())
    }
}

impl<F: Features> Outcome for F {
    type Value = F;

    fn outcome(self) -> Result<F, String> {
        Ok(self)
    }
}

impl<V, E: Display> Outcome for Result<V, E> {
    type Value = V;

    fn outcome(self) -> Result<V, String> {
        self.map_err(|error| error.to_string())
    }
}

/// Names `Event<'a>` from `Event`, whether or not it has a lifetime: the type that `fn(&()) -> Event` returns for `&'a ()`.
///
/// An author writes `event: &Event`, where the lifetime may be left out. A macro cannot tell that it is there, but in a
/// function pointer it may be left out too.
pub trait Borrowing<'a> {
    /// The type with the lifetime `'a`, if it has one.
    type Row;
}

impl<'a, F: Fn(&'a ()) -> R, R> Borrowing<'a> for F {
    type Row = R;
}
