//! The rows a journey is walked with: held in memory when few, read from their file block by block when many; and which
//! of them an iteration takes. Opens no file: who has one hands in its bytes, or a [`RowSource`].

mod feed;
mod index;
mod reader;
mod record;
mod split;

pub use feed::{AtEnd, Drawn, Feed, Feeder, Pick, Turn, UserTurn};
pub use index::{Block, Index, Indexer};
pub(crate) use reader::rows;
pub use reader::{Problem, ROW_LIMIT};

use crate::journey::Row;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Bytes up to which a data file is held whole: its rows are then part of the plan, and of every report.
pub const HELD_LIMIT: u64 = 1 << 20;

pub(crate) const NO_ROWS: &str = "the data file has no rows";

/// How a data file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A header, then a row a line (RFC 4180).
    Csv,
    /// A list of objects.
    JsonList,
    /// An object a line.
    JsonLines,
}

impl Format {
    /// The format of a file of this name, by its ending.
    pub fn of(name: &str) -> Option<Self> {
        match name.rsplit_once('.')?.1 {
            "csv" => Some(Self::Csv),
            "json" => Some(Self::JsonList),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            _ => None,
        }
    }
}

/// Why a row that is there could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("failed to read row {row} of `{file}`: {reason}")]
pub struct DataError {
    /// The data file.
    pub file: String,
    /// The row, from 1.
    pub row: u64,
    /// Why.
    pub reason: String,
}

/// Rows that are read when they are asked for, from any thread.
pub trait RowSource: Send + Sync + std::fmt::Debug {
    /// The row of this number, from 0; the error is the reason in a few words.
    fn row(&self, number: u64) -> Result<Arc<Row>, String>;
}

/// A data file whose rows stay in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Streamed {
    /// Path from the suite's root.
    pub file: String,
    /// How many rows it has.
    pub rows: u64,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 over it, hex: what stands for the rows in a plan.
    pub sha256: String,
    /// The columns that every row has.
    pub columns: Vec<String>,
    /// Where the rows are read; a plan that was read back has none.
    #[serde(skip)]
    source: Option<Arc<dyn RowSource>>,
}

impl Streamed {
    /// A file that was indexed.
    pub fn new(file: String, index: &Index, source: Arc<dyn RowSource>) -> Self {
        Self {
            file,
            rows: index.rows(),
            bytes: index.bytes(),
            sha256: index.sha256().to_owned(),
            columns: index.columns().to_vec(),
            source: Some(source),
        }
    }

    /// The same rows, read from there.
    #[must_use]
    pub fn read_from(&self, source: Arc<dyn RowSource>) -> Self {
        Self {
            source: Some(source),
            ..self.clone()
        }
    }
}

impl PartialEq for Streamed {
    fn eq(&self, other: &Self) -> bool {
        let key = |s: &Self| (s.file.clone(), s.rows, s.bytes, s.sha256.clone());
        key(self) == key(other) && self.columns == other.columns
    }
}

/// A journey's rows. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Rows {
    /// All of them.
    Held(Arc<[Arc<Row>]>),
    /// In a file.
    Streamed(Arc<Streamed>),
}

impl Default for Rows {
    fn default() -> Self {
        Self::Held(Arc::default())
    }
}

impl FromIterator<Row> for Rows {
    fn from_iter<I: IntoIterator<Item = Row>>(rows: I) -> Self {
        Self::Held(rows.into_iter().map(Arc::new).collect())
    }
}

impl Rows {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Self::Held(rows) => rows.len(),
            Self::Streamed(file) => usize::try_from(file.rows).unwrap_or(usize::MAX),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A row; `None` beyond the last. A streamed one may have to be read, and that can fail.
    pub fn get(&self, number: usize) -> Result<Option<Arc<Row>>, DataError> {
        let file = match self {
            Self::Held(rows) => return Ok(rows.get(number).cloned()),
            Self::Streamed(file) => file,
        };
        if number as u64 >= file.rows {
            return Ok(None);
        }
        let row = match &file.source {
            Some(source) => source.row(number as u64),
            None => Err("the file is not open here".to_owned()),
        };
        row.map(Some).map_err(|reason| DataError {
            file: file.file.clone(),
            row: number as u64 + 1,
            reason,
        })
    }

    /// Whether there are rows and all of them have the column.
    pub fn has_column(&self, column: &str) -> bool {
        match self {
            Self::Held(rows) => !rows.is_empty() && rows.iter().all(|row| row.contains_key(column)),
            Self::Streamed(file) => file.columns.iter().any(|known| known == column),
        }
    }

    /// The columns to be expected.
    pub fn columns(&self) -> Vec<&str> {
        match self {
            Self::Held(rows) => rows
                .first()
                .into_iter()
                .flat_map(|row| row.keys().map(String::as_str))
                .collect(),
            Self::Streamed(file) => file.columns.iter().map(String::as_str).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[derive(Debug)]
    struct Numbers;

    impl RowSource for Numbers {
        fn row(&self, number: u64) -> Result<Arc<Row>, String> {
            match number {
                7 => Err("the disk is gone".to_owned()),
                n => Ok(Arc::new(json!({ "n": n }).as_object().cloned().unwrap())),
            }
        }
    }

    fn numbers() -> Streamed {
        let mut indexer = Indexer::new(Format::Csv);
        indexer.feed("n\n0\n1\n2\n3\n4\n5\n6\n7\n".as_bytes());
        Streamed::new(
            "n.csv".into(),
            &indexer.finish().unwrap(),
            Arc::new(Numbers),
        )
    }

    #[test]
    fn a_streamed_file_is_its_hash_in_a_plan_and_gives_no_rows_back_from_there() {
        let rows = Rows::Streamed(Arc::new(numbers()));
        assert_eq!(rows.get(3).unwrap().unwrap()["n"], 3);
        assert_eq!(rows.get(8), Ok(None));
        let written = serde_json::to_value(&rows).unwrap();
        assert_eq!(
            (&written["rows"], &written["columns"]),
            (&json!(8), &json!(["n"]))
        );
        let back: Rows = serde_json::from_value(written).unwrap();
        assert_eq!((&back, back.len()), (&rows, 8));
        assert_eq!(
            back.get(0).unwrap_err().to_string(),
            "failed to read row 1 of `n.csv`: the file is not open here"
        );
        assert_eq!(
            rows.get(7).unwrap_err().to_string(),
            "failed to read row 8 of `n.csv`: the disk is gone"
        );
    }

    #[test]
    fn held_rows_are_a_list_in_a_plan() {
        let written = json!([{ "b": 1, "a": "x" }, { "b": 2.5 }]);
        let rows: Rows = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(&rows).unwrap(), written);
        assert!(rows.has_column("b") && !rows.has_column("a") && !Rows::default().has_column("a"));
        assert_eq!(rows.columns(), ["b", "a"]);
    }
}
