//! Describes itself differently from call to call.

use std::sync::atomic::{AtomicU32, Ordering};

use guests::{Description, Guest, ValueType, description, field};

struct Spoiled;

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Guest for Spoiled {
    fn describe() -> Description {
        let call = CALLS.fetch_add(1, Ordering::Relaxed);
        description(vec![field(&format!("value_{call}"), ValueType::Int64)])
    }
}

guests::export!(Spoiled);
