//! A batch row by row, with the states carried: the finest of its cuts, which gives what the whole gives.

use super::{Answers, Kind, Rows, States};

/// The rows of a batch, each as a batch of its own. Each is asked for once, in order.
pub(crate) struct Singles<'a> {
    rows: &'a Rows,
    places: Vec<u32>,
    /// Per group, its last row.
    last_rows: Vec<u32>,
    /// Per group, the state after the rows that were carried.
    states: Vec<Option<Vec<u8>>>,
}

impl<'a> Singles<'a> {
    pub(crate) fn new(rows: &'a Rows) -> Self {
        let mut last_rows = vec![0; rows.states.len()];
        for (row, group) in rows.groups.iter().enumerate() {
            last_rows[*group as usize] = row as u32;
        }
        Self { rows, places: rows.places(), last_rows, states: vec![None; rows.states.len()] }
    }

    /// A row from the state that those before it left. Its state is wanted back where `want_states` says so.
    pub(crate) fn row(&self, row: usize, want_states: bool) -> Rows {
        let group = self.rows.groups[row];
        let mut states = States::default();
        states.push(self.state(group)).expect("a state of a batch is no larger than the batch");
        let single = self.rows.part(&self.places, &[row as u32], &[group], states);
        let single = single.expect("a row of a batch is no larger than the batch");
        // What a state has to be in the end, it need not be in between.
        let is_last = self.last_rows[group as usize] == row as u32;
        Rows { want_states, unbounded_states: self.rows.unbounded_states || !is_last, ..single }
    }

    /// Takes over the state that a row left.
    pub(crate) fn carry(&mut self, row: usize, answers: &Answers) {
        if let Some(states) = &answers.states {
            self.states[self.rows.groups[row] as usize] = Some(states.get(0).to_vec());
        }
    }

    /// The states of all groups.
    pub(crate) fn into_states(self) -> States {
        let mut all = States::default();
        for group in 0..self.states.len() as u32 {
            all.push(self.state(group)).expect("the states of a batch are no larger than they were");
        }
        all
    }

    fn state(&self, group: u32) -> &[u8] {
        match &self.states[group as usize] {
            Some(state) => state,
            None => self.rows.states.get(group as usize),
        }
    }
}

/// What a row is, in a word.
pub(crate) fn kind_name(kind: u8) -> &'static str {
    if kind == Kind::Event as u8 { "event" } else { "question" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Column, Values};

    #[test]
    fn each_row_has_its_field_and_the_state_before_it() {
        let mut rows = Rows::default();
        rows.push(Kind::Event, 0, 10);
        rows.push(Kind::Event, 1, 20);
        rows.push(Kind::Event, 0, 30);
        rows.event_fields = vec![Column::from_parts(Values::Float64s(vec![0.5, 1.5, 2.5]), None)];
        rows.states.push(b"a").expect("short");
        rows.states.push(b"b").expect("short");
        let mut singles = Singles::new(&rows);
        let mut seen = Vec::new();
        for row in 0..rows.len() {
            let single = singles.row(row, true);
            assert_eq!((single.len(), single.states.len(), single.groups[0]), (1, 1, 0));
            let mut state = single.states.get(0).to_vec();
            seen.push(format!(
                "{} {} {} {}",
                single.times[0],
                single.event_fields[0].value(0),
                String::from_utf8_lossy(&state),
                single.unbounded_states,
            ));
            state.push(b'!');
            let mut states = States::default();
            states.push(&state).expect("short");
            singles.carry(row, &Answers { features: Vec::new(), states: Some(states) });
        }
        assert_eq!(seen, ["10 0.5 a true", "20 1.5 b false", "30 2.5 a! false"]);
        assert_eq!(singles.into_states(), States { ends: vec![3, 5], bytes: b"a!!b!".to_vec() });
    }
}
