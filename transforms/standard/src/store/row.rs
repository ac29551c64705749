//! The row with the greatest event time.

use std::cmp::Ordering;

use onepath_definition::{Answer, NodeIndex, ValueType};
use onepath_sdk::aggregate::Kept as Keepable;
use onepath_sdk::batch::{Float64Lists, Values};
use onepath_sdk::dynamic::{decode_len, encode_u64};
use onepath_sdk::state::{State, StateError};
use onepath_sdk::time::{AsOf, EventTime};
use onepath_sdk::window::WindowValue;

use super::value::{self, Item, Items, Value};
use super::{Job, Kept, Part, Progress, units};
use crate::column::Writer;
use crate::expression::{NULL, VALUE};
use crate::state::Written;

/// What is kept of an event, and by what it takes the place of another.
struct Shape<'a> {
    values: Vec<Cells<'a>>,
    tie_break: Option<Cells<'a>>,
}

/// The values of one node.
struct Cells<'a> {
    value_type: ValueType,
    items: Items<'a>,
    lists: Option<&'a Float64Lists>,
    marks: Option<&'a [u8]>,
}

pub(super) fn run(
    job: &Job<'_>,
    values: &[NodeIndex],
    tie_break: Option<NodeIndex>,
    progress: &mut Progress<'_>,
) -> Option<Written> {
    let cells = |node: NodeIndex| {
        let (value_type, values) = (job.event_types[node as usize], job.values(node));
        Cells {
            value_type,
            items: Items::new(Some(value_type), Some(values)),
            lists: match values {
                Values::Float64Lists(lists) => Some(lists),
                _ => None,
            },
            marks: job.events.and_then(|events| events.cells(node).marks.as_deref()),
        }
    };
    let shape = Shape { values: values.iter().map(|&node| cells(node)).collect(), tie_break: tie_break.map(cells) };
    let nodes = values.iter().chain(&tie_break).copied();
    let selected = progress.selections.of_rows(job.store.filter, nodes, &mut progress.failures);
    job.each_of::<Newest<'_>>(&selected, &shape, |event| event, progress)
}

impl Cells<'_> {
    fn mark(&self, event: usize) -> u8 {
        self.marks.map_or(VALUE, |marks| marks[event])
    }

    /// The value of an event; none where it is null.
    fn get(&self, event: usize) -> Option<Cell> {
        if self.mark(event) == NULL {
            return None;
        }
        Some(match self.lists {
            Some(lists) => Cell::List(list(lists, event).to_vec()),
            None => Cell::Value(Value::keep(self.items.get(event))),
        })
    }
}

impl Cells<'_> {
    /// Appends the value of an event to a column.
    fn put(&self, event: usize, column: &mut Writer) {
        let is_null = self.mark(event) == NULL;
        match (self.lists, self.items.get(event)) {
            _ if is_null => put(None, self.value_type, column),
            (Some(lists), _) => column.list(Some(list(lists, event))),
            (None, Item::Boolean(value)) => column.boolean(Some(value)),
            (None, Item::Integer(value)) => column.integer(Some(value)),
            (None, Item::Float(value)) => column.float(Some(value)),
            (None, Item::Text(value)) => column.text(Some(value)),
            (None, Item::Nothing) => put(None, self.value_type, column),
        }
    }
}

fn list(lists: &Float64Lists, event: usize) -> &[f64] {
    let start = if event == 0 { 0 } else { lists.ends[event - 1] as usize };
    &lists.values[start..lists.ends[event] as usize]
}

/// A value that is not null.
#[derive(Clone, Debug)]
enum Cell {
    Value(Value),
    List(Vec<f64>),
}

/// The newest row of an entity.
struct Newest<'a> {
    row: Option<Row>,
    shape: std::marker::PhantomData<&'a ()>,
}

struct Row {
    at: i64,
    tie_break: Option<Value>,
    cells: From,
}

/// Where the values of a row are.
enum From {
    State(Vec<Option<Cell>>),
    /// In the columns of the call, until they are wanted.
    Event(usize),
}

impl<'a> Kept for Newest<'a> {
    type Item<'i> = usize;
    type Shape = Shape<'a>;

    fn empty(_: &Shape<'a>) -> Self {
        Newest { row: None, shape: std::marker::PhantomData }
    }

    /// The event time, the tie-break if there is one, then a byte for each value, 1 where it is null, and the value where it is not.
    fn decode(bytes: &mut &[u8], shape: &Shape<'a>) -> Result<Self, StateError> {
        let at = i64::decode(bytes)?;
        let tie_break = match &shape.tie_break {
            Some(cells) => match decode(bytes, cells.value_type)? {
                Some(Cell::Value(value)) => Some(value),
                _ => None,
            },
            None => None,
        };
        let values: Result<_, StateError> = shape.values.iter().map(|cells| decode(bytes, cells.value_type)).collect();
        let row = Some(Row { at, tie_break, cells: From::State(values?) });
        Ok(Newest { row, shape: std::marker::PhantomData })
    }

    fn encode(&self, bytes: &mut Vec<u8>, shape: &Shape<'a>) {
        let Some(row) = &self.row else { return };
        row.at.encode(bytes);
        if shape.tie_break.is_some() {
            encode(row.tie_break.clone().map(Cell::Value).as_ref(), bytes);
        }
        for (at, cells) in shape.values.iter().enumerate() {
            match &row.cells {
                From::State(values) => encode(values[at].as_ref(), bytes),
                From::Event(event) => encode(cells.get(*event).as_ref(), bytes),
            }
        }
    }

    #[inline]
    fn push(&mut self, at: EventTime, event: usize, shape: &Shape<'a>) {
        let at = at.micros();
        if let Some(row) = &self.row
            && at <= row.at
        {
            if at < row.at {
                return;
            }
            if let Some(cells) = &shape.tie_break {
                let is_null = cells.mark(event) == NULL;
                let is_less = match &row.tie_break {
                    None => false,
                    Some(_) if is_null => true,
                    Some(kept) => compare(cells.items.get(event), kept) == Ordering::Less,
                };
                if is_less {
                    return;
                }
            }
        }
        let tie_break = shape.tie_break.as_ref().filter(|cells| cells.mark(event) != NULL);
        let tie_break = tie_break.map(|cells| Value::keep(cells.items.get(event)));
        self.row = Some(Row { at, tie_break, cells: From::Event(event) });
    }

    fn read(&self, as_of: AsOf, part: &Part, shape: &Shape<'a>, columns: &mut [Writer]) {
        for &(column, answer) in &part.answers {
            let column = &mut columns[column];
            let at = self.row.as_ref().map(|row| EventTime(row.at));
            match answer {
                Answer::Column(at) => {
                    let at = at as usize;
                    let cells = &shape.values[at];
                    match self.row.as_ref().map(|row| &row.cells) {
                        Some(From::State(values)) => put(values[at].as_ref(), cells.value_type, column),
                        Some(From::Event(event)) => cells.put(*event, column),
                        None => put(None, cells.value_type, column),
                    }
                }
                Answer::TimeOfLast => column.integer(at.map(EventTime::micros)),
                Answer::SinceLast(unit) => column.integer(at.map(|at| units(as_of, at, unit))),
                _ => unreachable!("a row has no such answer"),
            }
        }
    }
}

/// How a tie-break stands to the one that is kept. NaN is the greatest number, and -0.0 is 0.0.
fn compare(item: Item<'_>, kept: &Value) -> Ordering {
    match (item, kept) {
        (Item::Boolean(item), Value::Boolean(kept)) => item.cmp(kept),
        (Item::Integer(item), Value::Integer(kept)) => item.cmp(kept),
        (Item::Text(item), Value::Text(kept)) => item.cmp(kept.as_str()),
        (Item::Float(item), Value::Float(kept)) => {
            item.partial_cmp(kept).unwrap_or_else(|| item.is_nan().cmp(&kept.is_nan()))
        }
        _ => Ordering::Equal,
    }
}

fn put(cell: Option<&Cell>, value_type: ValueType, column: &mut Writer) {
    match cell {
        Some(Cell::List(numbers)) => column.list(Some(numbers)),
        Some(Cell::Value(kept)) => value::put(Some(kept), Some(value_type), column),
        None if value_type == ValueType::Float64List => column.list(None),
        None => value::put(None, Some(value_type), column),
    }
}

fn encode(cell: Option<&Cell>, bytes: &mut Vec<u8>) {
    bytes.push(u8::from(cell.is_none()));
    match cell {
        Some(Cell::Value(value)) => value.encode_bare(bytes),
        Some(Cell::List(numbers)) => {
            encode_u64(numbers.len() as u64, bytes);
            f64::encode_all(numbers, bytes);
        }
        None => {}
    }
}

fn decode(bytes: &mut &[u8], value_type: ValueType) -> Result<Option<Cell>, StateError> {
    if bool::decode(bytes)? {
        return Ok(None);
    }
    if value_type == ValueType::Float64List {
        let count = decode_len(bytes)?;
        return Ok(Some(Cell::List(f64::decode_all(count, bytes)?)));
    }
    Value::decode_bare(bytes, value_type).map(|value| Some(Cell::Value(value)))
}
