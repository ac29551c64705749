//! What was served as a file: one row per vector, with all that is recorded of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema, SchemaRef};

use super::drift::Period;
use crate::Error;
use crate::batch::{Column, Value, Values};
use crate::feature_store::FeatureStore;
use crate::files::{self, TableWriter};
use crate::log::{STATUSES, ServedPlan, ServedProgram, ServedSink, ServedVectors};
use crate::schema::ValueType;

/// Rows that are written at once.
const ROWS_AT_ONCE: usize = 8_192;

/// What is to be written, and where.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// Vectors of this time.
    pub period: Period,
    /// Only those of this service.
    pub service: Option<String>,
    /// The file: `.parquet`, `.csv` or `.ndjson`. It appears whole or not at all.
    pub out: PathBuf,
}

/// What was written.
#[derive(Clone, Debug, serde::Serialize)]
pub struct ExportReport {
    /// The file.
    pub out: PathBuf,
    /// One row per served vector.
    pub rows: u64,
    /// Its columns.
    pub columns: usize,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// Older vectors, of any time, that are no longer recorded.
    pub expired: u64,
}

/// What a column of the file holds.
enum Source {
    Id,
    AsOf,
    Offset,
    Service,
    Replayed,
    RequestId,
    Key(String),
    Request(String),
    Value(String),
    Status(String),
    Identity(String),
    Component(String),
    ViewOffset(String),
}

/// The columns of the file, in order.
#[derive(Default)]
struct Layout {
    columns: Vec<(String, ValueType, Source)>,
}

impl FeatureStore {
    /// Writes what was served to a file: number, as-of, offset, service, request id, keys, request fields, values with their statuses, and
    /// what each view ran. Vectors that lack a column of others have nulls there.
    ///
    /// Vectors that are missing or damaged end it, and no file appears: a part would look like the whole.
    pub fn export_served(&self, request: &ExportRequest) -> Result<ExportReport, Error> {
        let served = self.served_for_reading()?;
        let Some(served) = served else {
            return Err(wrong("nothing was served yet: `onepath get` records what it serves".to_owned()));
        };
        let head = served.head()?;
        // Who serves may go on: what is written is what there is now.
        let layout = layout(&*served, request, head.last_batch)?;
        files::remove_stale(files::directory_of(&request.out));
        let schema = layout.schema();
        // A row has many columns, and each thread would hold row groups of its own.
        let mut writer = TableWriter::create(&request.out, &schema, 1)?;
        let mut rows = layout.empty();
        for batch in served.batches(1, request.period.since) {
            self.check_stop()?;
            let batch = batch?;
            if batch.number > head.last_batch {
                break;
            }
            if request.skips(&batch.plan) {
                continue;
            }
            let vectors = batch.decode()?.within(request.period.since, request.period.until)?;
            layout.append(&mut rows, &vectors)?;
            if rows[0].len() >= ROWS_AT_ONCE {
                write(&mut writer, &schema, std::mem::replace(&mut rows, layout.empty()))?;
            }
        }
        write(&mut writer, &schema, rows)?;
        let written = writer.finish(&[])?;
        Ok(ExportReport {
            out: request.out.clone(),
            rows: written.rows,
            columns: layout.columns.len(),
            bytes: written.bytes,
            sha256: written.sha256,
            expired: head.expired_vectors,
        })
    }
}

impl ExportRequest {
    fn skips(&self, plan: &ServedPlan) -> bool {
        self.service.is_some() && plan.service != self.service
    }
}

fn write(writer: &mut TableWriter, schema: &SchemaRef, rows: Vec<Column>) -> Result<(), Error> {
    if rows[0].is_empty() {
        return Ok(());
    }
    let arrays = rows.into_iter().map(files::into_arrow).collect::<Result<Vec<_>, _>>();
    let batch = arrays.and_then(|arrays| RecordBatch::try_new(Arc::clone(schema), arrays));
    writer.write(&batch.map_err(|error| wrong(error.to_string()))?)?;
    Ok(())
}

/// The columns of all vectors that are wanted, up to a batch.
fn layout(served: &dyn ServedSink, request: &ExportRequest, last_batch: u64) -> Result<Layout, Error> {
    let mut plans: Vec<(Arc<str>, Arc<ServedPlan>)> = Vec::new();
    for batch in served.batches(1, request.period.since) {
        let batch = batch?;
        if batch.number > last_batch {
            break;
        }
        if !request.skips(&batch.plan) && plans.iter().all(|(digest, _)| *digest != batch.plan_digest) {
            plans.push((batch.plan_digest, batch.plan));
        }
    }
    let plans = || plans.iter().map(|(_, plan)| plan);
    let mut layout = Layout::default();
    layout.add("served_id", ValueType::Int64, Source::Id)?;
    layout.add("as_of", ValueType::Time, Source::AsOf)?;
    layout.add("log_offset", ValueType::Int64, Source::Offset)?;
    layout.add("service", ValueType::Text, Source::Service)?;
    layout.add("replayed", ValueType::Bool, Source::Replayed)?;
    layout.add("request_id", ValueType::Text, Source::RequestId)?;
    let mut fields = Names::default();
    for field in plans().flat_map(|plan| &plan.keys) {
        fields.add(&mut layout, &field.name, field.value_type, Source::Key)?;
    }
    for field in plans().flat_map(|plan| &plan.request) {
        fields.add(&mut layout, &field.name, field.value_type, Source::Request)?;
    }
    for field in plans().flat_map(|plan| &plan.features) {
        fields.add(&mut layout, &field.name, field.value_type, Source::Value)?;
        let status = format!("{}__status", field.name);
        fields.add(&mut layout, &status, ValueType::Text, |_| Source::Status(field.name.clone()))?;
    }
    for (view, _) in plans().flat_map(|plan| &plan.views) {
        let of = |part: &str| format!("{view}__{part}");
        fields.add(&mut layout, &of("identity"), ValueType::Text, |_| Source::Identity(view.clone()))?;
        fields.add(&mut layout, &of("component"), ValueType::Text, |_| Source::Component(view.clone()))?;
        fields.add(&mut layout, &of("offset"), ValueType::Int64, |_| Source::ViewOffset(view.clone()))?;
    }
    Ok(layout)
}

/// The names that plans have brought, each with its type.
#[derive(Default)]
struct Names(BTreeMap<String, ValueType>);

impl Names {
    /// Adds a column that several plans may have.
    fn add(
        &mut self,
        layout: &mut Layout,
        name: &str,
        value_type: ValueType,
        source: impl FnOnce(String) -> Source,
    ) -> Result<(), Error> {
        match self.0.get(name) {
            Some(known) if *known == value_type => Ok(()),
            Some(known) => Err(wrong(format!(
                "{name} is {known} in some of the vectors and {value_type} in others: export them one by one, with --service or --since"
            ))),
            None => {
                self.0.insert(name.to_owned(), value_type);
                layout.add(name, value_type, source(name.to_owned()))
            }
        }
    }
}

impl Layout {
    fn add(&mut self, name: &str, value_type: ValueType, source: Source) -> Result<(), Error> {
        if self.columns.iter().any(|(known, ..)| known == name) {
            return Err(wrong(format!(
                "two columns of the export would be called {name}: rename the key or request field"
            )));
        }
        self.columns.push((name.to_owned(), value_type, source));
        Ok(())
    }

    fn schema(&self) -> SchemaRef {
        let field =
            |(name, value_type, _): &(String, ValueType, Source)| Arc::new(files::arrow_field(name, *value_type, true));
        Arc::new(Schema::new(self.columns.iter().map(field).collect::<Vec<FieldRef>>()))
    }

    fn empty(&self) -> Vec<Column> {
        self.columns.iter().map(|(_, value_type, _)| Column::new(*value_type)).collect()
    }

    /// Appends vectors to the columns.
    fn append(&self, rows: &mut [Column], vectors: &ServedVectors) -> Result<(), Error> {
        for (column, (_, value_type, source)) in rows.iter_mut().zip(&self.columns) {
            let of_vectors = source.column(*value_type, vectors)?;
            column.append(&of_vectors)?;
        }
        Ok(())
    }
}

impl Source {
    /// This column of some vectors; nulls where they have no such column.
    fn column(&self, value_type: ValueType, vectors: &ServedVectors) -> Result<Column, Error> {
        let plan = &vectors.plan;
        let nulls = || Column::of_nulls(value_type, vectors.len());
        let field = |fields: &[crate::log::ServedField], columns: &[Column], name: &str| {
            fields.iter().position(|field| field.name == *name).map(|at| columns[at].clone())
        };
        let whole = |values: Vec<i64>| Column::from_parts(Values::Int64s(values), None);
        let program = |view: &str, part: &dyn Fn(&ServedProgram) -> String| {
            let found = plan.views.iter().find(|(known, _)| known == view);
            found.map_or_else(|| Ok(nulls()), |(_, program)| repeated(&part(program), vectors.len()))
        };
        let of_requests = |value: &dyn Fn(&crate::log::ServedRequest) -> Value| {
            let mut column = Column::with_capacity(value_type, vectors.len());
            for request in &vectors.requests {
                let value = value(request);
                request.rows.clone().try_for_each(|_| column.push(&value))?;
            }
            Ok::<_, Error>(column)
        };
        Ok(match self {
            Self::Id => whole(vectors.ids.iter().map(|id| *id as i64).collect()),
            Self::AsOf => of_requests(&|request| Value::Time(request.as_of.micros()))?,
            Self::Offset => of_requests(&|request| Value::Int64(request.offset as i64))?,
            Self::Service => match &plan.service {
                Some(service) => repeated(service, vectors.len())?,
                None => nulls(),
            },
            Self::Replayed => of_requests(&|request| Value::Bool(request.replayed))?,
            Self::RequestId => of_requests(&|request| match &request.request_id {
                Some(id) => Value::Text(id.to_string()),
                None => Value::Null,
            })?,
            Self::Key(name) => field(&plan.keys, &vectors.keys, name).unwrap_or_else(nulls),
            Self::Request(name) => field(&plan.request, &vectors.request, name).unwrap_or_else(nulls),
            Self::Value(name) => field(&plan.features, &vectors.values, name).unwrap_or_else(nulls),
            Self::Status(name) => match plan.features.iter().position(|field| field.name == *name) {
                Some(at) => {
                    let mut column = Column::with_capacity(ValueType::Text, vectors.len());
                    for status in &vectors.statuses[at] {
                        column.push(&Value::Text(STATUSES[usize::from(*status)].to_owned()))?;
                    }
                    column
                }
                None => nulls(),
            },
            Self::Identity(view) => program(view, &|program| program.identity.digest())?,
            Self::Component(view) => program(view, &|program| program.digest.clone())?,
            Self::ViewOffset(view) => match plan.views.iter().position(|(known, _)| known == view) {
                Some(at) => whole(vectors.offsets[at].iter().map(|offset| *offset as i64).collect()),
                None => nulls(),
            },
        })
    }
}

/// A column of one text.
fn repeated(text: &str, rows: usize) -> Result<Column, Error> {
    let mut column = Column::with_capacity(ValueType::Text, rows);
    let value = Value::Text(text.to_owned());
    (0..rows).try_for_each(|_| column.push(&value))?;
    Ok(column)
}

fn wrong(message: String) -> Error {
    Error::Request { message }
}
