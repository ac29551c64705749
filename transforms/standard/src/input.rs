//! What a call is given, checked: whatever it is, nothing traps.

use onepath_definition::{Definition, Field, ValueType};
use onepath_sdk::batch::{self, Column, EVENT, Failure, QUESTION, Rows, Values};

/// The first failure of a call: that of the earliest row, whatever is looked at first.
#[derive(Default)]
pub(crate) struct Failures {
    first: Option<Failure>,
}

impl Failures {
    /// Notes that a row failed. Of several failures of one row the one that is noted first counts.
    #[cold]
    pub(crate) fn note(&mut self, row: usize, message: impl FnOnce() -> String) {
        let is_earlier = self.first.as_ref().and_then(|first| first.row).is_none_or(|first| row < first as usize);
        if is_earlier {
            self.first = Some(Failure::at(row, message()));
        }
    }

    pub(crate) fn check(self) -> Result<(), Failure> {
        self.first.map_or(Ok(()), Err)
    }
}

/// The row of the batch of an event or of a question, which is the `nth` of its kind.
#[cold]
pub(crate) fn row_of(rows: &Rows, kind: u8, nth: usize) -> usize {
    let mut of_kind = rows.kinds.iter().enumerate().filter(|&(_, &other)| other == kind);
    of_kind.nth(nth).map_or(0, |(row, _)| row)
}

/// Checks that a batch fits together and has the fields of the definition; gives the number of questions.
pub(crate) fn check(definition: &Definition, rows: &Rows, failures: &mut Failures) -> Result<usize, Failure> {
    let count = rows.times.len();
    if rows.groups.len() != count || rows.kinds.len() != count {
        let (groups, kinds) = (rows.groups.len(), rows.kinds.len());
        return Err(Failure::new(format!("the batch has {count} times, {groups} groups and {kinds} kinds")));
    }
    let groups = rows.states.ends.len();
    // One loop without a way out; what is wrong is looked for where there is something.
    let (mut kinds, mut largest, mut questions) = (0, 0, 0);
    for (&kind, &group) in rows.kinds.iter().zip(&rows.groups) {
        kinds |= kind;
        largest = largest.max(group);
        questions += u32::from(kind);
    }
    if kinds > QUESTION
        && let Some(row) = rows.kinds.iter().position(|&kind| kind > QUESTION)
    {
        return Err(Failure::at(row, format!("{} is neither an event nor a question", rows.kinds[row])));
    }
    if largest as usize >= groups
        && let Some(row) = rows.groups.iter().position(|&group| group as usize >= groups)
    {
        let group = rows.groups[row];
        return Err(Failure::at(row, format!("the row is of group {group}, but the batch has {groups} states")));
    }
    check_ends(&rows.states.ends, rows.states.bytes.len())
        .map_err(|problem| Failure::new(format!("the list of states {problem}")))?;
    let questions = questions as usize;
    let tables = [
        ("event field", &definition.event_fields, &rows.event_fields, EVENT, count - questions),
        ("request field", &definition.request_fields, &rows.request_fields, QUESTION, questions),
        ("input feature", &definition.input_features, &rows.input_features, QUESTION, questions),
    ];
    for (what, fields, columns, kind, rows_of_kind) in tables {
        if columns.len() != fields.len() {
            let (expected, given) = (fields.len(), columns.len());
            return Err(Failure::new(format!("the view takes {expected} {what}s and was given {given} columns")));
        }
        for (field, column) in fields.iter().zip(columns) {
            check_column(field, column, rows_of_kind)
                .map_err(|problem| Failure::new(format!("{what} `{}` {problem}", field.name)))?;
            let null = column.nulls.iter().find_map(|nulls| nulls.iter().position(|&null| null != 0));
            if let Some(null) = null.filter(|_| !field.nullable) {
                let message = || format!("{what} `{}` is null, and the view takes no null there", field.name);
                failures.note(row_of(rows, kind, null), message);
            }
        }
    }
    Ok(questions)
}

fn check_column(field: &Field, column: &Column, rows: usize) -> Result<(), String> {
    let given = column.values.rows();
    if given != rows {
        return Err(format!("has {given} values for {rows} rows"));
    }
    if column.values.value_type() != to_batch(field.value_type) {
        let (given, expected) = (column.values.value_type().name(), to_batch(field.value_type).name());
        return Err(format!("has the type {given}, not {expected}"));
    }
    match &column.nulls {
        Some(nulls) if nulls.len() != rows => return Err(format!("has {} null marks for {rows} rows", nulls.len())),
        Some(nulls) if nulls.iter().any(|&null| null > 1) => {
            return Err("has a null mark that is neither 0 nor 1".to_owned());
        }
        _ => {}
    }
    match &column.values {
        Values::Booleans(values) if values.iter().any(|&value| value > 1) => {
            Err("has a boolean that is neither 0 nor 1".to_owned())
        }
        Values::Texts(texts) => {
            check_ends(&texts.ends, texts.bytes.len())?;
            if texts.bytes.is_ascii() {
                return Ok(());
            }
            let text = std::str::from_utf8(&texts.bytes).map_err(|error| format!("is not UTF-8: {error}"))?;
            match texts.ends.iter().all(|&end| text.is_char_boundary(end as usize)) {
                true => Ok(()),
                false => Err("has a row that ends within a character".to_owned()),
            }
        }
        Values::Float64Lists(lists) => check_ends(&lists.ends, lists.values.len()),
        _ => Ok(()),
    }
}

fn check_ends(ends: &[u32], length: usize) -> Result<(), String> {
    if !ends.is_sorted() {
        return Err("has ends that decrease".to_owned());
    }
    match ends.last().map_or(0, |&end| end as usize) {
        last if last == length => Ok(()),
        last => Err(format!("ends at {last}, but has {length} items")),
    }
}

/// A type of the definition as one of the contract.
pub(crate) fn to_batch(value_type: ValueType) -> batch::ValueType {
    match value_type {
        ValueType::Boolean => batch::ValueType::Boolean,
        ValueType::Int64 => batch::ValueType::Int64,
        ValueType::Float64 => batch::ValueType::Float64,
        ValueType::Text => batch::ValueType::Text,
        ValueType::Time => batch::ValueType::Time,
        ValueType::Float64List => batch::ValueType::Float64List,
    }
}
