//! One entity, event by event, for an author's own tests.
//!
//! A component has none of it: compiled for WebAssembly, this module does not exist, and with it the only way to make an as-of.
//!
//! ```
//! use onepath_sdk::prelude::*;
//! use onepath_sdk::testing::{as_of, at, time};
//!
//! let paid = at("2024-03-01T09:30:00Z");
//! assert_eq!(as_of("2024-03-02").since(paid), minutes(14 * 60 + 30));
//! assert_eq!(time("2024-03-01T10:30:00.000001+01:00").since(paid).micros(), 1);
//! ```

mod moment;

pub use moment::Moment;

use std::marker::PhantomData;

use crate::batch::{Column, EVENT, Failure, QUESTION, Rows, States};
use crate::native::process;
use crate::row::Row;
use crate::time::{AsOf, EventTime, Time, asked_at};
use crate::transform::Transform;

/// When an event happens, from an ISO 8601 text or from microseconds since the Unix epoch: [`Moment`] says which texts.
#[track_caller]
pub fn at(moment: impl Moment) -> EventTime {
    EventTime(moment.to_micros())
}

/// The as-of of a question, from an ISO 8601 text or from microseconds since the Unix epoch. Like the host, ask no question
/// before an event that was applied.
#[track_caller]
pub fn as_of(moment: impl Moment) -> AsOf {
    asked_at(moment.to_micros())
}

/// A time that is a value, from an ISO 8601 text or from microseconds since the Unix epoch.
#[track_caller]
pub fn time(moment: impl Moment) -> Time {
    Time(moment.to_micros())
}

/// One entity of a transform. Every event and every question is a batch of its own, as in serving: the row goes through
/// columns and the state through its bytes.
///
/// ```
/// use onepath_sdk::prelude::*;
/// use onepath_sdk::testing::{Harness, as_of, at};
///
/// #[derive(State, Default)]
/// struct Visits {
///     last: Recency,
/// }
///
/// #[derive(Features)]
/// struct Features {
///     /// Whole hours since the last visit. Null where there was none.
///     hours_since_visit: Option<i64>,
/// }
///
/// #[transform]
/// impl Visits {
///     fn update(&mut self, at: EventTime) {
///         self.last.push(at, ());
///     }
///
///     fn read(&self, as_of: AsOf) -> Features {
///         Features { hours_since_visit: self.last.since(as_of).map(Length::whole_hours) }
///     }
/// }
///
/// let mut visitor = Harness::<Visits>::new();
/// assert_eq!(visitor.question(as_of("2024-03-01")).hours_since_visit, None);
/// visitor.event(at("2024-03-01T08:00:00Z"), ());
/// assert_eq!(visitor.question(as_of("2024-03-01T20:30:00Z")).hours_since_visit, Some(12));
/// ```
pub struct Harness<T> {
    parameters: Vec<Column>,
    state: Vec<u8>,
    transform: PhantomData<T>,
}

impl<T: Transform> Default for Harness<T>
where
    T: for<'a> Transform<Parameters<'a> = ()>,
{
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Transform> Harness<T> {
    /// An entity without events, of a transform without parameters.
    pub fn new() -> Self
    where
        T: for<'a> Transform<Parameters<'a> = ()>,
    {
        Self::with_parameters(())
    }

    /// An entity without events.
    pub fn with_parameters(parameters: T::Parameters<'_>) -> Self {
        Harness { parameters: columns(parameters), state: Vec::new(), transform: PhantomData }
    }

    /// Applies an event; `()` where the transform reads no field of it.
    ///
    /// # Panics
    ///
    /// If the transform refuses it.
    pub fn event(&mut self, at: EventTime, event: T::Event<'_>) -> &mut Self {
        match self.try_event(at, event) {
            Ok(()) => self,
            Err(failure) => panic!("the event was refused: {}", failure.message),
        }
    }

    /// Applies an event, which the transform may refuse. The state is then as it was.
    pub fn try_event(&mut self, at: EventTime, event: T::Event<'_>) -> Result<(), Failure> {
        let rows =
            Rows { kinds: vec![EVENT], event_fields: columns(event), want_states: true, ..self.rows(at.micros()) };
        self.state = process::<T>(&self.parameters, &rows)?.states.map_or_else(Vec::new, |states| states.bytes);
        Ok(())
    }

    /// Asks a question that brings nothing with it.
    ///
    /// # Panics
    ///
    /// If the transform refuses it.
    pub fn question(&self, as_of: AsOf) -> T::Features
    where
        T: for<'a> Transform<Request<'a> = (), Inputs<'a> = ()>,
    {
        self.question_with(as_of, (), ())
    }

    /// Asks a question that brings request fields and input features with it; `()` for none.
    ///
    /// # Panics
    ///
    /// If the transform refuses it.
    pub fn question_with(&self, as_of: AsOf, request: T::Request<'_>, inputs: T::Inputs<'_>) -> T::Features {
        match self.try_question(as_of, request, inputs) {
            Ok(features) => features,
            Err(failure) => panic!("the question was refused: {}", failure.message),
        }
    }

    /// Asks a question, which the transform may refuse.
    pub fn try_question(
        &self,
        as_of: AsOf,
        request: T::Request<'_>,
        inputs: T::Inputs<'_>,
    ) -> Result<T::Features, Failure> {
        let rows = Rows {
            kinds: vec![QUESTION],
            event_fields: <T::Event<'_> as Row>::finish(<T::Event<'_> as Row>::writers(0)),
            request_fields: columns(request),
            input_features: columns(inputs),
            ..self.rows(as_of.micros())
        };
        let features = process::<T>(&self.parameters, &rows)?.features;
        let readers = <T::Features as Row>::readers(&features).map_err(Failure::new)?;
        Ok(<T::Features as Row>::read(&readers, 0))
    }

    /// The bytes of the state: none before the first event.
    pub fn state(&self) -> &[u8] {
        &self.state
    }

    /// One row without its fields, and columns of no rows for the kinds that it is not.
    fn rows(&self, time: i64) -> Rows {
        Rows {
            times: vec![time],
            groups: vec![0],
            request_fields: <T::Request<'_> as Row>::finish(<T::Request<'_> as Row>::writers(0)),
            input_features: <T::Inputs<'_> as Row>::finish(<T::Inputs<'_> as Row>::writers(0)),
            states: States { ends: vec![crate::value::end(self.state.len())], bytes: self.state.clone() },
            ..Rows::default()
        }
    }
}

/// The columns of one row.
fn columns<'a, R: Row<'a>>(row: R) -> Vec<Column> {
    let mut writers = R::writers(1);
    row.write(&mut writers);
    R::finish(writers)
}
