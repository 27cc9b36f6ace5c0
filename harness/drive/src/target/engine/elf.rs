//! What an executable needs to run: the interpreter it names and the libraries it is linked to, read from its own headers.
//! Sixty-four bits, little-endian, which is what is built here. Pure but for the reading it is given.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// What an executable or a library says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Elf {
    /// The program that loads it; `None`: it needs none.
    pub(super) interpreter: Option<String>,
    /// The libraries it is linked to.
    pub(super) needed: Vec<String>,
    /// The name under which others are linked to it.
    pub(super) name: Option<String>,
}

const LOAD: u64 = 1;
const DYNAMIC: u64 = 2;
const INTERPRETER: u64 = 3;
const NEEDED: u64 = 1;
const STRINGS: u64 = 5;
const NAME: u64 = 14;
/// Bytes of a program header.
const HEADER: usize = 56;
/// More of anything than a true file has.
const MUCH: u64 = 1 << 20;

/// A part of the file.
#[derive(Debug, Clone, Copy)]
struct Segment {
    kind: u64,
    offset: u64,
    address: u64,
    length: u64,
}

/// Reads a file's headers. System V ABI, chapters 4 and 5.
pub(super) fn read(file: &File) -> io::Result<Elf> {
    let head = part(file, 0, 64)?;
    if head.get(..4) != Some(b"\x7fELF") || head.get(4..6) != Some(&[2, 1]) {
        return Err(bad("it is no 64-bit little-endian ELF file"));
    }
    let count = usize::try_from(number(&head, 56, 2)).unwrap_or(0);
    let table = part(file, number(&head, 32, 8), (count * HEADER) as u64)?;
    let segments: Vec<Segment> = table
        .chunks_exact(HEADER)
        .map(|header| Segment {
            kind: number(header, 0, 4),
            offset: number(header, 8, 8),
            address: number(header, 16, 8),
            length: number(header, 32, 8),
        })
        .collect();
    let of = |kind| segments.iter().find(move |segment| segment.kind == kind);
    let mut elf = Elf::default();
    if let Some(segment) = of(INTERPRETER) {
        elf.interpreter = Some(text(&part(file, segment.offset, segment.length)?, 0)?);
    }
    let Some(segment) = of(DYNAMIC) else {
        return Ok(elf);
    };
    let entries = part(file, segment.offset, segment.length)?;
    let entries: Vec<(u64, u64)> = entries
        .chunks_exact(16)
        .map(|entry| (number(entry, 0, 8), number(entry, 8, 8)))
        .take_while(|(tag, _)| *tag != 0)
        .collect();
    let Some((_, strings)) = entries.iter().find(|(tag, _)| *tag == STRINGS) else {
        return Ok(elf);
    };
    // The table is told by its address in memory; the part that is loaded there says where in the file it lies.
    let home = segments.iter().find(|segment| {
        segment.kind == LOAD
            && (segment.address..segment.address + segment.length).contains(strings)
    });
    let home = home.ok_or_else(|| bad("its table of strings lies nowhere"))?;
    let from = strings - home.address + home.offset;
    let length = (home.address + home.length - strings).min(MUCH);
    let strings = part(file, from, length)?;
    for (tag, at) in entries {
        match tag {
            NEEDED => elf.needed.push(text(&strings, at)?),
            NAME => elf.name = Some(text(&strings, at)?),
            _ => {}
        }
    }
    Ok(elf)
}

fn bad(reason: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason.to_owned())
}

fn part(file: &File, from: u64, length: u64) -> io::Result<Vec<u8>> {
    if length > MUCH {
        return Err(bad("a part of it is larger than any true file's"));
    }
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.read_exact_at(&mut bytes, from)?;
    Ok(bytes)
}

/// A little-endian number; what lies outside is 0.
fn number(bytes: &[u8], from: usize, width: usize) -> u64 {
    let bytes = bytes.get(from..from + width).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// The text that begins at an offset and ends with a zero.
fn text(bytes: &[u8], from: u64) -> io::Result<String> {
    let from = usize::try_from(from)
        .ok()
        .and_then(|from| bytes.get(from..));
    let text = from.and_then(|text| text.split(|byte| *byte == 0).next());
    let text = text.and_then(|text| std::str::from_utf8(text).ok());
    text.map(str::to_owned)
        .ok_or_else(|| bad("a name in it is none"))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_test_says_what_it_is_linked_to() {
        let elf = read(&File::open("/proc/self/exe").unwrap()).unwrap();
        if elf.interpreter.is_none() {
            assert_eq!(
                elf.needed,
                Vec::<String>::new(),
                "static, and linked to something"
            );
            return;
        }
        let libc = elf.needed.iter().find(|name| name.starts_with("libc."));
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let libc = libc.unwrap_or_else(|| panic!("not linked to libc: {elf:?}"));
        assert!(maps.contains(libc.as_str()), "{libc} is not mapped");
        assert!(std::path::Path::new(elf.interpreter.as_deref().unwrap()).exists());
    }

    #[test]
    fn what_is_no_executable_is_said_to_be_none() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(read(&file.reopen().unwrap()).is_err());
        std::fs::write(file.path(), [b'x'; 100]).unwrap();
        let error = read(&file.reopen().unwrap()).unwrap_err();
        assert!(error.to_string().contains("no 64-bit"), "{error}");
    }
}
