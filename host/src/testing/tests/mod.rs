//! The suites, run on everything that must pass them and on everything that must not.

mod logs;
mod online_stores;
mod reading;
mod served_sinks;
mod sources;
mod sqlite_store;
mod storages;
