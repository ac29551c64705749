//! What a project says of the running of its transforms. What it does not say keeps its default.

/// What becomes of a component that breaks a law of [`crate::admission`] at its first use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Admission {
    /// It is refused where a served vector could differ from a backfill. Where it only traps on an unusual input, which is an
    /// error on both paths, it is used with a warning.
    #[default]
    Require,
    /// It is used, with a warning.
    Warn,
    /// The laws are not tried.
    Off,
}

/// How long an instance of a component is used: see [`crate::wasm::Isolation`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// From call to call.
    #[default]
    Shared,
    /// For one call.
    Call,
}

/// The limits that a project sets: those of [`crate::wasm::Limits`], by the same names and units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Size of a component's file, in bytes.
    pub component_bytes_max: Option<u64>,
    /// Size of one function in a component, in bytes.
    pub function_bytes_max: Option<u64>,
    /// Wall time to compile a component, in milliseconds.
    pub compile_ms_max: Option<u64>,
    /// Time of compiling and trying a component, in milliseconds.
    pub admission_ms_max: Option<u64>,
    /// Resident memory of the process that does so, in bytes.
    pub admission_bytes_max: Option<u64>,
    /// Linear memory of one instance, in bytes.
    pub memory_bytes_max: Option<u64>,
    /// Elements of all tables of one instance.
    pub table_elements_max: Option<u64>,
    /// Stack of a call, in bytes.
    pub stack_bytes_max: Option<u64>,
    /// Wall time of one call, in milliseconds.
    pub call_ms_max: Option<u64>,
    /// Bytes that one call may give back.
    pub output_bytes_max: Option<u64>,
    /// Bytes that a description may have.
    pub description_bytes_max: Option<u64>,
    /// Bytes of one entity's state.
    pub state_bytes_max: Option<u64>,
    /// Bytes of captured output that are kept per call.
    pub stderr_bytes_max: Option<u64>,
}
