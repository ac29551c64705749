//! What a component may export beside the contract. One without it is loaded and runs all the same.

use wasmtime::component::{Component as Compiled, ComponentExportIndex};

use super::component::Component;
use super::component::bindings::onepath::feature::types;
use super::convert;
use super::error::{CallError, printable};
use crate::batch::{Column, Rows};

/// What a host may ask of a transform to prove it: `wit/proof.wit`.
const PROOF: &str = "onepath:feature/proof@0.1.0";
/// What it may ask of it for people who look for a mistake: `wit/debug.wit`.
const DEBUG: &str = "onepath:feature/debug@0.1.0";

/// Bytes of a state's words that are kept.
const WORDS_BYTES_MAX: usize = 64 << 10;

/// Where a component exports these functions, if it does.
pub(super) struct Optional {
    merges: Option<ComponentExportIndex>,
    debug_state: Option<ComponentExportIndex>,
}

impl Optional {
    pub(super) fn of(compiled: &Compiled) -> Self {
        let find = |interface: &str, function: &str| {
            let interface = compiled.get_export_index(None, interface)?;
            compiled.get_export_index(Some(&interface), function)
        };
        Self { merges: find(PROOF, "merges"), debug_state: find(DEBUG, "debug-state") }
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

    /// Asks a fresh instance what a state is, in words; `None` where the component was made without that question. Of long words the
    /// beginning is given, and how much is left out.
    pub(crate) fn debug_state(&self, state: &[u8]) -> Result<Option<String>, CallError> {
        type Answer = (Result<String, String>,);
        let Some(export) = &self.optional.debug_state else { return Ok(None) };
        let mut store = self.store();
        let instance = self.pre.instance_pre().instantiate(&mut store);
        let instance = instance.map_err(|error| self.instance_fault(&error, &store))?;
        let Ok(debug) = instance.get_typed_func::<(&[u8],), Answer>(&mut store, export) else { return Ok(None) };
        match debug.call(&mut store, (state,)).map_err(|error| self.fault(&error, &store))?.0 {
            Ok(words) => Ok(Some(bounded(&words))),
            Err(message) => Err(CallError::Failure { row: None, message: bounded(&message) }),
        }
    }
}

/// The beginning of a text, as a terminal shows it.
fn bounded(text: &str) -> String {
    let kept = text.floor_char_boundary(WORDS_BYTES_MAX);
    match text.len() - kept {
        0 => printable(text),
        more => format!("{}\n... {more} more bytes", printable(&text[..kept])),
    }
}
