//! A CSV file without quoting, as text: all that the example's files need.
use std::path::Path;

/// Names of columns, and rows of cells.
pub struct Table {
    name: String,
    columns: Vec<String>,
    pub rows: Vec<Vec<String>>,
}

impl Table {
    pub fn read(path: &Path) -> Result<Self, String> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
        let mut rows = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
        let columns = rows.next().ok_or_else(|| format!("{name} is empty"))?;
        let rows: Vec<_> = rows.collect();
        if let Some(row) = rows.iter().position(|row| row.len() != columns.len()) {
            return Err(format!("{name}, line {}: expected {} cells", row + 2, columns.len()));
        }
        Ok(Self { name, columns, rows })
    }

    /// The position of a column.
    pub fn column(&self, column: &str) -> Result<usize, String> {
        let position = self.columns.iter().position(|name| name == column);
        position.ok_or_else(|| format!("{} has no column `{column}`", self.name))
    }

    /// A cell as a number; `None` where it is empty, which is how a null is written.
    pub fn number(&self, row: usize, column: usize) -> Result<Option<f64>, String> {
        let cell = self.rows[row][column].as_str();
        if cell.is_empty() {
            return Ok(None);
        }
        let number = cell.parse().map_err(|_| format!("{}, line {}: `{cell}` is not a number", self.name, row + 2))?;
        Ok(Some(number))
    }
}
