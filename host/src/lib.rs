//! onepath: a feature platform without training-serving skew.
//!
//! A feature is a pure function compiled to one WebAssembly component. This host runs that component through one function,
//! [`evaluate::evaluate`], to build training sets from history and to answer requests. For every feature vector ever served,
//! a backfill at the same as-of over the same log gives the same bits.
//!
//! # The map
//!
//! From the bottom up; each room knows only those above it in this list, and a few know less. `tests/tidy.rs` holds the code to
//! it. ARCHITECTURE.md follows a push, a question and a backfill through the rooms.
//!
//! | room | answers | knows nothing of |
//! |---|---|---|
//! | `digest` | SHA-256 and hexadecimal text | everything else |
//! | `threads` | how is work shared out, so that threads decide nothing? | everything else |
//! | [`usage`] | what does the machine have, what did this process take? | everything else |
//! | [`time`] | what is visible when? what is now? what does a text say of time? | everything else |
//! | [`schema`], [`batch`] | which types, which columns? | entities, files, components |
//! | [`entity`] | whom does a feature describe, and what is its key? | files, projects, components |
//! | [`profile`] | how are the values of a feature distributed, and otherwise than before? | files, projects, components |
//! | [`files`] | how are rows read and written? where do inputs lie ([`files::storage`])? | projects, views, components |
//! | [`project`] | what does `onepath.toml` say? | components, logs, stores |
//! | `declare` | what is a declared view lowered to? (the only room that names sqlparser) | running components, files, stores |
//! | [`feast`] | what is a Feast repository here, and why do answers differ? | reading and running anything |
//! | [`scaffold`] | what is in a new project? | what a project means, building it |
//! | [`build`] | how does a package become a component? | what a project means, running it |
//! | [`wasm`] | how is a component run, and what may it do? (the only room that names wasmtime) | views, entities, time, files |
//! | [`admission`] | is a component a pure function of its rows? | views, entities, files |
//! | [`evaluate`] | what are the features of these rows? | where rows and states come from |
//! | [`log`] | what was pushed, when, and what was served? what is a view's identity made of? | files, projects, components |
//! | [`store`] | what is the state of an entity? | files, projects, components |
//! | [`events`] | which events does a view see? what is a push? | components, online states |
//! | [`replay`] | what are the answers of one view to questions, from its events? | files, logs, online states |
//! | [`Error`] (`error`) | what can go wrong, for whoever uses a whole feature store? | answering online |
//! | [`feature_store`] | plans, training sets and materialized states of one project | answering online |
//! | [`monitor`] | is what was served what a backfill gives? | who serves |
//! | [`Server`] (`online`) | pushes and questions, from many threads at once | HTTP, the command line |
//! | [`http`] | how is it asked over HTTP? (the only room that names axum) | what a feature is, the command line |
//! | [`cli`] | one file per command (the only room that names clap) | nothing: it is the top |
//! | [`testing`] | does an implementation of a seam keep its promises? (named by no other room) | projects, components |
//!
//! # A whole program
//!
//! ```
//! use std::path::Path;
//! use onepath::batch::Value;
//! use onepath::events::JsonEvents;
//! use onepath::feature_store::{FeatureSelection, FeatureStore, OpenOptions};
//! use onepath::{Server, ServerOptions};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("the host lies in the repository")?;
//! // A project: one transform, compiled; one source; one view; one service.
//! let dir = tempfile::tempdir()?;
//! let transform = repository.join("transforms/churn");
//! onepath::build::build_component(&transform, &dir.path().join("churn.wasm"), &mut |_| {})?;
//! std::fs::write(
//!     dir.path().join("onepath.toml"),
//!     r#"
//!     [project]
//!     name = "churn"
//!     [entities.customer]
//!     keys = { customer_id = "text" }
//!     [sources.events]
//!     entity = "customer"
//!     event_time = "at"
//!     [views.activity]
//!     sources = ["events"]
//!     transform = "churn.wasm"
//!     [services.churn_v1]
//!     features = ["activity:purchase_count_30d"]
//!     "#,
//! )?;
//! let server = Server::open(dir.path(), ServerOptions::default())?;
//!
//! // Push an event, and ask.
//! let event = r#"[{"customer_id": "c1", "at": "2024-02-29T12:00:00Z", "event_type": "purchase", "amount": 12.5}]"#;
//! server.push("events", server.checked("events", JsonEvents::parse(event)?)?)?;
//! let prepared = server.prepare(&FeatureSelection::Service("churn_v1".into()))?;
//! let request = prepared.request().input("customer_id", ["c1"])?.build()?;
//! let answer = server.get_online_features(&request)?;
//! // The purchase is older than thirty days by now.
//! assert!(answer.features[0].value(0).same_bits(&Value::Int64(0)));
//! server.close()?;
//!
//! // What was served is what a backfill gives.
//! let report = FeatureStore::open(dir.path(), OpenOptions::default())?.verify(None)?;
//! assert!(report.vectors == 1 && report.is_equal());
//! # Ok(())
//! # }
//! ```

pub mod admission;
pub mod batch;
pub mod build;
pub mod cli;
mod declare;
mod digest;
pub mod entity;
mod error;
pub mod evaluate;
pub mod events;
pub mod feast;
pub mod feature_store;
pub mod files;
pub mod http;
pub mod log;
pub mod monitor;
mod online;
pub mod profile;
pub mod project;
pub mod replay;
pub mod scaffold;
pub mod schema;
pub mod store;
#[doc(hidden)]
pub mod testing;
mod threads;
pub mod time;
pub mod usage;
pub mod wasm;

pub use error::{Error, told};
pub use events::EventSchema;
pub use online::{
    Applied, ErrorKind, ExpectationStatus, FirstReservation, GetError, InputKind, OnlineFeatures, PreparedRequest,
    PushError, Request, RequestBuilder, RequestError, RequestFault, RequestInput, RequestedFeature, RequestedView,
    SeenFeature, Server, ServerError, ServerOptions, ServerStatus, Unmaterialized,
};
