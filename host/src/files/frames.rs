//! Bytes in frames, so that every byte of a file is checked before anybody decodes it.
//!
//! A frame is the number of its bytes (4 bytes, the lowest first), their checksum (8 bytes), and the bytes. The checksum is XXH3-64,
//! seeded with the checksum of the frame before; the first frame is seeded with a number that only this file has. So the last
//! checksum is that of the whole file: frames that are missing, repeated or of another file are noticed as flipped bits are.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use twox_hash::XxHash3_64;

/// Bytes of a frame, at most: many files are open at once.
const FRAME_BYTES_MAX: usize = 1 << 16;

/// Bytes before those of a frame.
const HEAD_BYTES: usize = 12;

/// A file of frames that is being written.
pub(super) struct FrameWriter {
    file: File,
    /// The frame that is filled, with room for its head.
    frame: Vec<u8>,
    bytes: u64,
    checksum: u64,
}

/// What tells a file of frames from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Its size in bytes.
    pub bytes: u64,
    /// Its last checksum.
    pub checksum: u64,
}

impl FrameWriter {
    pub fn create(path: &Path, seed: u64) -> io::Result<Self> {
        let mut frame = Vec::with_capacity(HEAD_BYTES + FRAME_BYTES_MAX);
        frame.resize(HEAD_BYTES, 0);
        Ok(Self { file: File::create(path)?, frame, bytes: 0, checksum: seed })
    }

    /// Ends the file.
    pub fn finish(mut self) -> io::Result<Sealed> {
        self.end_frame()?;
        Ok(Sealed { bytes: self.bytes, checksum: self.checksum })
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let payload = &self.frame[HEAD_BYTES..];
        if payload.is_empty() {
            return Ok(());
        }
        self.checksum = XxHash3_64::oneshot_with_seed(self.checksum, payload);
        let length = payload.len() as u32;
        self.frame[..4].copy_from_slice(&length.to_le_bytes());
        self.frame[4..HEAD_BYTES].copy_from_slice(&self.checksum.to_le_bytes());
        self.file.write_all(&self.frame)?;
        self.bytes += self.frame.len() as u64;
        self.frame.truncate(HEAD_BYTES);
        Ok(())
    }
}

impl Write for FrameWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let room = HEAD_BYTES + FRAME_BYTES_MAX - self.frame.len();
        let taken = room.min(buffer.len());
        self.frame.extend_from_slice(&buffer[..taken]);
        if taken == room {
            self.end_frame()?;
        }
        Ok(taken)
    }

    /// Does nothing: a frame is written when it is full, and at the end.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The bytes of a file of frames, each of which was checked.
pub(super) struct FrameReader {
    /// `None` where there is nothing left to read.
    file: Option<File>,
    frame: Vec<u8>,
    at: usize,
    bytes: u64,
    checksum: u64,
    sealed: Sealed,
}

impl FrameReader {
    pub fn open(path: &Path, seed: u64, sealed: Sealed) -> io::Result<Self> {
        Ok(Self { file: Some(File::open(path)?), checksum: seed, sealed, ..Self::empty() })
    }

    /// A reader of nothing.
    pub fn empty() -> Self {
        let sealed = Sealed { bytes: 0, checksum: 0 };
        Self { file: None, frame: Vec::new(), at: 0, bytes: 0, checksum: 0, sealed }
    }

    /// Whether all was read; the file is known to be whole then.
    pub fn is_at_end(&mut self) -> io::Result<bool> {
        if self.at == self.frame.len() {
            self.next_frame()?;
        }
        Ok(self.at == self.frame.len())
    }

    /// Reads the file to its end, and gives whether it is what was written.
    pub fn reads_whole(mut self) -> io::Result<bool> {
        loop {
            self.at = self.frame.len();
            match self.is_at_end() {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) if is_damage(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn next_frame(&mut self) -> io::Result<()> {
        (self.at, self.frame) = (0, std::mem::take(&mut self.frame));
        self.frame.clear();
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut head = [0; HEAD_BYTES];
        let read = read_up_to(file, &mut head)?;
        if read == 0 {
            self.file = None;
            let found = Sealed { bytes: self.bytes, checksum: self.checksum };
            return if found == self.sealed { Ok(()) } else { Err(self.damaged()) };
        }
        let (length, checksum) = head.split_at(4);
        let length = u32::from_le_bytes(length.try_into().unwrap_or_default()) as usize;
        let checksum = u64::from_le_bytes(checksum.try_into().unwrap_or_default());
        if read < HEAD_BYTES || length == 0 || length > FRAME_BYTES_MAX {
            return Err(self.damaged());
        }
        self.frame.resize(length, 0);
        let is_read = read_up_to(file, &mut self.frame)? == length;
        if !is_read || XxHash3_64::oneshot_with_seed(self.checksum, &self.frame) != checksum {
            return Err(self.damaged());
        }
        self.bytes += (HEAD_BYTES + length) as u64;
        self.checksum = checksum;
        Ok(())
    }

    fn damaged(&mut self) -> io::Error {
        self.file = None;
        self.frame.clear();
        io::Error::new(io::ErrorKind::InvalidData, "it is not as it was written")
    }
}

impl Read for FrameReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_at_end()? {
            return Ok(0);
        }
        let taken = buffer.len().min(self.frame.len() - self.at);
        buffer[..taken].copy_from_slice(&self.frame[self.at..self.at + taken]);
        self.at += taken;
        Ok(taken)
    }
}

/// Whether an error of reading says that the file is not what was written. No decoder takes it for the end.
pub(super) fn is_damage(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::InvalidData
}

/// Fills the buffer as far as the file goes.
fn read_up_to(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, seed: u64, bytes: &[u8]) -> Sealed {
        let mut writer = FrameWriter::create(path, seed).expect("begins");
        bytes.chunks(50_000).for_each(|part| writer.write_all(part).expect("writes"));
        writer.finish().expect("ends")
    }

    #[test]
    fn what_was_written_comes_back_and_nothing_else_does() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("frames");
        let bytes: Vec<u8> = (0..200_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        let sealed = write(&path, 7, &bytes);
        let read = |seed: u64| {
            let mut read = Vec::new();
            let mut reader = FrameReader::open(&path, seed, sealed).expect("opens");
            let end = reader.read_to_end(&mut read);
            end.map(|_| read).map_err(|error| is_damage(&error))
        };
        let damaged = Err(true);
        assert_eq!(read(7).expect("is whole"), bytes);
        assert_eq!(read(8), damaged, "the seed of another file");
        let whole = std::fs::read(&path).expect("reads");
        assert_eq!(whole.len() as u64, sealed.bytes);
        let frame = HEAD_BYTES + FRAME_BYTES_MAX;
        let mut others: Vec<Vec<u8>> = vec![
            Vec::new(),
            whole[..frame].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            [&whole[..], &[0]].concat(),
            [&whole[..], &whole[..frame]].concat(),
            [&whole[frame..2 * frame], &whole[..frame], &whole[2 * frame..]].concat(),
        ];
        others.extend([0, 3, 4, 11, 12, frame - 1, frame, frame + 5, whole.len() - 1].map(|at| {
            let mut flipped = whole.clone();
            flipped[at] ^= 0x10;
            flipped
        }));
        for (number, other) in others.into_iter().enumerate() {
            std::fs::write(&path, other).expect("writes");
            assert_eq!(read(7), damaged, "damage {number}");
            assert!(!FrameReader::open(&path, 7, sealed).expect("opens").reads_whole().expect("reads"), "{number}");
        }
        std::fs::write(&path, whole).expect("writes");
        assert!(FrameReader::open(&path, 7, sealed).expect("opens").reads_whole().expect("reads"));
    }
}
