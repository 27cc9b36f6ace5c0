//! Files that the command line names, read up to a bound: a device without an end is told by its name and does not fill the
//! memory. Pipes are fine, as in `--config <(…)`; files of a suite are `sources`' to read.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Result};
use std::path::Path;

/// All of a file that has at most so many bytes.
pub(crate) fn read(path: &Path, largest: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = largest.saturating_add(1);
    let read = File::open(path)?.take(most).read_to_end(&mut bytes)?;
    match read as u64 > largest {
        true => Err(Error::new(
            ErrorKind::InvalidData,
            format!("it has more than {largest} bytes, and no more are read"),
        )),
        false => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound_and_no_further() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "12345").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"12345");
        for (path, largest) in [(path.as_path(), 4), (Path::new("/dev/zero"), 1_000)] {
            let error = read(path, largest).unwrap_err().to_string();
            assert!(
                error.contains(&format!("more than {largest} bytes")),
                "{error}"
            );
        }
        assert!(read(dir.path(), 5).is_err());
    }
}
