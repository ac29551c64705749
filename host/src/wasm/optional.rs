//! What a component may export beside the contract. One without it is loaded and runs all the same.

use wasmtime::component::{Component as Compiled, ComponentExportIndex};

use super::component::Component;
use super::component::bindings::onepath::feature::types;
use super::convert;
use super::error::CallError;
use crate::batch::{Column, Rows};

/// What a host may ask of a transform to prove it: `wit/proof.wit`.
const PROOF: &str = "onepath:feature/proof@0.1.0";

/// Where a component exports these functions, if it does.
pub(super) struct Optional {
    merges: Option<ComponentExportIndex>,
}

impl Optional {
    pub(super) fn of(compiled: &Compiled) -> Self {
        let find = |interface: &str, function: &str| {
            let interface = compiled.get_export_index(None, interface)?;
            compiled.get_export_index(Some(&interface), function)
        };
        Self { merges: find(PROOF, "merges") }
    }
}

impl Component {
    /// Whether it can say where its aggregates break the law of merging.
    pub(crate) fn proves_merging(&self) -> bool {
        self.optional.merges.is_some()
    }

    /// Asks a fresh instance where its aggregates break the law of merging; `None` where they keep it, or where the component was made
    /// without that question.
    pub(crate) fn merges(&self, parameters: &[Column], rows: &Rows) -> Result<Option<String>, CallError> {
        type Arguments<'a> = (&'a [types::ColumnParam<'a>], types::Rows<'a>);
        type Answer = (Result<Option<String>, types::Failure>,);
        let Some(export) = &self.optional.merges else { return Ok(None) };
        let mut store = self.store();
        let instance = self.pre.instance_pre().instantiate(&mut store);
        let instance = instance.map_err(|error| self.instance_fault(&error, &store))?;
        let Ok(merges) = instance.get_typed_func::<Arguments<'_>, Answer>(&mut store, export) else { return Ok(None) };
        let parameters: Vec<_> = parameters.iter().map(convert::column).collect();
        let input = convert::rows(rows);
        let called = merges.call(&mut store, (&parameters, input.as_param()));
        match called.map_err(|error| self.fault(&error, &store))?.0 {
            Ok(difference) => Ok(difference),
            Err(failure) => Err(convert::failure(failure, self.runtime.limits())),
        }
    }
}
