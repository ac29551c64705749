//! What a project says of the running of its transforms. What it does not say keeps its default.

/// The limits that a project sets: those of [`crate::wasm::Limits`], by the same names and units.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LimitSettings {
    /// Size of a component's file, in bytes. It is also what bounds the time to compile one.
    pub component_bytes_max: Option<u64>,
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
