//! Declared views, run natively.

mod activity;
mod row;
mod same;
mod support;
