//! Health of what was served. The first and strictest measure: is it what a backfill gives, bit for bit?

mod served;
mod verify;

pub use verify::{Difference, VerifyReport};
