//! The standard component, which runs whatever definition is written into it.
//!
//! What runs a definition is known by the digest of the component without one, its *base*. Every component that was made holds its
//! base, so a project can go on with the one that it has.

use onepath_definition::{CAPACITY, Definition, Slot, SlotError};

use crate::digest::sha256_hex;

/// The component of this onepath, as it was built from `transforms/standard`.
const OWN: &[u8] = include_bytes!("../../../transforms/standard/standard.wasm");

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

/// A standard component without a definition.
#[derive(Clone, Debug)]
pub(crate) struct Standard {
    component: Vec<u8>,
    digest: String,
}

impl Standard {
    /// The one of this onepath.
    pub(crate) fn own() -> Self {
        let component = Slot::fill(OWN, &[]).unwrap_or_default();
        Self { digest: sha256_hex(&component), component }
    }

    /// The standard component that `component` was made from; `None` if `component` holds no definition.
    pub(crate) fn of(component: &[u8]) -> Option<Self> {
        definition_in(component)?;
        let component = Slot::fill(component, &[]).ok()?;
        Some(Self { digest: sha256_hex(&component), component })
    }

    /// A standard component that was kept, without a definition.
    pub(crate) fn kept(component: Vec<u8>) -> Self {
        Self { digest: sha256_hex(&component), component }
    }

    /// Its bytes.
    pub(crate) fn component(&self) -> &[u8] {
        &self.component
    }

    /// Its SHA-256.
    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// A copy that runs this definition. Equal definitions make equal components.
    pub(crate) fn with(&self, definition: &Definition) -> Result<Vec<u8>, StandardError> {
        Slot::fill(&self.component, &definition.to_bytes()).map_err(|error| match error {
            SlotError::TooLong(bytes) => StandardError::TooLong { bytes },
            error => StandardError::Slot(error),
        })
    }
}

/// The bytes of the definition that a component runs; `None` where it runs none.
pub(crate) fn definition_in(component: &[u8]) -> Option<&[u8]> {
    Slot::read(component).ok().filter(|bytes| !bytes.is_empty())
}
