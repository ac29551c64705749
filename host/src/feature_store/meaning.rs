//! What decides what the events of a source mean, by parts, as digests.

use crate::digest::sha256_hex;
use crate::events::read_type;
use crate::files::CONVERSIONS_VERSION;
use crate::log::{Meaning, SourceMeaning};
use crate::project::{Key, Source};
use crate::schema::Field;

/// The meaning of the events of `sources` for a view of an entity with the key columns `keys` that reads `fields`.
pub(super) fn meaning(keys: &[Key], sources: &[Source], fields: &[Field]) -> Meaning {
    let of = |source: &Source| {
        let mut parts = source_meaning(source);
        parts.insert("entity".to_owned(), digest(&format!("{keys:?}")));
        let types = fields.iter().map(|field| (&field.name, read_type(source, field)));
        parts.insert("fields".to_owned(), digest(&format!("{:?}", types.collect::<Vec<_>>())));
        // A mapping of what the view does not read decides nothing.
        let columns = source.columns.iter().filter(|mapped| {
            source.role_type(&mapped.name).is_some() || fields.iter().any(|field| field.name == mapped.name)
        });
        let columns: Vec<_> = columns.map(|mapped| (&mapped.name, &mapped.column)).collect();
        parts.insert("columns".to_owned(), digest(&format!("{columns:?}")));
        (source.name.clone(), parts)
    };
    Meaning { conversions: CONVERSIONS_VERSION, sources: sources.iter().map(of).collect() }
}

/// What a source says whoever reads it: keys, times, event id, and the offsets that are left out.
pub(super) fn source_meaning(source: &Source) -> SourceMeaning {
    let keys: Vec<_> = source.keys.iter().map(|key| (&key.name, key.key_type)).collect();
    let times = (
        (&source.event_time, source.event_time_unit),
        (&source.arrival_time, source.arrival_time_unit),
        &source.time_format,
    );
    let parts = [
        ("keys", format!("{keys:?}")),
        ("times", format!("{times:?}")),
        ("event_id", format!("{:?}", source.event_id)),
        ("skip_offsets", format!("{:?}", source.skip_offsets)),
    ];
    parts.into_iter().map(|(part, text)| (part.to_owned(), digest(&text))).collect()
}

fn digest(text: &str) -> String {
    sha256_hex(text)[..16].to_owned()
}
