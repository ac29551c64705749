//! Texts that are compared with constants: each text is looked up once among all constants that its column is compared with.

use std::borrow::Cow;
use std::ops::Range;

use onepath_definition::{Function, Literal, Node, NodeIndex, Program};
use onepath_sdk::batch::{Texts, Values};

use super::view::{Computed, blanked};
use super::{Cells, Evaluated};

/// So many constants are looked at one by one; more are searched for.
const FEW: usize = 8;

/// Fewer rows are compared with each constant: looking for all constants would take longer.
const ROWS_MIN: usize = 16;

/// What is known of the columns of texts.
#[derive(Default)]
pub(super) struct Codes(Vec<(NodeIndex, Column)>);

/// The constants that a column is compared with, and which of them each row is: its place from 1, or 0.
struct Column {
    constants: Vec<NodeIndex>,
    rows: Vec<u8>,
}

/// A comparison of a column of texts with constants, by their codes. None where it is something else.
pub(super) fn compared<'a>(
    evaluated: &mut Evaluated<'a>,
    function: Function,
    arguments: &[NodeIndex],
) -> Option<Computed<'a>> {
    if evaluated.rows < ROWS_MIN {
        return None;
    }
    let (column, constants) = shape(evaluated.program, function, arguments)?;
    let Evaluated { program, columns, codes, .. } = evaluated;
    let Computed { cells: Cells { values, marks }, is_constant: false, .. } = &columns[column as usize] else {
        return None;
    };
    let Values::Texts(texts) = &**values else { return None };
    let mut values = match coded(codes, program, texts, column) {
        Some(codes) => {
            let wanted = constants.iter().map(|constant| codes.code(constant)).collect::<Option<Vec<u8>>>()?;
            are_among(&codes.rows, &wanted)
        }
        None => searched(texts, &texts_of(program, constants), |_| 1),
    };
    if function == Function::NotEqual {
        values.iter_mut().for_each(|value| *value ^= 1);
    }
    let marks = marks.clone();
    let values = Cow::Owned(Values::Booleans(blanked(values, marks.as_deref())));
    Some(Computed::column(Cells { values, marks }))
}

/// The codes of a column. None where there are too many constants for them.
fn coded<'c>(known: &'c mut Codes, program: &Program, texts: &Texts, column: NodeIndex) -> Option<&'c Column> {
    let at = match known.0.iter().position(|(of, _)| *of == column) {
        Some(at) => at,
        None => {
            let constants = constants_of(program, column);
            let rows = looked_up(texts, &texts_of(program, &constants))?;
            known.0.push((column, Column { constants, rows }));
            known.0.len() - 1
        }
    };
    known.0.get(at).map(|(_, column)| column)
}

impl Column {
    /// The code of a constant.
    fn code(&self, constant: &NodeIndex) -> Option<u8> {
        self.constants.iter().position(|other| other == constant).map(|at| at as u8 + 1)
    }
}

/// Per code, whether it is one of those that are wanted.
fn are_among(codes: &[u8], wanted: &[u8]) -> Vec<u8> {
    if let [wanted] = wanted {
        return are(codes, *wanted);
    }
    let mut is_wanted = [0; 256];
    wanted.iter().for_each(|code| is_wanted[usize::from(*code)] = 1);
    codes.iter().map(|code| is_wanted[usize::from(*code)]).collect()
}

/// Per code, whether it is the one that is wanted: eight at a time, as one number.
fn are(codes: &[u8], wanted: u8) -> Vec<u8> {
    const LOW: u64 = u64::from_le_bytes([0x7f; 8]);
    let (eights, rest) = codes.as_chunks::<8>();
    let pattern = u64::from_le_bytes([wanted; 8]);
    let mut values = Vec::with_capacity(codes.len());
    for eight in eights {
        // A byte that is equal becomes zero, and zero is the only byte of which no bit is left here.
        let differ = u64::from_le_bytes(*eight) ^ pattern;
        let is_other = ((differ & LOW) + LOW) | differ;
        values.extend_from_slice(&((!is_other & !LOW) >> 7).to_le_bytes());
    }
    values.extend(rest.iter().map(|code| u8::from(*code == wanted)));
    values
}

/// The column and the constants of a comparison of a text with nothing but constants.
fn shape<'n>(
    program: &Program,
    function: Function,
    arguments: &'n [NodeIndex],
) -> Option<(NodeIndex, &'n [NodeIndex])> {
    if !matches!(function, Function::Equal | Function::NotEqual | Function::In) {
        return None;
    }
    let is_text = |node: &NodeIndex| matches!(program.nodes[*node as usize], Node::Literal(Literal::Text(_)));
    let (first, rest) = arguments.split_first()?;
    if !is_text(first) {
        return rest.iter().all(is_text).then_some((*first, rest));
    }
    // 'purchase' = event_type
    match arguments {
        [_, second] if function != Function::In && !is_text(second) => Some((*second, &arguments[..1])),
        _ => None,
    }
}

/// All constants that the program compares a column with.
fn constants_of(program: &Program, column: NodeIndex) -> Vec<NodeIndex> {
    let mut constants = Vec::new();
    for node in &program.nodes {
        let Node::Call { function, arguments } = node else { continue };
        if let Some((of, with)) = shape(program, *function, arguments)
            && of == column
        {
            constants.extend(with.iter().filter(|with| !constants.contains(*with)).collect::<Vec<_>>());
        }
    }
    constants
}

fn texts_of<'p>(program: &'p Program, constants: &[NodeIndex]) -> Vec<&'p [u8]> {
    let text = |node: &NodeIndex| match &program.nodes[*node as usize] {
        Node::Literal(Literal::Text(text)) => text.as_bytes(),
        _ => &[],
    };
    constants.iter().map(text).collect()
}

/// Which of the constants each text is. None where there are too many of them.
fn looked_up(texts: &Texts, constants: &[&[u8]]) -> Option<Vec<u8>> {
    let longest = constants.iter().map(|constant| constant.len()).max().unwrap_or_default();
    match (constants.len(), longest) {
        (256.., _) => None,
        (..=FEW, 0..=8) => Some(compared_with_each::<1>(texts, constants)),
        (..=FEW, 9..=16) => Some(compared_with_each::<2>(texts, constants)),
        _ => Some(searched(texts, constants, |at| at as u8 + 1)),
    }
}

/// Each text held against each constant, of at most so many words: no branch depends on a text.
fn compared_with_each<const WORDS: usize>(texts: &Texts, constants: &[&[u8]]) -> Vec<u8> {
    let constants: Vec<(Key<WORDS>, u8)> = constants.iter().map(|constant| Key::of(constant)).zip(1..).collect();
    let code = |text| {
        let key = Key::part(&texts.bytes, text);
        constants.iter().fold(0, |code, (constant, of_it)| code | (u8::from(key.is(constant)) * of_it))
    };
    ranges(texts).map(code).collect()
}

/// Each text searched for among the constants; `code` tells what is said of the one at a place.
fn searched(texts: &Texts, constants: &[&[u8]], code: impl Fn(usize) -> u8) -> Vec<u8> {
    let mut sorted: Vec<(Key<2>, &[u8], usize)> =
        constants.iter().enumerate().map(|(at, constant)| (Key::of(constant), *constant, at)).collect();
    sorted.sort_unstable();
    let find = |range: Range<usize>| {
        let key = Key::part(&texts.bytes, range.clone());
        let text = texts.bytes.get(range).unwrap_or_default();
        let first = sorted.partition_point(|(constant, ..)| *constant < key);
        let mut alike = sorted[first..].iter().take_while(|(constant, ..)| *constant == key);
        alike.find(|(_, bytes, _)| *bytes == text).map_or(0, |&(.., at)| code(at))
    };
    ranges(texts).map(find).collect()
}

/// Where the bytes of each row are.
fn ranges(texts: &Texts) -> impl ExactSizeIterator<Item = Range<usize>> {
    let mut begin = 0;
    texts.ends.iter().map(move |&end| std::mem::replace(&mut begin, end as usize)..end as usize)
}

/// The length of a text and its first bytes, eight to a number: a component has no fast way to compare bytes one by one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<const WORDS: usize> {
    length: usize,
    words: [u64; WORDS],
}

impl<const WORDS: usize> Key<WORDS> {
    fn of(text: &[u8]) -> Self {
        Key::part(text, 0..text.len())
    }

    /// The key of a part of `bytes`.
    #[inline(always)]
    fn part(bytes: &[u8], text: Range<usize>) -> Self {
        let length = text.end.saturating_sub(text.start);
        let word = |at: usize| word(bytes, text.start + 8 * at) & ones(length.saturating_sub(8 * at));
        Key { length, words: std::array::from_fn(word) }
    }

    /// Whether they are equal.
    #[inline(always)]
    fn is(&self, other: &Self) -> bool {
        let words = self.words.iter().zip(&other.words);
        words.fold((self.length ^ other.length) as u64, |differ, (one, other)| differ | (one ^ other)) == 0
    }
}

/// Eight bytes from a place on; zeros beyond the end.
#[inline(always)]
fn word(bytes: &[u8], at: usize) -> u64 {
    let rest = bytes.get(at..).unwrap_or_default();
    match rest.first_chunk() {
        Some(chunk) => u64::from_le_bytes(*chunk),
        None => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Ones for so many bytes, from the lowest on.
#[inline(always)]
fn ones(bytes: usize) -> u64 {
    if bytes >= 8 { u64::MAX } else { (1 << (8 * bytes)) - 1 }
}
