//! Declared views, run natively.

mod activity;
mod support;
