//! What went wrong in a call: a limit, a trap, or a failure of the host.

use wasmtime::{Store, Trap};

use super::component::Component;
use super::error::{CallError, LimitHit, Refused};
use super::sandbox::HostState;

impl Component {
    /// What kept an instance from starting. The exports have the right types, so what is neither a trap nor a limit is the
    /// host's, such as no memory to map.
    pub(super) fn instance_fault(&self, error: &wasmtime::Error, store: &Store<HostState>) -> CallError {
        match self.fault(error, store) {
            CallError::Contract { reason } => CallError::Host { reason },
            fault => fault,
        }
    }

    /// Tells a limit from a trap from a failure of the host.
    pub(super) fn fault(&self, error: &wasmtime::Error, store: &Store<HostState>) -> CallError {
        let limits = self.runtime.limits();
        let stderr = store.data().output();
        if let Some(hit) = error.downcast_ref::<LimitHit>() {
            return CallError::Limit { reason: hit.to_string(), stderr };
        }
        if let Some(refused) = error.downcast_ref::<Refused>() {
            return CallError::Trap { reason: refused.to_string(), stderr };
        }
        match error.downcast_ref::<Trap>() {
            Some(Trap::Interrupt) => {
                CallError::Limit { reason: format!("{} ms for one call", limits.call_ms_max), stderr }
            }
            Some(Trap::StackOverflow) => {
                CallError::Limit { reason: format!("stack of {} bytes", limits.stack_bytes_max), stderr }
            }
            Some(Trap::UnreachableCodeReached) if !stderr.is_empty() => {
                CallError::Trap { reason: "it panicked".to_owned(), stderr }
            }
            Some(Trap::MemoryOutOfBounds) => {
                let hint = "a recursion without end or a large local array does this too";
                CallError::Trap { reason: format!("{}; {hint}", Trap::MemoryOutOfBounds), stderr }
            }
            Some(trap) => CallError::Trap { reason: trap.to_string(), stderr },
            None => match engine_limit(error, store) {
                Some(reason) => CallError::Limit { reason, stderr },
                None => CallError::Contract { reason: format!("{error:#}") },
            },
        }
    }
}

/// The limits that the engine itself counts. It gives these errors no type of their own, so they are told by the words
/// that they begin with; the hostile guests pin each.
fn engine_limit(error: &wasmtime::Error, store: &Store<HostState>) -> Option<String> {
    let words = error.root_cause().to_string();
    if words.starts_with("too much data is being copied between the host and the guest") {
        return Some(format!("{} bytes given back by one call", store.hostcall_fuel()));
    }
    if words.starts_with("cannot allocate another handle") {
        return Some("handles of streams that are open at once".to_owned());
    }
    words.strip_prefix("resource limit exceeded: ").map(str::to_owned)
}
