//! Rows of data files that are too large to be held: one pass finds where they stand and what is broken, then each is
//! read when it is asked for. What a row is, is decided in `core`.

use harness_core::data::{Block, Format, Index, Indexer, Problem, RowSource, Streamed};
use harness_core::journey::Row;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once while the file is indexed.
const CHUNK: usize = 256 * 1024;
/// Blocks a thread keeps: rows in turn come from one or two, and each journey of a mix has its own.
const KEPT: usize = 8;

/// Why a file has no rows to give.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// It can't be read.
    Io(io::Error),
    /// Its rows are broken.
    Broken(Vec<Problem>),
}

/// Opens and indexes a data file. Reads all of it, and holds only the index.
pub(crate) fn open(path: &Path, name: &str, format: Format) -> Result<Streamed, Unusable> {
    let file = File::open(path).map_err(Unusable::Io)?;
    let before = Stamp::of(&file).map_err(Unusable::Io)?;
    let index = index(&file, format)?;
    let stamp = Stamp::of(&file).map_err(Unusable::Io)?;
    if stamp != before || stamp.bytes != index.bytes() {
        return Err(Unusable::Io(io::Error::other(CHANGED)));
    }
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let rows = FileRows {
        id: NEXT.fetch_add(1, Ordering::Relaxed),
        file,
        stamp,
        index,
    };
    let rows = Arc::new(rows);
    Ok(Streamed::new(name.to_owned(), &rows.index, rows.clone()))
}

fn index(mut file: &File, format: Format) -> Result<Index, Unusable> {
    let mut indexer = Indexer::new(format);
    let mut chunk = vec![0; CHUNK];
    loop {
        // Whole chunks: the indexer wants to see a byte order mark in one piece.
        let mut filled = 0;
        while let Some(free) = chunk.get_mut(filled..).filter(|free| !free.is_empty()) {
            match file.read(free) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Unusable::Io(error)),
            }
        }
        if filled == 0 {
            return indexer.finish().map_err(Unusable::Broken);
        }
        indexer.feed(chunk.get(..filled).unwrap_or_default());
    }
}

const CHANGED: &str = "the file was changed while it was in use";

/// What a change of a file's bytes changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    bytes: u64,
    modified: (i64, i64),
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let data = file.metadata()?;
        Ok(Self {
            bytes: data.len(),
            modified: (data.mtime(), data.mtime_nsec()),
        })
    }
}

#[derive(Debug)]
struct FileRows {
    /// Tells its blocks from those of other files in a thread's cache.
    id: u64,
    file: File,
    /// As it was when it was indexed.
    stamp: Stamp,
    index: Index,
}

struct Cached {
    source: u64,
    block: usize,
    rows: Vec<Arc<Row>>,
}

thread_local! {
    /// Blocks read last, the newest at the end.
    static CACHE: RefCell<Vec<Cached>> = const { RefCell::new(Vec::new()) };
}

impl RowSource for FileRows {
    fn row(&self, number: u64) -> Result<Arc<Row>, String> {
        let block = self.index.block(number).ok_or("there is no such row")?;
        let within = usize::try_from(number - block.first).unwrap_or(usize::MAX);
        CACHE.with_borrow_mut(|cache| {
            let kept = cache
                .iter()
                .rposition(|kept| kept.source == self.id && kept.block == block.number);
            let cached = match kept {
                Some(at) => cache.remove(at),
                None => Cached {
                    source: self.id,
                    block: block.number,
                    rows: self.read(&block)?,
                },
            };
            let row = cached.rows.get(within).cloned();
            if cache.len() >= KEPT {
                cache.remove(0);
            }
            cache.push(cached);
            row.ok_or_else(|| CHANGED.to_owned())
        })
    }
}

impl FileRows {
    fn read(&self, block: &Block) -> Result<Vec<Arc<Row>>, String> {
        let length = usize::try_from(block.bytes.end - block.bytes.start).unwrap_or(usize::MAX);
        let mut bytes = vec![0; length];
        let read = self.file.read_exact_at(&mut bytes, block.bytes.start);
        // Looked at after the read: what changed before it shows.
        match (Stamp::of(&self.file), read) {
            (Ok(stamp), _) if stamp != self.stamp => return Err(CHANGED.to_owned()),
            (_, Err(error)) | (Err(error), _) => return Err(error.to_string()),
            (Ok(_), Ok(())) => {}
        }
        let rows = self.index.read(block, &bytes);
        let rows = rows.map_err(|reason| format!("{CHANGED}: {reason}"))?;
        Ok(rows.into_iter().map(Arc::new).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write as _;
    use std::io::Write as _;

    fn csv(rows: usize) -> String {
        (0..rows).fold("id,name\n".to_owned(), |mut text, n| {
            writeln!(text, "{n},\"user, {n}\"").unwrap();
            text
        })
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn rows(file: &tempfile::NamedTempFile) -> harness_core::data::Rows {
        let found = open(file.path(), "d.csv", Format::Csv).unwrap();
        harness_core::data::Rows::Streamed(Arc::new(found))
    }

    #[test]
    fn any_row_is_read_from_any_thread() {
        let file = file(&csv(50_000));
        let rows = rows(&file);
        assert_eq!(rows.len(), 50_000);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let rows = rows.clone();
                scope.spawn(move || {
                    // In turn, and back and forth.
                    for n in (worker..50_000).step_by(997).chain([49_999, 0, 25_000]) {
                        let row = rows.get(n).unwrap().unwrap();
                        assert_eq!(
                            (&row["id"], &row["name"]),
                            (&n.into(), &format!("user, {n}").into())
                        );
                    }
                });
            }
        });
        assert_eq!(rows.get(50_000), Ok(None));
    }

    #[test]
    fn a_file_that_changes_is_a_named_error() {
        let text = csv(20_000);
        for change in ["cut", "grown", "same length"] {
            let file = file(&text);
            let rows = rows(&file);
            assert!(rows.get(0).is_ok());
            match change {
                "cut" => file.as_file().set_len(100).unwrap(),
                "grown" => file.as_file().write_all(b"1,2\n").unwrap(),
                _ => {
                    file.as_file().write_all_at(b"x", 9).unwrap();
                    // The clock of files ticks in milliseconds.
                    let was = file.as_file().metadata().unwrap().modified().unwrap();
                    let later = was + std::time::Duration::from_secs(1);
                    file.as_file().set_modified(later).unwrap();
                }
            }
            let error = rows.get(19_000).unwrap_err().to_string();
            assert_eq!(
                error,
                "failed to read row 19001 of `d.csv`: the file was changed while it was in use",
                "{change}"
            );
        }
    }

    #[test]
    fn a_replaced_file_goes_on_as_it_was() {
        let file = file(&csv(20_000));
        let rows = rows(&file);
        std::fs::remove_file(file.path()).unwrap();
        std::fs::write(file.path(), "other").unwrap();
        assert_eq!(rows.get(19_000).unwrap().unwrap()["id"], 19_000);
    }

    #[test]
    fn broken_rows_are_found_when_it_is_opened() {
        let file = file(&format!("{}1,2,3\n", csv(30_000)));
        match open(file.path(), "d.csv", Format::Csv) {
            Err(Unusable::Broken(problems)) => assert_eq!(problems[0].line, 30_002),
            other => panic!("{other:?}"),
        }
    }
}
