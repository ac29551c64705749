//! Python values in typed columns, and out of them again.

use onepath::batch::{Column, Value, Values};
use onepath::files::exact_float64;
use onepath::schema::ValueType;
use onepath::time::parse_time;
use pyo3::IntoPyObjectExt;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyList, PyString};

use crate::fault::Fault;

/// The functions of `onepath/_times.py`.
struct Times {
    to_micros: Py<PyAny>,
    to_datetime: Py<PyAny>,
}

fn times(py: Python<'_>) -> PyResult<&Times> {
    static TIMES: PyOnceLock<Times> = PyOnceLock::new();
    TIMES.get_or_try_init(py, || {
        let module = py.import("onepath._times")?;
        let of = |name| Ok::<_, PyErr>(module.getattr(name)?.unbind());
        Ok(Times { to_micros: of("to_micros")?, to_datetime: of("to_datetime")? })
    })
}

/// Microseconds of a time: a text, or a datetime, which has a zone unless `naive` takes it as UTC.
pub(crate) fn micros(value: &Bound<'_, PyAny>, naive: bool) -> PyResult<i64> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(parse_time(text.to_str()?).map_err(|error| Fault::request(error.to_string()))?);
    }
    times(value.py())?.to_micros.bind(value.py()).call1((value, naive))?.extract()
}

/// Values of an input as a column of its type.
pub(crate) fn column<'py>(
    (name, value_type): (&str, ValueType),
    values: impl Iterator<Item = PyResult<Bound<'py, PyAny>>>,
    naive: bool,
) -> PyResult<Column> {
    let mut column = Column::with_capacity(value_type, values.size_hint().0);
    for (row, value) in values.enumerate() {
        let value = value?;
        let value = one(&value, value_type, naive).map_err(|error| of_row(&value, name, row, value_type, error))?;
        column.push(&value).map_err(|error| Fault::request(format!("{name}, row {}: {error}", row + 1)))?;
    }
    Ok(column)
}

fn of_row(value: &Bound<'_, PyAny>, name: &str, row: usize, value_type: ValueType, error: PyErr) -> PyErr {
    let kind = value.get_type().to_string();
    let shown = value.repr().map_or_else(|_| kind.clone(), |text| text.to_string());
    let text = format!("{name}, row {}: {shown} is not {value_type}: {}", row + 1, error.value(value.py()));
    Fault::request(text).into()
}

fn one(value: &Bound<'_, PyAny>, value_type: ValueType, naive: bool) -> PyResult<Value> {
    if value.is_none() {
        return Ok(Value::Null);
    }
    // A bool is an int in Python.
    let is_bool = value.is_instance_of::<PyBool>();
    Ok(match value_type {
        ValueType::Bool => Value::Bool(value.extract()?),
        ValueType::Int64 | ValueType::Float64 | ValueType::Float64List if is_bool => {
            return Err(Fault::request("a bool is no number").into());
        }
        ValueType::Int64 => Value::Int64(value.extract()?),
        ValueType::Float64 => Value::Float64(float(value)?),
        ValueType::Text => Value::Text(value.extract()?),
        ValueType::Time => Value::Time(micros(value, naive)?),
        ValueType::Float64List => {
            let items = value.try_iter()?.map(|item| float(&item?));
            Value::Float64List(items.collect::<PyResult<_>>()?)
        }
    })
}

fn float(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if value.is_instance_of::<PyFloat>() {
        return value.extract();
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(exact_float64(value.extract()?).map_err(|fault| Fault::request(fault.to_string()))?);
    }
    value.extract()
}

/// A value as Python has it.
pub(crate) fn object<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    match value {
        Value::Null => Ok(py.None().into_bound(py)),
        Value::Bool(value) => value.into_bound_py_any(py),
        Value::Int64(value) => value.into_bound_py_any(py),
        Value::Float64(value) => value.into_bound_py_any(py),
        Value::Text(value) => value.into_bound_py_any(py),
        Value::Time(value) => datetime(py, *value),
        Value::Float64List(values) => values.into_bound_py_any(py),
    }
}

/// A moment as Python has it, in UTC.
pub(crate) fn datetime(py: Python<'_>, micros: i64) -> PyResult<Bound<'_, PyAny>> {
    times(py)?.to_datetime.bind(py).call1((micros,))
}

/// A column as a list.
pub(crate) fn list<'py>(py: Python<'py>, column: &Column) -> PyResult<Bound<'py, PyList>> {
    if let (Values::Int64s(values), None) = (column.values(), column.nulls()) {
        return PyList::new(py, values);
    }
    if let (Values::Float64s(values), None) = (column.values(), column.nulls()) {
        return PyList::new(py, values);
    }
    let values = (0..column.len()).map(|row| object(py, &column.value(row)));
    PyList::new(py, values.collect::<PyResult<Vec<_>>>()?)
}
