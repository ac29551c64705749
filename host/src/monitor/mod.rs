//! Health of what was served. The first and strictest measure: is it what a backfill gives, bit for bit?
//!
//! - `verify`: the report, and online states. - `served`: the vectors of the feature log. - `quarantine`: what cannot be proved since
//!   its component gave two answers.
//!
//! Knows nothing of who serves: it reads what was recorded, and replays.

mod quarantine;
mod served;
mod verify;

pub use quarantine::{QuarantinedComponent, UnprovedVector};
pub use verify::{Difference, VerifyReport};
