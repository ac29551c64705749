//! What says cheaply that an object is the one that it was.

use serde::{Deserialize, Serialize};

/// What tells one state of an object from another, without its content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Identity {
    /// What the object shares with no other that is there at the same time, and has under all its names: device and inode of a
    /// file, the key in a bucket.
    pub object: String,
    /// Its length.
    pub bytes: u64,
    /// What changes with its content.
    pub version: Version,
}

/// What changes whenever the content of an object does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Version {
    /// A tag that no other content has, such as an etag or the number of a version.
    Tag(String),
    /// The times of the last change of a file's bytes and of its inode, in nanoseconds. The system sets the second by its own
    /// clock at every change, whatever a program sets the first to; a change within one tick of that clock does not show.
    Times {
        /// That of its bytes.
        modified_ns: i128,
        /// That of its inode.
        changed_ns: i128,
    },
    /// The time of the last change of a file's bytes, which a program may set to what it was.
    Modified {
        /// In nanoseconds.
        modified_ns: i128,
    },
}

impl Version {
    /// What says in a record that the content is of this version: the tag, or the time of the last change of its bytes, which
    /// a copy may have too.
    pub fn stamp(&self) -> String {
        match self {
            Self::Tag(tag) => tag.clone(),
            Self::Times { modified_ns, .. } | Self::Modified { modified_ns } => modified_ns.to_string(),
        }
    }

    /// Whether a change from now on would show, at a moment in microseconds, if what was not touched for `settled_us` is taken
    /// to be beyond one tick of the clock that stamps it.
    pub fn is_settled(&self, now_us: i64, settled_us: i64) -> bool {
        match self {
            Self::Tag(_) => true,
            Self::Times { changed_ns, .. } => changed_ns + i128::from(settled_us) * 1_000 < i128::from(now_us) * 1_000,
            Self::Modified { .. } => false,
        }
    }
}
