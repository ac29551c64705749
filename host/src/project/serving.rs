//! What a project says of how it is served.

/// How a project is served: the table `[serving]` of its file.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServingSettings {
    /// The share of entities whose served vectors are recorded, from 0.0, none, to 1.0, all, which is the default. Which
    /// entities they are depends on their keys alone, so what is recorded of an entity is whole.
    pub log_share: f64,
    /// Bytes that the file of recorded vectors may have. Beyond, the oldest vectors make room for the newest. Default 8 GiB.
    pub served_bytes_max: u64,
}

impl Default for ServingSettings {
    fn default() -> Self {
        Self { log_share: 1.0, served_bytes_max: 8 << 30 }
    }
}
