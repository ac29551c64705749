//! An aggregate for each session.

use onepath_definition::{Answer, SessionRule, Span};
use onepath_sdk::dynamic::{Ends, KeptSessions};
use onepath_sdk::state::StateError;
use onepath_sdk::time::{AsOf, EventTime, Length};

use super::any::{Any, Which};
use super::value::Item;
use super::{Kept, Part};
use crate::column::Writer;

#[derive(Clone, Copy)]
pub(super) struct Shape {
    which: Which,
    rule: Ends,
    kept: Length,
}

impl Shape {
    pub(super) fn new(which: Which, rule: SessionRule, kept: Length) -> Self {
        let rule = match rule {
            SessionRule::Gap(length) => Ends::Gap(Length::from_micros(length)),
            SessionRule::Fixed(length) => Ends::Fixed(Length::from_micros(length)),
        };
        Shape { which, rule, kept }
    }
}

/// The sessions of an entity.
pub(super) struct OfSessions(KeptSessions<Any>);

impl Kept for OfSessions {
    type Item<'a> = Item<'a>;
    type Shape = Shape;

    fn empty(_: &Shape) -> Self {
        OfSessions(KeptSessions::default())
    }

    fn decode(bytes: &mut &[u8], shape: &Shape) -> Result<Self, StateError> {
        KeptSessions::decode(bytes, shape.kept, |bytes| Any::decode_bare(bytes, shape.which)).map(OfSessions)
    }

    fn encode(&self, bytes: &mut Vec<u8>, _: &Shape) {
        if !self.0.is_empty() {
            self.0.encode(bytes, Any::encode_bare);
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, item: Item<'_>, shape: &Shape) {
        self.0.push(at, (shape.which, item), shape.rule, shape.kept);
    }

    fn read(&self, as_of: AsOf, part: &Part, shape: &Shape, columns: &mut [Writer]) {
        let length = Length::from_micros;
        let session = match part.span {
            Span::Closed { length: of, ago } => {
                let began = self.0.count(as_of, length(ago), length(of));
                part.answers.iter().for_each(|&(column, _)| columns[column].integer(Some(began)));
                return;
            }
            Span::LastSession => self.0.last(),
            Span::OpenSession => self.0.current(as_of, shape.rule),
            _ => unreachable!("sessions are counted, or read one by one"),
        };
        for &(column, answer) in &part.answers {
            let column = &mut columns[column];
            match (answer, session) {
                (Answer::SessionLength(unit), session) => {
                    column.integer(session.map(|session| session.length().micros().div_euclid(unit)));
                }
                (_, Some(session)) => session.events.answer(answer, as_of, shape.which, column),
                (_, None) => Any::Blank.answer(answer, as_of, shape.which, column),
            }
        }
    }
}
