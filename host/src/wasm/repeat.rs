//! Repeats a call in another cut on fresh instances, and compares.
//!
//! Nothing is forgiven but time: a repeat may take ten times as long as the call, in the processor's time of this thread, and one that
//! takes longer is forgiven, though not three times in a row. A memory limit, a trap, a refusal of what was answered and another
//! description are differences, as another bit is.

use std::collections::HashMap;
use std::time::Duration;

use wasmtime::UpdateDeadline;

use super::CallError;
use super::component::{Component, Instance};
use super::watch::{Cut, CutKind, Dice, Known, Manner, Piece, Watch};
use crate::batch::{Answers, Column, Difference, Kind, Rows, States};

/// How many times longer a repeat may take.
const TIMES_LONGER: u32 = 10;
/// What every repeat may take, however short its call was.
const TIME_MIN: Duration = Duration::from_millis(50);

/// Why a repeat is not the same as its call.
enum Fault {
    /// It ran out of time.
    Late(String),
    /// It met another limit.
    Limit(String),
    /// Anything else.
    Differs(String),
    /// The host could not make it, which says nothing of the component.
    Host,
}

/// What a repeat must give.
struct Expected<'a> {
    parameters: &'a [Column],
    rows: &'a Rows,
    /// `None` where the call was refused.
    answers: Option<&'a Answers>,
    places: Vec<u32>,
    /// Per group, its last row.
    last_rows: Vec<u32>,
}

impl Component {
    /// Repeats a call. The error is that of a component in quarantine.
    pub(super) fn repeat(
        &self,
        mut dice: Dice,
        parameters: &[Column],
        rows: &Rows,
        answered: &Result<Answers, CallError>,
        cost: Duration,
    ) -> Result<(), CallError> {
        let refused = match answered {
            Ok(_) => false,
            Err(CallError::Failure { .. }) => true,
            // Nobody was given a value.
            Err(_) => return Ok(()),
        };
        let manner = Manner { kind: CutKind::choose(&mut dice, rows, refused), is_described: dice.once_in(2) };
        let tried = match (manner.kind, answered) {
            (CutKind::Joined, Ok(answers)) => self.repeat_joined(&mut dice, manner, parameters, rows, (answers, cost)),
            _ => {
                let expected = Expected::new(parameters, rows, answered.as_ref().ok());
                self.repeat_cut(&mut dice, manner, &expected, cost)
            }
        };
        let difference = match tried {
            Ok(()) => {
                let answered = answered.as_ref().ok().map(|answers| (rows, answers, cost));
                self.watch.passed(&mut dice, manner, parameters, answered);
                return Ok(());
            }
            Err(Fault::Host) => return Ok(()),
            Err(Fault::Late(reason)) => match self.watch.late(manner, &reason) {
                None => return Ok(()),
                Some(difference) => difference,
            },
            Err(Fault::Limit(told) | Fault::Differs(told)) => told,
        };
        Err(self.watch.quarantine(self.digest(), difference))
    }

    fn repeat_cut(
        &self,
        dice: &mut Dice,
        manner: Manner,
        expected: &Expected<'_>,
        cost: Duration,
    ) -> Result<(), Fault> {
        let cut = Cut::sampled(dice, manner.kind, expected.rows, expected.answers.is_none());
        self.try_cut(dice, manner, &cut, expected, cost)
    }

    /// Repeats a call among others. Where all of them are too much for one call, which is no wonder, it is tried with fewer.
    fn repeat_joined(
        &self,
        dice: &mut Dice,
        manner: Manner,
        parameters: &[Column],
        rows: &Rows,
        (answers, cost): (&Answers, Duration),
    ) -> Result<(), Fault> {
        let mut groups = Watch::groups(dice);
        let own = Known::sampled(dice, rows, answers, cost).map_err(|_| Fault::Host)?;
        loop {
            let Some(joined) = self.watch.joined(dice, parameters, &own, groups) else {
                let expected = Expected::new(parameters, rows, Some(answers));
                let manner = Manner { kind: CutKind::Whole, ..manner };
                return self.repeat_cut(dice, manner, &expected, cost);
            };
            let expected = Expected::new(parameters, &joined.rows, Some(&joined.answers));
            let cut = Cut::joined(dice, &joined);
            match self.try_cut(dice, manner, &cut, &expected, joined.cost) {
                Err(Fault::Late(_) | Fault::Limit(_)) if groups > 1 => groups /= 2,
                tried => return tried,
            }
        }
    }

    fn try_cut(
        &self,
        dice: &mut Dice,
        manner: Manner,
        cut: &Cut,
        expected: &Expected<'_>,
        cost: Duration,
    ) -> Result<(), Fault> {
        let time = (cost * TIMES_LONGER).max(TIME_MIN);
        let several = dice.once_in(4);
        let mut instance: Option<Instance> = None;
        let mut carried: HashMap<u32, Vec<u8>> = HashMap::new();
        for piece in &cut.pieces {
            let used = match instance.take().filter(|_| !several) {
                Some(used) => used,
                None => self.instance_of_repeat(manner.is_described, time)?,
            };
            let used = instance.insert(used);
            let part = expected.part(piece, &carried).map_err(|_| Fault::Host)?;
            self.be_patient(used, time);
            let answers = match (self.call(used, expected.parameters, &part), expected.answers) {
                (Ok(answers), _) => answers,
                (Err(CallError::Failure { .. }), None) => return Ok(()),
                (Err(error), _) => return Err(self.fault_of(used, cut.kind, error)),
            };
            if let Some(difference) = expected.difference(piece, &part, &answers, &cut.complete) {
                let second = format!("a fresh instance {}", cut.kind.words());
                return Err(Fault::Differs(difference.tell(self.description(), "the call", &second)));
            }
            let states = answers.states.iter().flat_map(|states| (0..states.len()).map(|group| states.get(group)));
            carried.extend(piece.groups.iter().copied().zip(states.map(<[u8]>::to_vec)));
        }
        match expected.answers {
            Some(_) => Ok(()),
            None => {
                Err(Fault::Differs(format!("the call was refused, and a fresh instance {} answered", cut.kind.words())))
            }
        }
    }

    /// A fresh instance. One that is asked what it is says what the first one said.
    fn instance_of_repeat(&self, is_described: bool, time: Duration) -> Result<Instance, Fault> {
        let mut instance = match self.fresh_instance() {
            Ok(instance) => instance,
            Err(CallError::Host { .. }) => return Err(Fault::Host),
            Err(error) => return Err(Fault::Differs(format!("another instance does not start: {error}"))),
        };
        instance.store.epoch_deadline_callback(|mut context| {
            context.data_mut().look_at_time()?;
            Ok(UpdateDeadline::Continue(1))
        });
        self.be_patient(&mut instance, time);
        if is_described {
            self.check_description(&mut instance)?;
        }
        Ok(instance)
    }

    fn check_description(&self, instance: &mut Instance) -> Result<(), Fault> {
        match self.ask(instance) {
            Ok(description) if description == *self.description() => Ok(()),
            Ok(_) => Err(Fault::Differs("another instance describes itself differently".to_owned())),
            Err(_) if instance.store.data().is_late() => Err(Fault::Late("it did not describe itself".to_owned())),
            Err(error) => Err(Fault::Differs(format!("another instance does not describe itself: {error}"))),
        }
    }

    fn be_patient(&self, instance: &mut Instance, time: Duration) {
        self.arm(&mut instance.store);
        instance.store.set_epoch_deadline(1);
        let whole = Duration::from_millis(self.runtime.limits().call_ms_max);
        instance.store.data_mut().be_patient(time, whole.max(time));
    }

    fn fault_of(&self, instance: &Instance, kind: CutKind, error: CallError) -> Fault {
        let told = format!("the call was answered, and a fresh instance {} was not: {error}", kind.words());
        match error {
            CallError::Host { .. } => Fault::Host,
            _ if instance.store.data().is_late() => Fault::Late(told),
            CallError::Limit { .. } => Fault::Limit(told),
            _ => Fault::Differs(told),
        }
    }
}

impl<'a> Expected<'a> {
    fn new(parameters: &'a [Column], rows: &'a Rows, answers: Option<&'a Answers>) -> Self {
        let mut last_rows = vec![0; rows.states.len()];
        for (row, group) in rows.groups.iter().enumerate() {
            last_rows[*group as usize] = row as u32;
        }
        Self { parameters, rows, answers, places: rows.places(), last_rows }
    }

    /// The rows of a piece, from the states that the pieces before it left.
    fn part(&self, piece: &Piece, carried: &HashMap<u32, Vec<u8>>) -> Result<Rows, crate::batch::ColumnError> {
        let mut states = States::default();
        for group in &piece.groups {
            let before = || self.rows.states.get(*group as usize);
            states.push(carried.get(group).map_or_else(before, Vec::as_slice))?;
        }
        let part = self.rows.part(&self.places, &piece.rows, &piece.groups, states)?;
        Ok(Rows { want_states: piece.want_states, ..part })
    }

    /// Where the answers to a piece are not those of the call. A state is compared after the last row of its group.
    fn difference(&self, piece: &Piece, part: &Rows, answers: &Answers, complete: &[bool]) -> Option<Difference> {
        let expected = self.answers?;
        let asked = piece.rows.iter().filter(|row| self.rows.kinds[**row as usize] == Kind::Question as u8);
        for (at, row) in asked.enumerate() {
            let question = self.places[*row as usize] as usize;
            for (feature, (first, second)) in expected.features.iter().zip(&answers.features).enumerate() {
                if !first.same_row(question, second, at) {
                    let values = [first.value(question), second.value(at)];
                    let values = values.map(|value| (value.to_string(), value.hex()));
                    return Some(Difference::Feature { feature, question, values });
                }
            }
        }
        let (first, second) = (expected.states.as_ref()?, answers.states.as_ref()?);
        for (row, number) in piece.rows.iter().zip(&part.groups) {
            let group = self.rows.groups[*row as usize] as usize;
            let (first, second) = (first.get(group), second.get(*number as usize));
            if self.last_rows[group] == *row && complete[group] && first != second {
                return Some(Difference::State { group, states: [first.to_vec(), second.to_vec()] });
            }
        }
        None
    }
}
