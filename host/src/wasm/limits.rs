//! What a component may use. Every limit has a unit, a default and an error that names it.

/// The limits of one component, the same offline and online. A project sets them in the table `[limits]` of its file, by these
/// names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Limits {
    /// Size of a component's file, in bytes. Default 16 MiB.
    pub component_bytes_max: u64,
    /// Size of one function in a component, in bytes. Default 256 KiB. It bounds the memory to compile one: at worst found,
    /// 16 KiB a byte.
    pub function_bytes_max: u64,
    /// Wall time to compile a component, in milliseconds. Default 120,000. What it takes longer is given up.
    pub compile_ms_max: u64,
    /// Time of an admission, in milliseconds: compiling a component, describing it and trying the laws on it. Default 20,000. What others
    /// take of the processors does not count, but for three times as long at most. A component that was not tried to the end by then
    /// is not admitted.
    pub admission_ms_max: u64,
    /// Resident memory of the process that compiles and tries a component, in bytes. Default 600 MiB. It is ended at seven eighths of it,
    /// for memory grows between two looks.
    pub admission_bytes_max: u64,
    /// Linear memory of one instance, all its memories together, in bytes. Default 256 MiB.
    pub memory_bytes_max: usize,
    /// Elements of all tables of one instance. Default 100,000.
    pub table_elements_max: usize,
    /// Stack of a call, in bytes. Default 512 KiB.
    pub stack_bytes_max: usize,
    /// Wall time of one call, in milliseconds. Default 10,000. Exceeding it is an error, never a value.
    pub call_ms_max: u64,
    /// Bytes that one call may give back. Default 256 MiB.
    pub output_bytes_max: usize,
    /// Bytes of a description, and of the names and documentation in it. Default 1 MiB.
    pub description_bytes_max: usize,
    /// Bytes of one entity's state. Default 1 MiB.
    pub state_bytes_max: usize,
    /// Bytes of captured standard output and error that are kept per call, the newest; and of the message of a failure.
    /// Default 8 KiB.
    pub stderr_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            component_bytes_max: 16 << 20,
            function_bytes_max: 256 << 10,
            compile_ms_max: 120_000,
            admission_ms_max: 20_000,
            admission_bytes_max: 600 << 20,
            memory_bytes_max: 256 << 20,
            table_elements_max: 100_000,
            stack_bytes_max: 512 << 10,
            call_ms_max: 10_000,
            output_bytes_max: 256 << 20,
            description_bytes_max: 1 << 20,
            state_bytes_max: 1 << 20,
            stderr_bytes_max: 8 << 10,
        }
    }
}
