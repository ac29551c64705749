//! Some rows of a batch as a batch of their own, and batches that become one.

use super::{Column, ColumnError, Kind, Rows, States};

/// The number of a group that a part leaves out.
const ABSENT: u32 = u32::MAX;

impl Rows {
    /// Per row, its place among the rows of its kind.
    pub(crate) fn places(&self) -> Vec<u32> {
        let mut next = [0, 0];
        let place = |kind: &u8| {
            let next = &mut next[usize::from(*kind == Kind::Question as u8)];
            *next += 1;
            *next - 1
        };
        self.kinds.iter().map(place).collect()
    }

    /// The rows at `rows`, in that order. Their groups are those of `groups`, in that order, which start from `states`. `places`
    /// are those of this batch.
    pub(crate) fn part(
        &self,
        places: &[u32],
        rows: &[u32],
        groups: &[u32],
        states: States,
    ) -> Result<Self, ColumnError> {
        let mut numbers = vec![ABSENT; self.states.len()];
        for (number, group) in groups.iter().enumerate() {
            numbers[*group as usize] = number as u32;
        }
        let taken = |columns: &[Column], kind: Kind| {
            let of_kind = rows.iter().filter(|row| self.kinds[**row as usize] == kind as u8);
            let wanted: Vec<u32> = of_kind.map(|row| places[*row as usize]).collect();
            columns.iter().map(|column| column.take(&wanted)).collect::<Result<Vec<_>, _>>()
        };
        Ok(Self {
            times: rows.iter().map(|row| self.times[*row as usize]).collect(),
            groups: rows.iter().map(|row| numbers[self.groups[*row as usize] as usize]).collect(),
            kinds: rows.iter().map(|row| self.kinds[*row as usize]).collect(),
            event_fields: taken(&self.event_fields, Kind::Event)?,
            request_fields: taken(&self.request_fields, Kind::Question)?,
            input_features: taken(&self.input_features, Kind::Question)?,
            states,
            want_states: true,
            unbounded_states: true,
        })
    }

    /// Appends the rows of another batch, whose groups become groups after those that are here.
    pub(crate) fn append(&mut self, other: &Self) -> Result<(), ColumnError> {
        let before = self.states.len() as u32;
        for group in 0..other.states.len() {
            self.states.push(other.states.get(group))?;
        }
        self.times.extend_from_slice(&other.times);
        self.groups.extend(other.groups.iter().map(|group| before + group));
        self.kinds.extend_from_slice(&other.kinds);
        let all = [
            (&mut self.event_fields, &other.event_fields),
            (&mut self.request_fields, &other.request_fields),
            (&mut self.input_features, &other.input_features),
        ];
        for (to, from) in all {
            to.iter_mut().zip(from).try_for_each(|(to, from)| to.append(from))?;
        }
        Ok(())
    }

    /// The bytes that it takes in memory, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        let columns = [&self.event_fields, &self.request_fields, &self.input_features];
        let columns: usize = columns.into_iter().flatten().map(Column::memory_bytes).sum();
        columns + self.len() * 13 + self.states.bytes.len() + self.states.len() * 4
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Value, Values};

    /// Two groups in turns: an event and a question each, twice.
    fn rows() -> Rows {
        let mut rows = Rows::default();
        for (at, (kind, group)) in
            [(Kind::Event, 0), (Kind::Event, 1), (Kind::Question, 0), (Kind::Event, 1), (Kind::Question, 1)]
                .into_iter()
                .enumerate()
        {
            rows.push(kind, group, at as i64);
        }
        rows.event_fields = vec![Column::from_parts(Values::Float64s(vec![0.5, 1.5, 2.5]), None)];
        rows.request_fields = vec![Column::from_parts(Values::Int64s(vec![20, 40]), None)];
        rows.states.push(b"a").expect("short");
        rows.states.push(b"bc").expect("short");
        rows
    }

    #[test]
    fn a_part_has_the_fields_of_its_rows_and_its_own_numbers_of_groups() {
        let rows = rows();
        let mut states = States::default();
        states.push(b"bc").expect("short");
        states.push(b"a").expect("short");
        let part = rows.part(&rows.places(), &[3, 4, 2], &[1, 0], states).expect("small");
        assert_eq!((part.times.as_slice(), part.groups.as_slice()), (&[3, 4, 2][..], &[0, 0, 1][..]));
        assert!(part.event_fields[0].value(0).same_bits(&Value::Float64(2.5)) && part.event_fields[0].len() == 1);
        assert!(part.request_fields[0].value(0).same_bits(&Value::Int64(40)));
        assert!(part.request_fields[0].value(1).same_bits(&Value::Int64(20)));
    }

    #[test]
    fn batches_that_become_one_keep_their_groups_apart() {
        let mut all = rows();
        all.append(&rows()).expect("small");
        assert_eq!(all.groups, [0, 1, 0, 1, 1, 2, 3, 2, 3, 3]);
        assert_eq!((all.states.len(), all.states.get(3)), (4, &b"bc"[..]));
        assert_eq!((all.event_fields[0].len(), all.request_fields[0].len()), (6, 4));
    }
}
