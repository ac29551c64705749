//! The checksum of a record: XXH3-64 over all that the record says. `docs/FORMAT.md` has the exact input.

use twox_hash::XxHash3_64;

/// Room for the input of most records, so that it does not grow bit by bit.
const INPUT_BYTES: usize = 512;

/// What stands for a text that a record does not have.
const NULL: i64 = -1;

/// The input of a checksum, field by field. Used again and again, it keeps its memory.
#[derive(Debug, Default)]
pub(crate) struct Checksum {
    input: Vec<u8>,
}

impl Checksum {
    /// Begins the checksum of another record.
    pub fn start(&mut self) -> &mut Self {
        self.input.clear();
        self.input.reserve(INPUT_BYTES);
        self
    }

    /// A number: its 64 bits, the lowest byte first.
    pub fn number(&mut self, number: i64) -> &mut Self {
        self.input.extend_from_slice(&number.to_le_bytes());
        self
    }

    /// A number that a record may not have: 1 and the number, or 0.
    pub fn optional_number(&mut self, number: Option<i64>) -> &mut Self {
        match number {
            Some(number) => self.number(1).number(number),
            None => self.number(0),
        }
    }

    /// A text: its length in bytes as a number, then its UTF-8.
    pub fn text(&mut self, text: &str) -> &mut Self {
        self.number(text.len() as i64);
        self.input.extend_from_slice(text.as_bytes());
        self
    }

    /// A text, or -1 where the record has none.
    pub fn optional_text(&mut self, text: Option<&str>) -> &mut Self {
        match text {
            Some(text) => self.text(text),
            None => self.number(NULL),
        }
    }

    /// Bytes: their length as a number, then their own XXH3-64 as one, so that large ones are not copied.
    pub fn blob(&mut self, bytes: &[u8]) -> &mut Self {
        self.number(bytes.len() as i64).number(XxHash3_64::oneshot(bytes) as i64)
    }

    /// The checksum of what was put in, as SQLite keeps it.
    pub fn finish(&self) -> i64 {
        XxHash3_64::oneshot(&self.input) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_do_not_run_together() {
        let mut checksum = Checksum::default();
        let sums = [
            checksum.start().text("ab").text("c").finish(),
            checksum.start().text("a").text("bc").finish(),
            checksum.start().text("abc").text("").finish(),
            checksum.start().text("abc").optional_text(None).finish(),
            checksum.start().text("abc").blob(b"").finish(),
            checksum.start().text("abc").number(0).finish(),
        ];
        let different: std::collections::BTreeSet<i64> = sums.into_iter().collect();
        // A text without bytes is a 0 before nothing, and so is that number: what a record has where is fixed.
        assert_eq!((different.len(), sums[2]), (sums.len() - 1, sums[5]));
    }

    #[test]
    fn it_is_the_hash_that_the_format_names() {
        // Of the reference implementation: XXH3_64bits of no bytes.
        assert_eq!(Checksum::default().finish() as u64, 0x2d06_8005_38d3_94c2);
    }
}
