//! The standard component, which runs whatever definition is written into it.

use onepath_definition::{CAPACITY, Definition, Slot, SlotError};

/// The component, as it was built from `transforms/standard`.
const STANDARD: &[u8] = include_bytes!("../../../transforms/standard/standard.wasm");

/// A definition that cannot be written into a component.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum StandardError {
    /// It is longer than there is room for.
    #[error("its definition has {bytes} bytes, and {CAPACITY} are the most: make two views of it")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The component takes none.
    #[error("{0}")]
    Slot(SlotError),
}

/// A copy of the standard component that runs this definition. Equal definitions make equal components.
pub(crate) fn with_definition(definition: &Definition) -> Result<Vec<u8>, StandardError> {
    Slot::fill(STANDARD, &definition.to_bytes()).map_err(|error| match error {
        SlotError::TooLong(bytes) => StandardError::TooLong { bytes },
        error => StandardError::Slot(error),
    })
}

/// The bytes of the definition that a component runs; `None` where it runs none.
pub(crate) fn definition_in(component: &[u8]) -> Option<&[u8]> {
    Slot::read(component).ok().filter(|bytes| !bytes.is_empty())
}
