//! What the laws are tried on: a component, compiled and interpreted, or in tests anything that answers.

use super::run::Instance;
use super::trial::Trials;
use super::{Budget, Engines};
use crate::batch::{Answers, Column, Rows};
use crate::schema::Description;
use crate::wasm::{CallError, Component, OwnInstance, Written};

/// What the laws are tried on: a component, or in tests anything that answers.
pub(crate) trait Subject {
    /// Processes one batch.
    fn process(&self, instance: Instance, parameters: &[Column], rows: &Rows) -> Result<Answers, CallError>;

    /// Where its aggregates break the law of merging, if it can say that.
    fn merges(&self, _parameters: &[Column], _rows: &Rows) -> Result<Option<String>, CallError> {
        Ok(None)
    }

    /// Whether it can.
    fn proves_merging(&self) -> bool {
        false
    }

    /// Describes itself.
    fn describe(&self, instance: Instance) -> Result<Description, CallError>;

    /// Is told for what law and case it is called from now on.
    fn about(&self, _what: &str) {}

    /// Is told which entities of the case the groups of the next call are.
    fn entities(&self, _entities: &[u32]) {}
}

/// One component, compiled and interpreted.
pub(super) struct Pair<'a> {
    pub(super) serving: Component,
    pub(super) interpreted: Component,
    pub(super) engines: &'a Engines,
    pub(super) budget: &'a Budget<'a>,
    /// Where what it writes is told, if it is.
    pub(super) trials: Option<Trials<'a>>,
}

impl Pair<'_> {
    fn call(
        &self,
        instance: Instance,
        parameters: &[Column],
        rows: &Rows,
        written: Option<&mut Written>,
    ) -> Result<Answers, CallError> {
        self.engines.hold_to(self.budget);
        self.budget.call(|| match instance {
            Instance::Fresh => self.serving.process_fresh(parameters, rows, written),
            Instance::Used => self.serving.process(parameters, rows, written),
            Instance::Interpreted => self.interpreted.process_fresh(parameters, rows, written),
        })
    }
}

impl Subject for Pair<'_> {
    fn process(&self, instance: Instance, parameters: &[Column], rows: &Rows) -> Result<Answers, CallError> {
        let Some(trials) = &self.trials else { return self.call(instance, parameters, rows, None) };
        let mut written = Written::default();
        let answered = self.call(instance, parameters, rows, Some(&mut written));
        let own = OwnInstance::default();
        trials.wrote(rows, &written, &mut |row, written| {
            self.budget.call(|| self.serving.process_on(&own, parameters, row, Some(written)))
        });
        answered
    }

    fn about(&self, what: &str) {
        self.trials.iter().for_each(|trials| trials.about(what));
    }

    fn entities(&self, entities: &[u32]) {
        self.trials.iter().for_each(|trials| trials.entities(entities));
    }

    fn merges(&self, parameters: &[Column], rows: &Rows) -> Result<Option<String>, CallError> {
        self.engines.hold_to(self.budget);
        self.budget.call(|| self.serving.merges(parameters, rows))
    }

    fn proves_merging(&self) -> bool {
        self.serving.proves_merging()
    }

    fn describe(&self, instance: Instance) -> Result<Description, CallError> {
        self.engines.hold_to(self.budget);
        self.budget.call(|| match instance {
            Instance::Fresh => self.serving.describe_fresh(),
            Instance::Used => self.serving.describe(),
            Instance::Interpreted => self.interpreted.describe_fresh(),
        })
    }
}
