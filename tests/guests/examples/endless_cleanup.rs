//! Never finishes giving its memory back: the answer is there, the call is not over.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, Ordering};

use guests::{Column, Description, Guest, Rows, Texts, ValueType, Values, column, description, every, field};

struct Spoiled;

struct Clinging;

static CLING: AtomicBool = AtomicBool::new(false);

// SAFETY: `System` does the work; a loop that never ends frees nothing.
unsafe impl GlobalAlloc for Clinging {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        while CLING.load(Ordering::Relaxed) && layout.size() == ANSWER_BYTES {
            std::hint::spin_loop();
        }
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Clinging = Clinging;

/// A size that no other allocation of the call has.
const ANSWER_BYTES: usize = 12_344;

impl Guest for Spoiled {
    fn describe() -> Description {
        description(vec![field("value", ValueType::Text)])
    }

    fn features(input: &Rows) -> Vec<Column> {
        let bytes = vec![b'x'; ANSWER_BYTES].into_boxed_slice().into_vec();
        let mut ends = every(input, 0);
        if let Some(last) = ends.last_mut() {
            *last = ANSWER_BYTES as u32;
        }
        CLING.store(true, Ordering::Relaxed);
        vec![column(Values::Texts(Texts { ends, bytes }))]
    }
}

guests::export!(Spoiled);
