//! How the rows of a call are cut when it is repeated.
//!
//! The laws say that no cut changes an answer: rows may go entity by entity, in stretches with the states carried, one by one, or
//! among the rows of other calls. Which of them a repeat tries is left to chance, and a part of a large call is enough.

use super::dice::Dice;
use super::known::Known;
use crate::batch::{Kind, Rows};

/// Rows of a call that are all repeated; of larger ones it is a part.
const ROWS_WHOLE: usize = 32;
/// Of the rows of a larger call, one in so many is repeated,
const ROWS_PART: usize = 16;
/// but no more than these,
const ROWS_MAX: usize = 1_024;
/// unless it is one of so many repeats, which take all rows.
const ALL_ROWS_ONCE_IN: usize = 16;
/// Entities that are asked for alone.
const ALONE_MAX: usize = 4;
/// Stretches that a call is cut into.
const STRETCHES_MAX: usize = 4;
/// Rows that go one by one.
const SINGLE_MAX: usize = 4;

/// The ways to cut a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::wasm) enum CutKind {
    /// In one call.
    Whole,
    /// Entity by entity.
    Alone,
    /// In stretches, with the states carried.
    Stretches,
    /// Some rows one by one, with the states carried.
    Single,
    /// With rows of other calls.
    Joined,
}

/// How many kinds there are.
pub(super) const KINDS: usize = 5;

impl CutKind {
    /// What was done, for the end of "... when it was repeated".
    pub(in crate::wasm) fn words(self) -> &'static str {
        match self {
            Self::Whole => "in one call",
            Self::Alone => "entity by entity",
            Self::Stretches => "in stretches with the states carried over",
            Self::Single => "row by row with the states carried over",
            Self::Joined => "together with other rows",
        }
    }

    /// One that means something for these rows.
    pub(in crate::wasm) fn choose(dice: &mut Dice, rows: &Rows, refused: bool) -> Self {
        use CutKind::{Alone, Joined, Single, Stretches, Whole};
        let choices: &[Self] = match (rows.len(), rows.states.len()) {
            (0, _) => &[Whole],
            // Another order, or others beside it, may be refused for another reason.
            (1, _) if refused => &[Whole],
            _ if refused => &[Whole, Stretches],
            (1, 1) => &[Whole, Joined],
            (_, 1) => &[Whole, Stretches, Single, Single, Joined],
            _ => &[Whole, Alone, Alone, Stretches, Single, Single, Joined, Joined],
        };
        choices[dice.below(choices.len())]
    }
}

/// One call of a repeat.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::wasm) struct Piece {
    /// The rows of the call that is repeated, in the order in which they go.
    pub(in crate::wasm) rows: Vec<u32>,
    /// Its groups, in the order in which the piece numbers them.
    pub(in crate::wasm) groups: Vec<u32>,
    /// Whether the states are wanted back.
    pub(in crate::wasm) want_states: bool,
}

/// The calls of a repeat, in their order.
#[derive(Clone, Debug)]
pub(in crate::wasm) struct Cut {
    pub(in crate::wasm) kind: CutKind,
    pub(in crate::wasm) pieces: Vec<Piece>,
    /// Per group, whether all of its rows are repeated, so that its last state is that of the call.
    pub(in crate::wasm) complete: Vec<bool>,
}

/// Rows that stand for a call.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    pub(super) rows: Vec<u32>,
    /// Per group, whether all of its rows are among them, and there are some.
    pub(super) complete: Vec<bool>,
}

/// The rows of a call that are repeated: all of a small call, and of a large one those of a few groups.
pub(super) fn sampled(dice: &mut Dice, rows: &Rows, refused: bool) -> Sample {
    let rows_max = match rows.len() {
        all if all <= ROWS_WHOLE || refused || dice.once_in(ALL_ROWS_ONCE_IN) => all,
        all => (all / ROWS_PART).clamp(ROWS_WHOLE, ROWS_MAX),
    };
    some_groups(dice, rows, rows_max)
}

/// The rows of groups that are taken at random, at most so many; of the last group it may be the first rows alone.
pub(super) fn some_groups(dice: &mut Dice, rows: &Rows, rows_max: usize) -> Sample {
    let mut counts = vec![0_u32; rows.states.len()];
    rows.groups.iter().for_each(|group| counts[*group as usize] += 1);
    if rows.len() <= rows_max {
        let complete = counts.iter().map(|count| *count > 0).collect();
        return Sample { rows: (0..rows.len() as u32).collect(), complete };
    }
    const TRIES: usize = 64;
    let mut wanted = vec![0_u32; counts.len()];
    let mut left = rows_max as u32;
    for _ in 0..TRIES {
        let group = rows.groups[dice.below(rows.len())] as usize;
        if wanted[group] == 0 {
            wanted[group] = counts[group].min(left);
            left -= wanted[group];
        }
        if left == 0 {
            break;
        }
    }
    let complete = counts.iter().zip(&wanted).map(|(count, wanted)| *count > 0 && count == wanted).collect();
    let mut sample = Sample { rows: Vec::with_capacity(rows_max), complete };
    for (row, group) in rows.groups.iter().enumerate() {
        let wanted = &mut wanted[*group as usize];
        if *wanted > 0 {
            *wanted -= 1;
            sample.rows.push(row as u32);
        }
    }
    sample
}

impl Cut {
    /// Cuts a call, or a part of a large one. `refused`: the call was, so that order must stay.
    pub(in crate::wasm) fn sampled(dice: &mut Dice, kind: CutKind, rows: &Rows, refused: bool) -> Self {
        let sample = sampled(dice, rows, refused);
        Self::new(dice, kind, rows, sample, refused)
    }

    /// Cuts calls that were joined.
    pub(in crate::wasm) fn joined(dice: &mut Dice, joined: &Known) -> Self {
        let sample = Sample { rows: (0..joined.rows.len() as u32).collect(), complete: joined.complete.clone() };
        Self::new(dice, CutKind::Joined, &joined.rows, sample, false)
    }

    fn new(dice: &mut Dice, kind: CutKind, rows: &Rows, sample: Sample, refused: bool) -> Self {
        let Sample { rows: all, complete } = sample;
        let lists = match kind {
            CutKind::Whole => vec![all],
            CutKind::Joined if dice.once_in(4) => stretches(dice, &all),
            CutKind::Joined => vec![all],
            CutKind::Stretches => stretches(dice, &all),
            CutKind::Alone => alone(dice, rows, &all),
            CutKind::Single => single(dice, &all),
        };
        let shuffles = !refused && dice.once_in(2);
        let mut last = vec![0; rows.states.len()];
        let mut pieces: Vec<Piece> = Vec::with_capacity(lists.len());
        for (at, mut list) in lists.into_iter().enumerate() {
            let mut groups = Vec::new();
            let mut is_new = vec![true; rows.states.len()];
            for row in &list {
                let group = rows.groups[*row as usize];
                last[group as usize] = at;
                if std::mem::take(&mut is_new[group as usize]) {
                    groups.push(group);
                }
            }
            if rows.is_empty() {
                groups = (0..rows.states.len() as u32).collect();
            }
            if shuffles {
                list = interleaved(dice, rows, &list);
                dice.shuffle(&mut groups);
            }
            pieces.push(Piece { rows: list, groups, want_states: true });
        }
        for (at, piece) in pieces.iter_mut().enumerate() {
            let is_carried = piece.groups.iter().any(|group| last[*group as usize] > at);
            let asks = piece.rows.iter().any(|row| rows.kinds[*row as usize] == Kind::Question as u8);
            // Where nothing is asked, the states are all that can be compared.
            piece.want_states = is_carried || refused || !asks || dice.once_in(2);
        }
        Self { kind, pieces, complete }
    }
}

/// The rows in a few stretches.
fn stretches(dice: &mut Dice, rows: &[u32]) -> Vec<Vec<u32>> {
    let mut ends: Vec<usize> = (1..2 + dice.below(STRETCHES_MAX - 1)).map(|_| dice.below(rows.len() + 1)).collect();
    ends.push(rows.len());
    ends.sort_unstable();
    let mut start = 0;
    let parts = ends.into_iter().map(|end| rows[std::mem::replace(&mut start, end)..end].to_vec());
    parts.filter(|part| !part.is_empty()).collect()
}

/// The rows of a few groups, each by itself.
fn alone(dice: &mut Dice, rows: &Rows, among: &[u32]) -> Vec<Vec<u32>> {
    let mut groups: Vec<u32> = Vec::new();
    for _ in 0..ALONE_MAX {
        let group = rows.groups[among[dice.below(among.len())] as usize];
        if !groups.contains(&group) {
            groups.push(group);
        }
    }
    let of = |group: &u32| among.iter().copied().filter(|row| rows.groups[*row as usize] == *group).collect();
    groups.iter().map(of).collect()
}

/// The first rows, then some one by one, then the others.
fn single(dice: &mut Dice, rows: &[u32]) -> Vec<Vec<u32>> {
    let start = dice.below(rows.len());
    let end = rows.len().min(start + 1 + dice.below(SINGLE_MAX));
    let mut parts = vec![rows[..start].to_vec()];
    parts.extend(rows[start..end].iter().map(|row| vec![*row]));
    parts.push(rows[end..].to_vec());
    parts.retain(|part| !part.is_empty());
    parts
}

/// The rows in another order, which is the same within each group.
fn interleaved(dice: &mut Dice, rows: &Rows, list: &[u32]) -> Vec<u32> {
    let mut lists = vec![Vec::new(); rows.states.len()];
    for row in list.iter().rev() {
        lists[rows.groups[*row as usize] as usize].push(*row);
    }
    let mut turns: Vec<u32> = list.iter().map(|row| rows.groups[*row as usize]).collect();
    dice.shuffle(&mut turns);
    turns.into_iter().filter_map(|group| lists[group as usize].pop()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(groups: &[u32]) -> Rows {
        let mut rows = Rows::default();
        for (at, group) in groups.iter().enumerate() {
            rows.push(if at % 3 == 2 { Kind::Question } else { Kind::Event }, *group, at as i64);
        }
        let count = groups.iter().max().map_or(1, |last| last + 1);
        rows.states.ends = vec![0; count as usize];
        rows
    }

    /// Every kind of cut holds rows of the call in the order of their groups, and states go on from piece to piece.
    #[test]
    fn a_cut_keeps_the_order_of_every_group_and_carries_its_states() {
        for seed in 0..300 {
            let mut dice = Dice::new(Some(seed), "d1");
            let groups: Vec<u32> = (0..1 + dice.below(300)).map(|_| dice.size(40) as u32 - 1).collect();
            let rows = rows(&groups);
            let kind = CutKind::choose(&mut dice, &rows, false);
            let sample = sampled(&mut dice, &rows, false);
            let taken = sample.rows.clone();
            let cut = Cut::new(&mut dice, kind, &rows, sample, false);
            let mut next = vec![0_u32; rows.states.len()];
            let mut seen = 0;
            for (at, piece) in cut.pieces.iter().enumerate() {
                for row in &piece.rows {
                    let group = groups[*row as usize] as usize;
                    assert!(next[group] <= *row, "seed {seed}: row {row} of {kind:?} comes too late");
                    assert!(piece.groups.contains(&(group as u32)) && taken.contains(row), "seed {seed}");
                    next[group] = row + 1;
                    seen += 1;
                }
                let later = |group: &u32| cut.pieces[at + 1..].iter().any(|piece| piece.groups.contains(group));
                assert!(piece.want_states || !piece.groups.iter().any(later), "seed {seed}: a state is not carried");
            }
            assert!(seen == taken.len() || kind == CutKind::Alone, "seed {seed}: {kind:?} leaves rows out");
        }
    }

    #[test]
    fn of_a_large_call_a_part_is_repeated() {
        let mut dice = Dice::new(Some(5), "d1");
        let groups: Vec<u32> = (0..8_192).map(|row| row % 100).collect();
        let sizes: Vec<usize> = (0..200).map(|_| sampled(&mut dice, &rows(&groups), false).rows.len()).collect();
        let whole = sizes.iter().filter(|size| **size == 8_192).count();
        assert!((3..40).contains(&whole) && sizes.iter().all(|size| *size == 8_192 || *size == 512), "{sizes:?}");
    }

    #[test]
    fn what_was_refused_stays_in_order() {
        for seed in 0..50 {
            let mut dice = Dice::new(Some(seed), "d1");
            let rows = rows(&[0, 1, 0, 2, 1]);
            let kind = CutKind::choose(&mut dice, &rows, true);
            let sample = sampled(&mut dice, &rows, true);
            let cut = Cut::new(&mut dice, kind, &rows, sample, true);
            let all: Vec<u32> = cut.pieces.iter().flat_map(|piece| piece.rows.clone()).collect();
            assert_eq!(all, [0, 1, 2, 3, 4], "seed {seed}");
        }
    }
}
