//! A case: the events and questions of a few entities, in the order in which they happen.

use crate::batch::{Column, Kind, Rows, States, Value};
use crate::schema::{Description, Field};

/// One event or question.
#[derive(Clone, Debug)]
pub(super) struct CaseRow {
    pub(super) kind: Kind,
    pub(super) entity: u32,
    /// Microseconds: the event time of an event, the as-of of a question.
    pub(super) time: i64,
    /// An event's fields; a question's request fields, then its input features.
    pub(super) values: Vec<Value>,
}

/// The events and questions of a few entities.
#[derive(Clone, Debug, Default)]
pub(super) struct Case {
    pub(super) rows: Vec<CaseRow>,
}

impl Case {
    /// Whether another has the same rows, in bits.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        let same = |(one, other): (&CaseRow, &CaseRow)| {
            (one.kind, one.entity, one.time) == (other.kind, other.entity, other.time)
                && one.values.len() == other.values.len()
                && one.values.iter().zip(&other.values).all(|(one, other)| one.same_bits(other))
        };
        self.rows.len() == other.rows.len() && self.rows.iter().zip(&other.rows).all(same)
    }

    /// How many entities there are, counted to the highest number.
    pub(super) fn entities(&self) -> u32 {
        self.rows.iter().map(|row| row.entity + 1).max().unwrap_or(0)
    }

    /// Whether a host could ask this: no question is older than an event or a question before it, of the same entity.
    pub(super) fn is_possible(&self) -> bool {
        let mut newest = vec![i64::MIN; self.entities() as usize];
        self.rows.iter().all(|row| {
            let newest = &mut newest[row.entity as usize];
            let possible = row.kind == Kind::Event || row.time >= *newest;
            *newest = (*newest).max(row.time);
            possible
        })
    }
}

/// The fields of a row of this kind.
pub(super) fn fields(description: &Description, kind: Kind) -> impl Iterator<Item = &Field> {
    let (first, second) = match kind {
        Kind::Event => (&description.event_fields, &[][..]),
        Kind::Question => (&description.request_fields, &description.input_features[..]),
    };
    first.iter().chain(second)
}

/// A batch of rows, each with its group.
pub(super) fn batch<'a>(
    description: &Description,
    rows: impl Iterator<Item = (&'a CaseRow, u32)>,
    states: States,
    want_states: bool,
) -> Rows {
    let columns = |fields: &[Field]| fields.iter().map(|field| Column::new(field.value_type)).collect::<Vec<_>>();
    let mut batch = Rows {
        event_fields: columns(&description.event_fields),
        request_fields: columns(&description.request_fields),
        input_features: columns(&description.input_features),
        states,
        want_states,
        // How large a state may be stored is a matter of the project, and of each entity's events.
        unbounded_states: true,
        ..Rows::default()
    };
    for (row, group) in rows {
        batch.push(row.kind, group, row.time);
        let (first, second) = match row.kind {
            Kind::Event => (&mut batch.event_fields, None),
            Kind::Question => (&mut batch.request_fields, Some(&mut batch.input_features)),
        };
        let columns = first.iter_mut().chain(second.into_iter().flatten());
        for (column, value) in columns.zip(&row.values) {
            column.push(value).expect("a generated value has its field's type, and a case is small");
        }
    }
    batch
}
