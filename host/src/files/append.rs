//! Lines that are added to a text file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Result, Seek, SeekFrom, Write};
use std::path::Path;

use super::write::directory_of;

/// Adds lines to the end of a text file, which is made where there is none, and makes them durable. All are added or none; a line that
/// a process was writing when it died keeps its place, and the new ones begin behind it. One process at a time may do so.
pub fn append_lines(path: &Path, lines: &[String]) -> Result<()> {
    let is_new = !path.exists();
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let before = file.seek(SeekFrom::End(0))?;
    let mut text = String::new();
    if before > 0 {
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    for line in lines {
        text.push_str(line);
        text.push('\n');
    }
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    if written.is_err() {
        // What is left of it is no line, and who reads the file must not take it for one.
        let _ = file.set_len(before);
    }
    written?;
    if is_new && let Ok(directory) = File::open(directory_of(path)) {
        directory.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_follow_what_a_process_that_died_has_left() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("lines.ndjson");
        let add =
            |lines: &[&str]| append_lines(&path, &lines.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>());
        add(&["one", "two"]).expect("appends");
        let mut file = OpenOptions::new().append(true).open(&path).expect("opens");
        file.write_all(b"thr").expect("writes");
        add(&["four"]).expect("appends");
        assert_eq!(std::fs::read_to_string(&path).expect("reads"), "one\ntwo\nthr\nfour\n");
    }
}
