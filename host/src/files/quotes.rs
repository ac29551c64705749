//! The quotes of CSV, watched while the bytes go by: the decoder takes a file that ends inside a quoted field as whole, and
//! would swallow every row after a quote that is never closed.

use std::io::{self, Read};

use memchr::{memchr, memchr_iter};

/// Where the quotes of a CSV file are wrong. Rows are counted from 1, without the header; 0 is the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum QuoteFault {
    /// The file ends inside a quoted field that began in this row.
    #[error("the file ends inside a quoted field that began in row {0}")]
    Open(u64),
    /// A quoted field of this row has text after its closing quote.
    #[error("text after a closing quote in row {0}")]
    TextAfter(u64),
}

/// A reader that fails where quotes are wrong.
pub(super) struct Quotes<R> {
    inner: R,
    place: Place,
    /// The byte before the next one, where that is outside quotes.
    previous: u8,
    bytes: u64,
    /// Records that ended, with the header; only where they are counted.
    records: u64,
    counts: bool,
    /// Whether the record that goes on has nothing yet: a blank line is none.
    is_blank: bool,
}

/// Where the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Outside,
    /// In a quoted field that began in this row.
    Inside(u64),
    /// After a quote inside a quoted field: it ends the field, or the next one escapes it.
    AfterQuote(u64),
}

impl<R: Read> Quotes<R> {
    /// A reader whose faults are in row 0: to find the row costs a second look at every byte, and only a wrong file needs it.
    pub fn new(inner: R) -> Self {
        Self { counts: false, ..Self::counting(inner) }
    }

    /// A reader whose faults tell their row.
    pub fn counting(inner: R) -> Self {
        Self { inner, counts: true, place: Place::Outside, previous: b'\n', bytes: 0, records: 0, is_blank: true }
    }

    /// Takes the next bytes into account.
    fn see(&mut self, bytes: &[u8]) -> Result<(), QuoteFault> {
        let mut at = 0;
        while at < bytes.len() {
            match self.place {
                Place::Inside(row) => match memchr(b'"', &bytes[at..]) {
                    Some(found) => {
                        at += found + 1;
                        self.place = Place::AfterQuote(row);
                    }
                    None => at = bytes.len(),
                },
                Place::AfterQuote(row) => match bytes[at] {
                    b'"' => {
                        at += 1;
                        self.place = Place::Inside(row);
                    }
                    b',' | b'\n' | b'\r' => {
                        self.previous = b'"';
                        self.place = Place::Outside;
                    }
                    _ => return Err(QuoteFault::TextAfter(row)),
                },
                Place::Outside => at = self.see_outside(bytes, at),
            }
        }
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Goes on from `at`, outside quotes, to just after the next quote, which begins a quoted field where a field begins.
    fn see_outside(&mut self, bytes: &[u8], at: usize) -> usize {
        let end = memchr(b'"', &bytes[at..]).map_or(bytes.len(), |found| at + found);
        if self.counts {
            self.count_records(&bytes[at..end]);
        }
        if end > at {
            self.previous = bytes[end - 1];
        }
        if end == bytes.len() {
            return end;
        }
        let is_after_mark = self.bytes + end as u64 == 3 && self.previous == 0xbf;
        if matches!(self.previous, b',' | b'\n' | b'\r') || is_after_mark {
            self.place = Place::Inside(self.records);
        }
        self.previous = b'"';
        self.is_blank = false;
        end + 1
    }
}

/// The first fault of a file, with its row.
pub(super) fn fault_of(file: impl Read) -> Option<QuoteFault> {
    let mut quotes = Quotes::counting(file);
    let mut buffer = vec![0; 1 << 16];
    loop {
        match quotes.read(&mut buffer) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return error.get_ref().and_then(|inner| inner.downcast_ref()).copied(),
        }
    }
}

/// Whether a line of this alone would be blank.
fn is_nothing(text: &[u8]) -> bool {
    matches!(text, b"" | b"\r")
}

impl<R> Quotes<R> {
    /// Counts the records that end in text outside quotes.
    fn count_records(&mut self, text: &[u8]) {
        let mut start = 0;
        for newline in memchr_iter(b'\n', text) {
            let is_blank = self.is_blank && is_nothing(&text[start..newline]);
            self.records += u64::from(!is_blank);
            self.is_blank = true;
            start = newline + 1;
        }
        self.is_blank &= is_nothing(&text[start..]);
    }
}

impl<R: Read> Read for Quotes<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match (read, self.place) {
            (0, Place::Inside(row)) if !buffer.is_empty() => Err(io::Error::other(QuoteFault::Open(row))),
            _ => {
                self.see(&buffer[..read]).map_err(io::Error::other)?;
                Ok(read)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Reads `text`, so many bytes at a time.
    fn read(text: &[u8], step: usize) -> Option<QuoteFault> {
        let mut quotes = Quotes::counting(text);
        let mut buffer = vec![0; step.max(1)];
        loop {
            match quotes.read(&mut buffer) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return error.get_ref().and_then(|inner| inner.downcast_ref()).copied(),
            }
        }
    }

    #[test]
    fn wrong_quotes_are_found_with_their_row() {
        for (text, expected) in [
            ("a,b\n1,\"x\"\n2,\"y, \"\"z\"\"\n\"\n", None),
            ("\u{feff}\"a\",b\r\n\"1\",\"\"\r\n", None),
            ("a,b\n1,5\" disc\n", None),
            ("a,b\n1,\"5 inch disc\n2,x\n3,y\n", Some(QuoteFault::Open(1))),
            ("a,b\n\n1,x\r\n\r\n2,\"\"\"\n", Some(QuoteFault::Open(2))),
            ("a,\"b\n1,2\n", Some(QuoteFault::Open(0))),
            ("a,b\n1,\"x\"y\n", Some(QuoteFault::TextAfter(1))),
            ("a,b\n1,\"5 inch disc\n2,x\n3,\"y\n", Some(QuoteFault::TextAfter(1))),
            ("a,b\n1,\"x\" ,2\n", Some(QuoteFault::TextAfter(1))),
            ("a\n\"", Some(QuoteFault::Open(1))),
            ("a\n\"\"", None),
            ("", None),
        ] {
            for step in 1..=text.len() + 1 {
                assert_eq!(read(text.as_bytes(), step), expected, "{text:?} by {step}");
            }
        }
    }

    proptest! {
        #[test]
        fn what_a_writer_quotes_is_never_wrong(rows in prop::collection::vec(prop::collection::vec("[a\",\n\r ]{0,6}", 3), 0..8), step in 1_usize..20) {
            let mut text = "x,y,z\n".to_owned();
            for row in &rows {
                let cells: Vec<String> = row.iter().map(|cell| format!("\"{}\"", cell.replace('"', "\"\""))).collect();
                text += &(cells.join(",") + "\n");
            }
            prop_assert_eq!(read(text.as_bytes(), step), None);
            // Cut anywhere inside a quoted field, it is not whole.
            if let Some(last) = text.rfind('"') {
                let cut = &text[..last];
                prop_assert!(read(cut.as_bytes(), step).is_some() || cut.is_empty() || cut.ends_with('"'), "{cut:?}");
            }
        }
    }
}
