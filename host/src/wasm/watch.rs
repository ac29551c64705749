//! Watches a component that runs: a share of its calls is repeated on a fresh instance.
//!
//! Admission proves on generated inputs that a component remembers nothing; this goes on proving it on the real ones.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::CallError;
use crate::batch::Answers;
use crate::schema::Description;

/// Which calls of one component are repeated, and whether one of them gave two answers.
#[derive(Debug)]
pub(super) struct Watch {
    /// One call of so many is repeated; 0 for none.
    every: u64,
    calls: AtomicU64,
    /// The difference that was found.
    found: OnceLock<String>,
}

impl Watch {
    pub(super) fn new(every: u64) -> Self {
        Self { every, calls: AtomicU64::new(0), found: OnceLock::new() }
    }

    /// Refuses a component in quarantine.
    pub(super) fn admit(&self, digest: &str) -> Result<(), CallError> {
        match self.found.get() {
            None => Ok(()),
            Some(difference) => {
                Err(CallError::Quarantined { digest: digest.to_owned(), difference: difference.clone() })
            }
        }
    }

    /// Counts a call, and says whether it is to be repeated: the last of every so many, when the instance is well used.
    pub(super) fn is_due(&self) -> bool {
        self.every > 0 && self.calls.fetch_add(1, Ordering::Relaxed) % self.every == self.every - 1
    }

    /// Compares the answers to one call with those of a fresh instance. A difference is this call's error, and quarantine.
    pub(super) fn compare(
        &self,
        digest: &str,
        description: &Description,
        answers: &Answers,
        repeated: Result<Answers, CallError>,
    ) -> Result<(), CallError> {
        let difference = match repeated {
            Ok(repeated) => match answers.first_difference(&repeated) {
                None => return Ok(()),
                Some(difference) => difference.tell(description, "the first instance", "a fresh one"),
            },
            // A limit may be hit for want of time on a busy machine, and the host may fail: neither is the component's answer.
            Err(CallError::Limit { .. } | CallError::Host { .. }) => return Ok(()),
            Err(error) => format!("the first instance answered, but a fresh one did not: {error}"),
        };
        let difference = self.found.get_or_init(|| difference).clone();
        Err(CallError::Differs { digest: digest.to_owned(), difference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::{Column, Values};
    use crate::schema::{Field, ValueType};

    fn answers(number: f64) -> Answers {
        Answers { features: vec![Column::from_parts(Values::Float64s(vec![0.5, number]), None)], states: None }
    }

    fn description() -> Description {
        let field = Field {
            name: "share".to_owned(),
            value_type: ValueType::Float64,
            nullable: false,
            documentation: String::new(),
        };
        Description { output_features: vec![field], ..Description::default() }
    }

    #[test]
    fn the_last_of_every_so_many_calls_is_due() {
        let due = |every| {
            let watch = Watch::new(every);
            (0..9).filter(|_| watch.is_due()).count()
        };
        assert_eq!([0, 4, 1].map(due), [0, 2, 9]);
    }

    #[test]
    fn a_difference_of_one_bit_is_quarantine() {
        let watch = Watch::new(1);
        assert!(watch.compare("d1", &description(), &answers(0.0), Ok(answers(0.0))).is_ok());
        assert!(watch.admit("d1").is_ok());
        let differs = watch.compare("d1", &description(), &answers(0.0), Ok(answers(-0.0))).unwrap_err();
        let text = differs.to_string();
        assert!(text.contains("component d1 gave two answers to one call: feature share of question 2"), "{text}");
        assert!(text.contains("0x8000000000000000"), "{text}");
        let refused = watch.admit("d1").unwrap_err();
        assert!(matches!(refused, CallError::Quarantined { .. }), "{refused}");
    }

    #[test]
    fn a_trap_on_the_fresh_instance_is_a_difference_and_a_limit_is_not() {
        let watch = Watch::new(1);
        let limit = CallError::Limit { reason: "10,000 ms for one call".to_owned(), stderr: String::new() };
        assert!(watch.compare("d1", &description(), &answers(0.0), Err(limit)).is_ok());
        let trap = CallError::Trap { reason: "it panicked".to_owned(), stderr: String::new() };
        assert!(watch.compare("d1", &description(), &answers(0.0), Err(trap)).is_err());
        assert!(watch.admit("d1").is_err());
    }
}
