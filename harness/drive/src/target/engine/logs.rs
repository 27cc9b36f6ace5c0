//! What a container prints, as one stream of bytes that goes on where it stopped: after the container was started again, and
//! after a connection broke, nothing comes twice.

use super::container::ContainerId;
use super::{Engine, EngineError};
use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use std::sync::{Arc, Mutex, PoisonError};
use testcontainers::bollard::query_parameters::LogsOptionsBuilder;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

/// How far a container's output was read. Clones are the same place.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Place>>);

/// The second of the last piece that was read, and how many pieces of it and later were: the engine is told a second, and
/// tells all of it again, in the order it has them. That is not always the order of their times: of two streams each has its own.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    second: i32,
    within: usize,
    /// Of those, how many the stream that is read now has yet to show again.
    again: usize,
}

impl Seen {
    fn lock(&self) -> std::sync::MutexGuard<'_, Place> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// A stream is opened; the second from which the engine is to tell, 0 for all.
    fn open(&mut self) -> i32 {
        self.again = self.within;
        self.second
    }

    /// Takes a piece: what is new of it, nothing if it was seen.
    fn take(&mut self, piece: Bytes) -> Option<Bytes> {
        let end = piece.iter().take(40).position(|byte| *byte == b' ');
        let stamp = end.map(|end| String::from_utf8_lossy(&piece[..end]));
        let (Some(end), Some(Ok(Stamp(second)))) = (end, stamp.map(|stamp| stamp.parse())) else {
            return Some(piece);
        };
        if self.again > 0 {
            self.again -= usize::from(second >= self.second);
            return None;
        }
        if second > self.second {
            self.second = second;
            self.within = 0;
        }
        self.within += usize::from(second == self.second);
        Some(piece.slice(end + 1..))
    }
}

/// Seconds since 1970 of a time as the engine writes it: `2026-01-31T23:59:59.123456789Z`.
struct Stamp(i32);

impl std::str::FromStr for Stamp {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |from: usize, to: usize| {
            let digits = text.get(from..to).ok_or(())?;
            digits.parse::<i64>().map_err(drop)
        };
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        // Days from civil, Howard Hinnant, "chrono-compatible low-level date algorithms".
        let year = if month <= 2 { year - 1 } else { year };
        let era = year.div_euclid(400);
        let of_era = year.rem_euclid(400);
        let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
        let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
        let seconds = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
        i32::try_from(days * 86_400 + seconds)
            .map(Self)
            .map_err(drop)
    }
}

impl Engine {
    /// What a container prints from where `seen` is, until it does not run. Standard output and error come as they were
    /// printed. An error: the engine went.
    pub fn logs(&self, id: &ContainerId, seen: &Seen) -> impl AsyncRead + Send + Unpin + use<> {
        let since = seen.lock().open();
        let options = LogsOptionsBuilder::new()
            .follow(true)
            .stdout(true)
            .stderr(true)
            .timestamps(true)
            .since(since);
        let at = self.about.reach.host.clone();
        let doing = format!("read what {id} prints");
        let seen = seen.clone();
        let pieces = self.docker.logs(id.as_str(), Some(options.build()));
        let pieces = pieces
            .map_err(move |error| EngineError::told(&at, &doing, &error, super::WORK))
            .try_filter_map(move |piece| {
                let new = seen.lock().take(piece.into_bytes());
                futures::future::ready(Ok(new))
            });
        StreamReader::new(pieces.map_err(std::io::Error::other).boxed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(place: &mut Place, told: &[&str]) -> String {
        let pieces = told.iter().map(|text| format!("2026-01-31T00:00:{text}"));
        let new = pieces.filter_map(|piece| place.take(Bytes::from(piece)));
        new.map(|new| String::from_utf8(new.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn nothing_comes_twice_when_a_second_is_told_again() {
        let mut place = Place::default();
        assert_eq!(place.open(), 0);
        let told = [
            "00.000000001Z a\n",
            "00.000000002Z b\n",
            "00.000000002Z c\n",
        ];
        assert_eq!(read(&mut place, &told), "a\nb\nc\n");
        assert_eq!(place.open(), 1_769_817_600);
        let more = [&told[..], &["00.000000002Z d\n", "01.000000003Z e\n"]].concat();
        assert_eq!(read(&mut place, &more), "d\ne\n");
        assert_eq!(place.open(), 1_769_817_601);
        let last = ["01.000000003Z e\n", "01.000000004Z f\n"];
        assert_eq!(read(&mut place, &last), "f\n");
    }

    #[test]
    fn what_comes_late_comes() {
        let mut place = Place::default();
        place.open();
        // Two streams, each with its own times.
        let told = [
            "01.000000005Z a\n",
            "01.000000004Z b\n",
            "00.999999999Z c\n",
        ];
        assert_eq!(read(&mut place, &told), "a\nb\nc\n");
        place.open();
        let again = [&told[..2], &["01.000000003Z d\n"]].concat();
        assert_eq!(read(&mut place, &again), "d\n");
    }
}
