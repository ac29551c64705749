//! Calls whose answers are known, with which another one is joined.

use std::time::Duration;

use super::cut::{Sample, sampled, some_groups};
use super::dice::Dice;
use crate::batch::{Answers, Column, ColumnError, Rows, States};

/// Rows of a call that is kept to be joined with others.
const KEPT_ROWS: usize = 16;
/// Bytes of such a call.
const KEPT_BYTES: usize = 32 << 10;
/// Calls that are kept with events, and as many without.
const KEPT: usize = 16;
/// Rows of a joined call.
const JOINED_ROWS: usize = 2_048;
/// Bytes of a joined call.
const JOINED_BYTES: usize = 512 << 10;

/// Rows and what they gave.
#[derive(Clone, Debug)]
pub(in crate::wasm) struct Known {
    pub(in crate::wasm) rows: Rows,
    pub(in crate::wasm) answers: Answers,
    /// Per group, whether its last state is known.
    pub(in crate::wasm) complete: Vec<bool>,
    /// What the first call of them cost.
    pub(in crate::wasm) cost: Duration,
}

impl Known {
    /// The part of a call that is repeated.
    pub(in crate::wasm) fn sampled(
        dice: &mut Dice,
        rows: &Rows,
        answers: &Answers,
        cost: Duration,
    ) -> Result<Self, ColumnError> {
        Self::part(rows, answers, &sampled(dice, rows, false), cost)
    }

    fn part(rows: &Rows, answers: &Answers, sample: &Sample, cost: Duration) -> Result<Self, ColumnError> {
        let places = rows.places();
        let mut numbers = vec![false; rows.states.len()];
        sample.rows.iter().for_each(|row| numbers[rows.groups[*row as usize] as usize] = true);
        let groups: Vec<u32> = (0..rows.states.len() as u32).filter(|group| numbers[*group as usize]).collect();
        let of = |states: &States| {
            let mut taken = States::default();
            groups.iter().try_for_each(|group| taken.push(states.get(*group as usize)))?;
            Ok::<States, ColumnError>(taken)
        };
        let asked: Vec<u32> = sample
            .rows
            .iter()
            .filter(|row| rows.kinds[**row as usize] == crate::batch::Kind::Question as u8)
            .map(|row| places[*row as usize])
            .collect();
        let is_known = |group: &u32| answers.states.is_some() && sample.complete[*group as usize];
        Ok(Self {
            complete: groups.iter().map(is_known).collect(),
            rows: rows.part(&places, &sample.rows, &groups, of(&rows.states)?)?,
            answers: Answers {
                features: answers.features.iter().map(|column| column.take(&asked)).collect::<Result<_, _>>()?,
                states: answers.states.as_ref().map(of).transpose()?,
            },
            cost,
        })
    }

    fn append(&mut self, other: &Self) -> Result<(), ColumnError> {
        self.rows.append(&other.rows)?;
        let columns = self.answers.features.iter_mut().zip(&other.answers.features);
        columns.into_iter().try_for_each(|(to, from)| to.append(from))?;
        let states = self.answers.states.get_or_insert_default();
        // Those that are not known are never looked at.
        let empty = States { ends: vec![0; other.rows.states.len()], bytes: Vec::new() };
        let more = other.answers.states.as_ref().unwrap_or(&empty);
        (0..more.len()).try_for_each(|group| states.push(more.get(group)))?;
        self.complete.extend(&other.complete);
        self.cost += other.cost;
        Ok(())
    }

    fn fits(&self, other: &Self) -> bool {
        self.rows.len() + other.rows.len() <= JOINED_ROWS
            && self.rows.memory_bytes() + other.rows.memory_bytes() <= JOINED_BYTES
    }
}

/// The calls that are kept, each with its parameters.
#[derive(Debug, Default)]
pub(super) struct Kept([Vec<(Vec<Column>, Known)>; 2]);

impl Kept {
    /// Keeps a part of a call that was repeated, in the place of another one where there is no room.
    pub(super) fn keep(
        &mut self,
        dice: &mut Dice,
        parameters: &[Column],
        rows: &Rows,
        answers: &Answers,
        cost: Duration,
    ) {
        let sample = some_groups(dice, rows, KEPT_ROWS);
        if sample.rows.is_empty() {
            return;
        }
        let share = sample.rows.len() as u32;
        let cost = cost * share / rows.len().max(1) as u32;
        let Ok(known) = Known::part(rows, answers, &sample, cost) else { return };
        if known.rows.memory_bytes() > KEPT_BYTES {
            return;
        }
        // A question is joined with events as well, and an event with questions alone.
        let kept = &mut self.0[usize::from(known.rows.questions() < known.rows.len())];
        match kept.len() {
            KEPT => kept[dice.below(KEPT)] = (parameters.to_vec(), known),
            _ => kept.push((parameters.to_vec(), known)),
        }
    }

    /// `own`, with so many groups of other calls of these parameters and copies of itself beside it; `None` where it is too large.
    pub(super) fn joined(&self, dice: &mut Dice, parameters: &[Column], own: &Known, groups: usize) -> Option<Known> {
        let same = |kept: &&(Vec<Column>, Known)| {
            kept.0.len() == parameters.len()
                && kept.0.iter().zip(parameters).all(|(a, b)| a.first_difference(b).is_none())
        };
        let lists = self.0.each_ref().map(|list| list.iter().filter(same).map(|(_, known)| known).collect::<Vec<_>>());
        let mut all = own.clone();
        let wanted = own.rows.states.len() + groups;
        // In the place of those that were not kept stand copies.
        all.answers.states.get_or_insert_with(|| States { ends: vec![0; own.rows.states.len()], bytes: Vec::new() });
        while all.rows.states.len() < wanted {
            let list = &lists[dice.below(2)];
            let other = match list.len() {
                0 => own,
                _ if dice.once_in(4) => own,
                count => list[dice.below(count)],
            };
            if !all.fits(other) {
                break;
            }
            all.append(other).ok()?;
        }
        (all.rows.len() > own.rows.len()).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Kind, Values};

    fn call(value: i64) -> (Rows, Answers) {
        let mut rows = Rows::default();
        rows.push(Kind::Question, 0, value);
        rows.states.push(&value.to_le_bytes()).expect("short");
        let features = vec![Column::from_parts(Values::Int64s(vec![value]), None)];
        (rows, Answers { features, states: None })
    }

    #[test]
    fn a_joined_call_holds_the_answers_of_its_parts() {
        let mut dice = Dice::new(Some(1), "d1");
        let mut kept = Kept::default();
        for value in 0..40 {
            let (rows, answers) = call(value);
            kept.keep(&mut dice, &[], &rows, &answers, Duration::ZERO);
        }
        assert_eq!((kept.0[0].len(), kept.0[1].len()), (KEPT, 0));
        let (rows, answers) = call(99);
        let sample = some_groups(&mut dice, &rows, 10);
        let own = Known::part(&rows, &answers, &sample, Duration::ZERO).expect("small");
        let joined = kept.joined(&mut dice, &[], &own, 30).expect("is joined");
        assert_eq!((joined.rows.len(), joined.rows.states.len(), joined.complete.len()), (31, 31, 31));
        for row in 0..31 {
            let Values::Int64s(values) = joined.answers.features[0].values() else { panic!("whole numbers") };
            assert_eq!((joined.rows.times[row], joined.rows.groups[row]), (values[row], row as u32));
        }
        // A call with other parameters is none of them: what is left are copies.
        let other = [Column::from_parts(Values::Int64s(vec![1]), None)];
        let copies = kept.joined(&mut dice, &other, &own, 5).expect("is joined");
        assert_eq!(copies.rows.times, [99; 6]);
    }
}
