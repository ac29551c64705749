//! What a component writes to standard output and error in one call, where somebody wants to see it.

use super::error::printable;
use super::sandbox::is_advice;

/// Bytes that are kept of one call.
const BYTES_MAX: usize = 64 << 10;

/// What one call wrote, from its beginning.
#[derive(Debug, Default)]
pub(crate) struct Written {
    bytes: Vec<u8>,
    /// Bytes after those that are kept.
    more_bytes: u64,
}

impl Written {
    pub(super) fn keep(&mut self, bytes: &[u8]) {
        let (kept, more) = bytes.split_at(bytes.len().min(BYTES_MAX - self.bytes.len()));
        self.bytes.extend_from_slice(kept);
        self.more_bytes += more.len() as u64;
    }

    /// Line by line, as a terminal shows it; the last one says how much is not kept.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = printable(&String::from_utf8_lossy(&self.bytes));
        let lines = text.lines().filter(|line| !is_advice(line)).map(str::to_owned);
        let more = (self.more_bytes > 0).then(|| format!("... {} more bytes", self.more_bytes));
        lines.chain(more).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<String> {
        let mut written = Written::default();
        parts.iter().for_each(|part| written.keep(part));
        written.lines()
    }

    #[test]
    fn lines_are_told_as_they_were_written_and_change_no_terminal() {
        assert_eq!(lines(&[]), [""; 0]);
        assert_eq!(lines(&[b"one\ntw", b"o\n\n\x1b[2J"]), ["one", "two", "", "\u{fffd}[2J"]);
        let panic = b"it panicked\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(lines(&[panic]), ["it panicked"]);
    }

    #[test]
    fn the_beginning_is_kept_and_the_rest_counted() {
        let long = lines(&[&[b'x'; BYTES_MAX - 1], b"yz\nend\n", b"1"]);
        assert_eq!((long[0].len(), long[0].ends_with("xy")), (BYTES_MAX, true));
        assert_eq!(long[1..], ["... 7 more bytes"]);
    }
}
