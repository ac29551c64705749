//! What can go wrong with a component: it said no, it trapped, it hit a limit, it broke the contract, or the host failed.

use std::path::PathBuf;

/// A component that cannot be loaded.
#[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("cannot read the component {path}")]
    #[serde(skip)]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The bytes are not a component.
    #[error("{name} is not a WebAssembly component that runs here: {reason}")]
    NotAComponent {
        /// The file or the name given to the bytes.
        name: String,
        /// What was found instead, and what to do.
        reason: String,
    },
    /// A component of some other world.
    #[error("{name} is a component, but not a feature transform of onepath:feature@0.1.0: {reason}")]
    WrongWorld {
        /// The file or the name given to the bytes.
        name: String,
        /// What is missing or different.
        reason: String,
    },
    /// An import that no transform may have.
    #[error(
        "{name} imports {import}: a transform has no imports but the wasi: interfaces that its standard library brings, \
         and those are answered by constants or refused"
    )]
    Import {
        /// The file or the name given to the bytes.
        name: String,
        /// The import.
        import: String,
    },
    /// Larger than the limit.
    #[error("{name} has {bytes} bytes; a component may have at most {bytes_max}")]
    TooLarge {
        /// The file or the name given to the bytes.
        name: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// One of its functions is larger than the limit.
    #[error(
        "{name} has a function of {bytes} bytes; one may have at most {bytes_max}: split it, put tables of constants into \
         statics, or raise `function_bytes_max` under [limits]"
    )]
    FunctionTooLarge {
        /// The file or the name given to the bytes.
        name: String,
        /// The size of the function's code.
        bytes: u64,
        /// The limit.
        bytes_max: u64,
    },
    /// It declares more than any transform needs.
    #[error(
        "{name} has more than {count_max} {what} ({count} so far): no transform needs so many; build it with fewer"
    )]
    TooMany {
        /// The file or the name given to the bytes.
        name: String,
        /// What there are too many of.
        what: String,
        /// How many were counted before it was refused.
        count: u64,
        /// The bound.
        count_max: u64,
    },
    /// It takes too long to compile.
    #[error(
        "{name} was not compiled within {ms_max} ms: make it smaller, or raise `compile_ms_max` and `admission_ms_max` under \
         [limits] if it is to be trusted"
    )]
    CompileTime {
        /// The file or the name given to the bytes.
        name: String,
        /// The limit, in milliseconds.
        ms_max: u64,
    },
    /// `describe` failed or gave nonsense.
    #[error("{name} does not describe itself")]
    Describe {
        /// The file or the name given to the bytes.
        name: String,
        /// Why.
        source: CallError,
    },
    /// The time or memory of its admission was used up.
    #[error("{name} is not admitted: {why}")]
    Unfinished {
        /// The file or the name given to the bytes.
        name: String,
        /// Which limit was met, while doing what, and what to do.
        why: String,
    },
    /// The process that compiled and tried it died.
    #[error("{name} is not admitted: the process that compiled and tried it ended by {how} while {doing}{}", shown(.stderr))]
    Died {
        /// The file or the name given to the bytes.
        name: String,
        /// How it ended.
        how: String,
        /// What it was doing.
        doing: String,
        /// What it had written to standard error.
        stderr: String,
    },
    /// The process that compiles and tries components cannot be used.
    #[error("components cannot be compiled and tried: {reason}")]
    Child {
        /// Why, and what to do.
        reason: String,
    },
    /// It was asked to stop.
    #[error("stopped while a component was compiled or tried")]
    Stopped,
    /// The engine itself failed.
    #[error("the WebAssembly engine failed to start: {reason}")]
    Engine {
        /// What it said.
        reason: String,
    },
}

impl LoadError {
    /// Whether the component itself is at fault, rather than a file that cannot be read, a process or the engine.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Read { .. } | Self::Child { .. } | Self::Stopped | Self::Engine { .. })
    }
}

/// A call that gave no answer.
#[derive(Debug, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum CallError {
    /// The transform refused its input.
    #[error("the transform refused its input: {message}")]
    Failure {
        /// The row of the batch that it refused, if it said so.
        row: Option<u32>,
        /// Its message.
        message: String,
    },
    /// The transform trapped: a panic, an illegal operation, or a call that the sandbox refuses.
    #[error("the transform trapped: {reason}{}", shown(.stderr))]
    Trap {
        /// The trap.
        reason: String,
        /// What it had written to standard error and output.
        stderr: String,
    },
    /// The transform hit a limit.
    #[error("the transform exceeded a limit: {reason}{}", shown(.stderr))]
    Limit {
        /// Which limit, with its value.
        reason: String,
        /// What it had written to standard error and output.
        stderr: String,
    },
    /// The transform gave back what the contract does not allow.
    #[error("the transform broke its contract: {reason}")]
    Contract {
        /// What was wrong.
        reason: String,
    },
    /// The call was repeated on a fresh instance, cut differently, and the answers differ: the component is not a pure function of its
    /// rows.
    #[error(
        "component {digest} gave two answers to the same rows: {difference}; it is quarantined, because no answer of it can be \
         reproduced: change the transform and run `onepath build` (look for what outlives a call, for what minds how rows are cut into \
         calls, and for the order of a HashMap: use BTreeMap); `onepath verify` lists what was served and is not proved"
    )]
    Differs {
        /// The component.
        digest: String,
        /// The first difference, both answers in words and bits.
        difference: String,
    },
    /// An earlier call found that the component is not a pure function of its rows.
    #[error(
        "component {digest} is quarantined since it gave two answers to the same rows: {difference}; change the transform and run \
         `onepath build`"
    )]
    Quarantined {
        /// The component.
        digest: String,
        /// What was found then.
        difference: String,
    },
    /// The host could not make the call.
    #[error("the host could not call the transform: {reason}")]
    Host {
        /// Why.
        reason: String,
    },
}

impl CallError {
    /// Whether it met a limit, which says nothing of a smaller call.
    pub fn is_limit(&self) -> bool {
        matches!(self, Self::Limit { .. })
    }

    /// Whether it took too long, which a busy machine may be at fault for.
    pub fn is_of_time(&self) -> bool {
        matches!(self, Self::Limit { reason, .. } if reason.ends_with(" ms for one call"))
    }

    /// Whether no other row would fare better: the component is in quarantine, or the host failed. Such an error must never
    /// become a null.
    pub fn is_final(&self) -> bool {
        self.is_quarantine() || matches!(self, Self::Host { .. })
    }

    /// Whether the component is in quarantine, since this call or an earlier one.
    pub fn is_quarantine(&self) -> bool {
        matches!(self, Self::Differs { .. } | Self::Quarantined { .. })
    }
}

/// Captured output as the tail of a message.
fn shown(stderr: &str) -> String {
    let text = stderr.trim_end();
    if text.is_empty() { String::new() } else { format!("; it wrote:\n{text}") }
}

/// A guest's words without the control characters by which they could rewrite a terminal or a log.
pub(super) fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() && !matches!(c, '\n' | '\t') { char::REPLACEMENT_CHARACTER } else { c };
    text.chars().map(shown).collect()
}

/// A limit that was hit inside a call.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct LimitHit(pub(super) String);

/// An import that the sandbox refuses.
#[derive(Debug, thiserror::Error)]
#[error("it called {import}: {hint}")]
pub(super) struct Refused {
    pub(super) import: String,
    pub(super) hint: &'static str,
}
