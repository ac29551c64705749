//! What a transform with `debug` exports beside the contract.

use std::fmt::Debug;

use super::{Component, debugging};
use crate::debug::debug_state;
use crate::transform::Transform;

impl<T: Transform + Debug> debugging::exports::onepath::feature::debug::Guest for Component<T> {
    fn debug_state(state: Vec<u8>) -> Result<String, String> {
        debug_state::<T>(&state)
    }
}
