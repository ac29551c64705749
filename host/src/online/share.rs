//! Which served vectors are recorded: all of an entity's or none, so that what is recorded of it is whole.

use crate::batch::Column;
use crate::entity::write_key_bytes;

/// The share of entities whose served vectors are recorded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LogShare(f64);

impl LogShare {
    /// From 0.0, none, to 1.0, all.
    pub fn new(share: f64) -> Self {
        Self(share.clamp(0.0, 1.0))
    }

    /// Whether all are recorded.
    pub fn is_all(self) -> bool {
        self.0 >= 1.0
    }

    /// The rows whose entities are recorded.
    pub fn rows(self, keys: &[Column], rows: usize) -> Vec<u32> {
        let mut bytes = Vec::new();
        let is_recorded = |row: &u32| {
            bytes.clear();
            write_key_bytes(keys.iter(), *row as usize, &mut bytes);
            self.holds(&bytes)
        };
        (0..rows as u32).filter(is_recorded).collect()
    }

    /// Whether the entity of these key bytes is recorded: the same on every machine and in every version.
    fn holds(self, key: &[u8]) -> bool {
        // FNV-1a, and a last mixing so that keys that differ in one byte fall anywhere.
        let mut hash = key
            .iter()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let fraction = ((hash ^ (hash >> 31)) >> 11) as f64 / (1_u64 << 53) as f64;
        fraction < self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;
    use crate::schema::ValueType;

    #[test]
    fn a_share_holds_whole_entities_and_a_larger_one_holds_them_too() {
        let mut keys = Column::new(ValueType::Text);
        for number in 0..10_000 {
            keys.push(&Value::Text(format!("c{number}"))).expect("a text");
        }
        let keys = [keys];
        let rows = |share| LogShare::new(share).rows(&keys, 10_000);
        let (none, tenth, half, all) = (rows(0.0), rows(0.1), rows(0.5), rows(1.0));
        assert_eq!((none.len(), all.len()), (0, 10_000));
        assert!(
            (900..1_100).contains(&tenth.len()) && (4_800..5_200).contains(&half.len()),
            "{} {}",
            tenth.len(),
            half.len()
        );
        assert!(tenth.iter().all(|row| half.contains(row)));
        // It is the same entities for ever: what was recorded of them goes on.
        assert_eq!(tenth[..5], rows(0.1)[..5]);
    }
}
