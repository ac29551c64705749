//! One entity, event by event, for an author's own tests.
//!
//! A component has none of it: compiled for WebAssembly, this module does not exist, and with it the only way to make an as-of.

use std::marker::PhantomData;

use crate::batch::{Column, EVENT, Failure, QUESTION, Rows, States};
use crate::native::process;
use crate::row::Row;
use crate::time::{AsOf, EventTime, asked_at};
use crate::transform::Transform;

/// The as-of of a question, in microseconds since the Unix epoch, UTC. Like the host, ask no question before an event that was
/// applied.
pub const fn as_of(micros: i64) -> AsOf {
    asked_at(micros)
}

/// One entity of a transform. Every event and every question is a batch of its own, as in serving: the row goes through
/// columns and the state through its bytes.
///
/// ```text
/// let mut customer = Harness::<Activity>::new();
/// customer.event(EventTime(0), Event { event_type: "purchase", amount: 10.0 });
/// assert_eq!(customer.question(as_of(1)).purchase_count_30d, 1);
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

    /// Applies an event.
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
