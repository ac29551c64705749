//! Windows in tiles: an aggregate for each stretch of time instead of the events in it.
//!
//! Time is cut into tiles of one length, aligned to the Unix epoch (UTC): the tile `k` is `[k x length, (k + 1) x length)`. An
//! event goes into the tile of its event time, late or not, so the state has at most one aggregate per tile however many
//! events there are. What a question asks for is merged from whole tiles.
//!
//! | | covers | state |
//! |---|---|---|
//! | [`Window`](crate::window::Window) | exactly the last so many days | every event |
//! | [`Hopping`] | the last so many days, to the length of a hop | a tile per hop |
//! | [`Tumbling`] | the calendar's current or previous day | two tiles |

mod hopping;
pub(crate) mod tiles;
mod tumbling;

pub use hopping::Hopping;
pub use tumbling::Tumbling;

#[cfg(test)]
mod tests;
