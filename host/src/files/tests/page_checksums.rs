//! Parquet whose pages have checksums: every flipped bit of a page is an error.

use super::*;

/// 200 rows, written by pyarrow with `write_page_checksum`, without compression or dictionary.
const FILE: &[u8] = include_bytes!("../../../../tests/reading/data/page_checksums.parquet");

/// Bytes of the pages of `event_type` and `amount`, without their headers.
const PAGES: [(&str, std::ops::Range<usize>); 2] = [("event_type", 1_351..3_306), ("amount", 3_385..4_985)];

#[test]
fn a_page_that_is_not_what_was_written_is_refused() {
    let files = Files::new();
    let path = files.text("events.parquet", FILE);
    let wanted = [wanted("event_type", ValueType::Text), wanted("amount", ValueType::Float64)];
    let amounts = read_column(&path, wanted[1].clone()).expect("is whole");
    assert_eq!(shown(&amounts).split(' ').take(3).collect::<Vec<_>>(), ["0.0", "1.25", "2.5"]);
    for (column, page) in PAGES {
        for place in page.step_by(13) {
            let mut flipped = FILE.to_vec();
            flipped[place] ^= 1 << (place % 8);
            let path = files.text("flipped.parquet", flipped);
            let error = read(&path, &wanted, Rest::Ignore).expect_err("a flipped bit");
            let told = files.told(&error);
            let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            assert!(
                told.starts_with("flipped.parquet") && source.contains("CRC checksum mismatch"),
                "{column}, byte {place}: {told}: {source}"
            );
        }
    }
}
