//! Calibrations on disk: a small committed file for each scenario, workload and machine, under `reports/baselines/calibration`.
//! The same calibration makes the same bytes, a figure a line, so that a difference between two can be read.

use super::{StoreError, io_error, read_small, write_scanned};
use harness_core::verdict::regression::Calibration;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder in that of the baselines.
const FOLDER: &str = "calibration";
/// A file larger than this is no calibration: one of 200 names has a tenth of it.
const LARGEST: u64 = 4 << 20;

/// The folder of calibrations.
#[derive(Debug, Clone)]
pub struct CalibrationStore {
    folder: PathBuf,
}

/// What lies in it.
#[derive(Debug, Default)]
pub struct Calibrations {
    /// Those that can be read, by file name.
    pub read: Vec<Calibration>,
    /// What is wrong with the others, each with its path.
    pub broken: Vec<String>,
}

impl CalibrationStore {
    /// The store in a folder of baselines, `reports/baselines` by convention. Touches nothing yet.
    pub fn open(baselines: &Path) -> Self {
        Self {
            folder: baselines.join(FOLDER),
        }
    }

    /// All of them; an absent folder has none.
    pub fn all(&self) -> Result<Calibrations, StoreError> {
        let entries = match fs::read_dir(&self.folder) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Calibrations::default()),
            entries => entries.map_err(io_error("list", &self.folder))?,
        };
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
        let json = |path: &PathBuf| path.extension().is_some_and(|ending| ending == "json");
        let mut paths: Vec<PathBuf> = paths.filter(json).collect();
        paths.sort();
        let mut all = Calibrations::default();
        for path in paths {
            match read(&path) {
                Ok(calibration) => all.read.push(calibration),
                Err(why) => all.broken.push(format!("{}: {why}", path.display())),
            }
        }
        Ok(all)
    }

    /// The one that [`write`](Self::write) would replace, if it can be read.
    pub fn before(&self, calibration: &Calibration) -> Option<Calibration> {
        read(&self.folder.join(calibration.file_name())).ok()
    }

    /// Writes one, whole or not at all, in place of the one that was made under the same conditions before.
    pub fn write(&self, calibration: &Calibration) -> Result<PathBuf, StoreError> {
        fs::create_dir_all(&self.folder).map_err(io_error("create", &self.folder))?;
        let path = self.folder.join(calibration.file_name());
        // It holds names of the suite, facts of the machine and numbers; there is no place for a secret.
        write_scanned(&path, &text(calibration), &[])?;
        Ok(path)
    }
}

fn read(path: &Path) -> Result<Calibration, String> {
    let text = read_small(path, LARGEST).map_err(|e| e.to_string())?;
    serde_json::from_slice(&text).map_err(|e| e.to_string())
}

/// A calibration as its file holds it.
fn text(calibration: &Calibration) -> String {
    // Its types hold nothing that JSON can't.
    let value = serde_json::to_value(calibration).unwrap_or(Value::Null);
    let mut out = String::new();
    lay_out(&value, 0, &mut out);
    out.push('\n');
    out
}

/// JSON with its outer members on lines of their own, and what lies deeper on one each.
fn lay_out(value: &Value, depth: usize, out: &mut String) {
    const DEPTH: usize = 3;
    let indent = "  ".repeat(depth + 1);
    let end = "  ".repeat(depth);
    match value {
        Value::Object(members) if depth < DEPTH && !members.is_empty() => {
            out.push_str("{\n");
            for (nth, (key, value)) in members.iter().enumerate() {
                let comma = if nth == 0 { "" } else { ",\n" };
                // Writing to memory can't fail.
                let _ = write!(out, "{comma}{indent}{}: ", Value::from(key.as_str()));
                lay_out(value, depth + 1, out);
            }
            let _ = write!(out, "\n{end}}}");
        }
        Value::Array(items) if depth < DEPTH && items.iter().any(Value::is_object) => {
            out.push_str("[\n");
            for (nth, item) in items.iter().enumerate() {
                let comma = if nth == 0 { "" } else { ",\n" };
                let _ = write!(out, "{comma}{indent}{item}");
            }
            let _ = write!(out, "\n{end}]");
        }
        leaf => {
            let _ = write!(out, "{leaf}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn outer_members_have_lines_and_inner_ones_share_one() {
        let value =
            json!({"a": 1, "names": {"x": [{"in": [1, 2]}, {"q": 0.9}], "y": []}, "z": [1, 2]});
        let mut out = String::new();
        lay_out(&value, 0, &mut out);
        assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value);
        let lines: Vec<&str> = out.lines().map(str::trim).collect();
        assert!(lines.contains(&r#"{"in":[1,2]},"#), "{out}");
        assert!(lines.contains(&r#""z": [1,2]"#), "{out}");
    }

    #[test]
    fn what_can_not_be_read_is_told_by_its_path() {
        let dir = tempfile::tempdir().unwrap();
        let store = CalibrationStore::open(dir.path());
        assert!(store.all().unwrap().read.is_empty());
        fs::create_dir_all(&store.folder).unwrap();
        fs::write(store.folder.join("a.json"), "{").unwrap();
        fs::write(store.folder.join("b.json"), r#"{"format": 7}"#).unwrap();
        fs::write(store.folder.join("notes.txt"), "mine").unwrap();
        let large = fs::File::create(store.folder.join("c.json")).unwrap();
        large.set_len(LARGEST + 1).unwrap();
        std::os::unix::fs::symlink("/dev/null", store.folder.join("d.json")).unwrap();
        let all = store.all().unwrap();
        assert!(all.read.is_empty());
        let [a, b, c, d] = all.broken.as_slice() else {
            panic!("{:?}", all.broken)
        };
        assert!(a.contains("a.json: EOF"), "{a}");
        assert!(
            b.contains("b.json") && b.contains("a newer harness wrote it"),
            "{b}"
        );
        assert!(c.contains("c.json: it has 4194305 bytes"), "{c}");
        assert!(
            d.contains("d.json: ") && d.contains("no regular file"),
            "{d}"
        );
    }
}
