//! Columns as they are read: texts as codes or, if they are short, in sixteen bytes each, everything else as a [`Column`].

use super::{Column, ColumnError, Texts, Values};

/// The longest text, in bytes, that a short text holds.
pub const SHORT_BYTES_MAX: usize = 12;

/// How many different texts a coded field has at most.
const CODES_MAX: usize = 256;

/// One column of a file, in the form that reading it costs least.
#[derive(Clone, Debug)]
pub enum Lane {
    /// Any column.
    Column(Column),
    /// Texts of at most [`SHORT_BYTES_MAX`] bytes, none null: see [`short_text`].
    Short(Vec<u128>),
    /// Per row, which of the texts it has; none is null.
    Coded(Vec<u32>, Texts),
}

/// A text of at most [`SHORT_BYTES_MAX`] bytes as a number: its length in the lowest four bytes, then its bytes, then zeros.
/// (It is Arrow's view of a short text.)
#[inline]
pub fn short_text(text: &[u8]) -> u128 {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
    bytes[4..4 + text.len()].copy_from_slice(text);
    u128::from_le_bytes(bytes)
}

/// The short text of `length` bytes that begins at `start` of `bytes`. Where sixteen bytes are there, they are read at once, and
/// cut by a mask: a copy of a length that is not known costs a call.
#[inline]
pub fn short_text_within(bytes: &[u8], start: usize, length: usize) -> u128 {
    debug_assert!(length <= SHORT_BYTES_MAX);
    match bytes[start..].first_chunk::<16>() {
        Some(chunk) => (u128::from_le_bytes(*chunk) & ((1 << (8 * length)) - 1)) << 32 | length as u128,
        None => short_text(&bytes[start..start + length]),
    }
}

impl Lane {
    /// The lane of which each row has one of the texts of a column without nulls, that of its code. No code is beyond them.
    pub fn coded(codes: Vec<u32>, texts: Column) -> Self {
        match texts.into_values() {
            Values::Texts(texts) => Self::Coded(codes, texts),
            other => Self::Column(Column::from_parts(other, None)),
        }
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        match self {
            Self::Column(column) => column.len(),
            Self::Short(texts) => texts.len(),
            Self::Coded(codes, _) => codes.len(),
        }
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The rows whose indices are `rows`, in that order.
    pub fn take(&self, rows: &[u32]) -> Self {
        match self {
            Self::Column(column) => {
                Self::Column(column.take(rows).expect("a part of a column is no larger than the column"))
            }
            Self::Short(texts) => Self::Short(rows.iter().map(|row| texts[*row as usize]).collect()),
            Self::Coded(codes, texts) => {
                Self::Coded(rows.iter().map(|row| codes[*row as usize]).collect(), texts.clone())
            }
        }
    }

    /// The lane as a column.
    pub fn into_column(self) -> Result<Column, ColumnError> {
        match self {
            Self::Column(column) => Ok(column),
            Self::Short(shorts) => {
                let mut texts = Texts { ends: Vec::with_capacity(shorts.len()), bytes: Vec::new() };
                for short in &shorts {
                    texts.push_short(*short)?;
                }
                Ok(Column::from_parts(Values::Texts(texts), None))
            }
            Self::Coded(codes, texts) => texts.at(codes.into_iter()),
        }
    }
}

impl Texts {
    /// A column of the texts of `rows`.
    fn at(&self, rows: impl ExactSizeIterator<Item = u32>) -> Result<Column, ColumnError> {
        let mut texts = Self { ends: Vec::with_capacity(rows.len()), bytes: Vec::new() };
        for row in rows {
            let (start, end) = (self.start(row as usize), self.ends[row as usize] as usize);
            if end - start <= SHORT_BYTES_MAX {
                texts.push_short(short_text_within(&self.bytes, start, end - start))?;
            } else {
                texts.bytes.extend_from_slice(&self.bytes[start..end]);
                texts.ends.push(u32::try_from(texts.bytes.len()).map_err(|_| ColumnError::TooLarge)?);
            }
        }
        Ok(Column::from_parts(Values::Texts(texts), None))
    }

    /// All as short texts, if they are.
    fn shorts(&self) -> Option<Vec<u128>> {
        let text = |row: usize| Some(self.get(row)).filter(|text| text.len() <= SHORT_BYTES_MAX);
        (0..self.ends.len()).map(|row| text(row).map(short_text)).collect()
    }

    fn start(&self, row: usize) -> usize {
        if row == 0 { 0 } else { self.ends[row - 1] as usize }
    }

    /// The text of `row`.
    #[inline]
    pub fn get(&self, row: usize) -> &[u8] {
        &self.bytes[self.start(row)..self.ends[row] as usize]
    }

    /// Adds the texts of `others`, of which there are few, that are missing; gives the new row of each, or nothing where there
    /// would be more than [`CODES_MAX`].
    fn merge(&mut self, others: &Self) -> Option<[u8; CODES_MAX]> {
        let mut renamed = [0; CODES_MAX];
        for (other, renamed) in (0..others.ends.len()).zip(&mut renamed) {
            let text = others.get(other);
            let at = match (0..self.ends.len()).find(|at| self.get(*at) == text) {
                Some(at) => at,
                None if self.ends.len() == CODES_MAX => return None,
                None => {
                    self.bytes.extend_from_slice(text);
                    self.ends.push(self.bytes.len() as u32);
                    self.ends.len() - 1
                }
            };
            *renamed = at as u8;
        }
        Some(renamed)
    }

    /// Appends a short text.
    pub(crate) fn push_short(&mut self, short: u128) -> Result<(), ColumnError> {
        let end = self.bytes.len() + (short as u32 as usize).min(SHORT_BYTES_MAX);
        // All of it by one instruction, then without what is not of the text.
        self.bytes.extend_from_slice(&(short >> 32).to_le_bytes());
        self.bytes.truncate(end);
        self.ends.push(u32::try_from(end).map_err(|_| ColumnError::TooLarge)?);
        Ok(())
    }
}

/// A field of events in memory. A text that has few values, as most have, takes one byte per event.
#[derive(Clone, Debug)]
pub enum FieldLane {
    /// Any column.
    Column(Column),
    /// Per event, which of the texts it has; none is null.
    Coded(Vec<u8>, Texts),
    /// Texts as of [`Lane::Short`].
    Short(Vec<u128>),
}

impl FieldLane {
    /// The rows `rows` of a lane: coded, where that is possible.
    pub fn gather(lane: &Lane, rows: &[u32]) -> Result<Self, ColumnError> {
        match lane {
            Lane::Short(texts) => match code(texts, rows)? {
                Some((codes, dictionary)) => Ok(Self::Coded(codes, dictionary)),
                None => Ok(Self::Short(rows.iter().map(|row| texts[*row as usize]).collect())),
            },
            Lane::Coded(codes, texts) if texts.ends.len() <= CODES_MAX => {
                Ok(Self::Coded(rows.iter().map(|row| codes[*row as usize] as u8).collect(), texts.clone()))
            }
            Lane::Coded(codes, texts) => match texts.shorts() {
                Some(shorts) => Ok(Self::Short(rows.iter().map(|row| shorts[codes[*row as usize] as usize]).collect())),
                None => Ok(Self::Column(texts.at(rows.iter().map(|row| codes[*row as usize]))?)),
            },
            Lane::Column(column) => Ok(Self::Column(column.take(rows)?)),
        }
    }

    /// The field as a column.
    pub fn into_column(self) -> Result<Column, ColumnError> {
        match self {
            Self::Column(column) => Ok(column),
            Self::Coded(codes, texts) => {
                let mut column = Column::new(crate::schema::ValueType::Text);
                column.extend_coded(&texts, codes.iter().copied())?;
                Ok(column)
            }
            Self::Short(texts) => Lane::Short(texts).into_column(),
        }
    }

    /// A field of the same form without rows, with room for `rows`.
    pub fn empty(&self, rows: usize) -> Self {
        match self {
            Self::Column(column) => Self::Column(Column::with_capacity(column.value_type(), rows)),
            Self::Coded(..) => Self::Coded(Vec::with_capacity(rows), Texts::default()),
            Self::Short(_) => Self::Short(Vec::with_capacity(rows)),
        }
    }

    /// Appends a range of the rows of `other`, a field of the same type.
    pub fn extend(&mut self, other: &Self, range: std::ops::Range<usize>) -> Result<(), ColumnError> {
        match (&mut *self, other) {
            (Self::Coded(codes, texts), Self::Coded(more, others)) => {
                if let Some(renamed) = texts.merge(others) {
                    codes.extend(more[range].iter().map(|code| renamed[usize::from(*code)]));
                    return Ok(());
                }
            }
            (Self::Short(texts), Self::Short(more)) => {
                texts.extend_from_slice(&more[range]);
                return Ok(());
            }
            _ => {}
        }
        // What is not of one form becomes a column.
        if !matches!(self, Self::Column(_)) {
            let own = std::mem::replace(self, Self::Short(Vec::new()));
            *self = Self::Column(own.into_column()?);
        }
        let Self::Column(column) = self else { return Ok(()) };
        match other {
            Self::Column(from) => column.extend_range(from, range),
            Self::Coded(codes, texts) => column.extend_coded(texts, codes[range].iter().copied()),
            Self::Short(texts) => column.extend_short(texts[range].iter().copied()),
        }
    }

    /// Appends the rows `rows` of this field to `column`, which has its type.
    pub fn append_to(&self, column: &mut Column, rows: &[u32]) -> Result<(), ColumnError> {
        match self {
            Self::Column(from) => column.extend_from(from, rows),
            Self::Coded(codes, texts) => column.extend_coded(texts, rows.iter().map(|row| codes[*row as usize])),
            Self::Short(texts) => column.extend_short(rows.iter().map(|row| texts[*row as usize])),
        }
    }

    /// About how many bytes it holds in memory.
    pub fn memory_bytes(&self) -> usize {
        match self {
            Self::Column(column) => column.memory_bytes(),
            Self::Coded(codes, texts) => codes.capacity() + texts.bytes.capacity() + texts.ends.capacity() * 4,
            Self::Short(texts) => texts.capacity() * 16,
        }
    }
}

/// The texts of `rows` as codes into a dictionary in the order of first sight; `None` where there are more than
/// [`CODES_MAX`] of them.
fn code(texts: &[u128], rows: &[u32]) -> Result<Option<(Vec<u8>, Texts)>, ColumnError> {
    const SLOTS: usize = CODES_MAX * 4;
    let mut slots = vec![(0_u128, 0_u16); SLOTS];
    let mut dictionary = Texts::default();
    let mut codes = Vec::with_capacity(rows.len());
    for row in rows {
        let text = texts[*row as usize];
        let mixed = (text as u64 ^ (text >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut slot = (mixed >> 54) as usize % SLOTS;
        // A code is kept plus one, so that 0 is a free slot.
        while slots[slot].1 != 0 && slots[slot].0 != text {
            slot = (slot + 1) % SLOTS;
        }
        if slots[slot].1 == 0 {
            if dictionary.ends.len() == CODES_MAX {
                return Ok(None);
            }
            dictionary.push_short(text)?;
            slots[slot] = (text, dictionary.ends.len() as u16);
        }
        codes.push((slots[slot].1 - 1) as u8);
    }
    Ok(Some((codes, dictionary)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Value;

    #[test]
    fn a_short_text_is_the_same_wherever_it_lies() {
        let bytes: Vec<u8> = (1..=40).collect();
        let mut texts = Texts::default();
        for start in 0..=bytes.len() {
            for length in 0..=SHORT_BYTES_MAX.min(bytes.len() - start) {
                let text = &bytes[start..start + length];
                let short = short_text_within(&bytes, start, length);
                assert_eq!(short, short_text(text));
                texts.push_short(short).expect("small");
                assert_eq!(texts.get(texts.ends.len() - 1), text);
            }
        }
    }

    #[test]
    fn fields_come_back_coded_or_not() {
        for distinct in [3_u32, 256, 257, 1_000] {
            let texts: Vec<String> = (0..2_000).map(|at| format!("t{}", at % distinct)).collect();
            let lane = Lane::Short(texts.iter().map(|text| short_text(text.as_bytes())).collect());
            let rows: Vec<u32> = (0..2_000).rev().collect();
            let first = |count: u32| (0..count).collect::<Vec<u32>>();
            let all = lane.clone().into_column().expect("small");
            let coded =
                Lane::coded((0..2_000).map(|at| at % distinct).collect(), all.take(&first(distinct)).expect("few"));
            for lane in [lane, coded] {
                let field = FieldLane::gather(&lane, &rows).expect("small");
                assert_eq!(matches!(field, FieldLane::Coded(..)), distinct <= 256);
                let mut column = Column::new(crate::schema::ValueType::Text);
                field.append_to(&mut column, &[0, 7, 1_999]).expect("small");
                for (at, text) in [(0, &texts[1_999]), (1, &texts[1_992]), (2, &texts[0])] {
                    assert!(column.value(at).same_bits(&Value::Text(text.clone())));
                }
                let column = lane.take(&rows).into_column().expect("small");
                assert!(lane.len() == 2_000 && column.value(7).same_bits(&Value::Text(texts[1_992].clone())));
            }
        }
    }
}
