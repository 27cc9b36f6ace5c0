//! Which of the generator's connections a fault has touched, by their local port: set by who breaks the link that the load comes
//! in by, read by who finishes a sample. Knows neither.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A bit for each port of this machine.
#[derive(Debug)]
pub struct Touched {
    /// Whether any connection ever was: until then nobody asks the system for a port.
    any: AtomicBool,
    ports: Box<[AtomicU64]>,
}

impl Default for Touched {
    fn default() -> Self {
        Self {
            any: AtomicBool::new(false),
            ports: (0..=u16::MAX / 64).map(|_| AtomicU64::new(0)).collect(),
        }
    }
}

impl Touched {
    /// Notes that the connection from a port is touched, or is so no longer.
    pub fn set(&self, port: u16, touched: bool) {
        let Some(word) = self.ports.get(usize::from(port / 64)) else {
            return;
        };
        let bit = 1 << (port % 64);
        if touched {
            word.fetch_or(bit, Relaxed);
            self.any.store(true, Relaxed);
        } else if self.any() {
            word.fetch_and(!bit, Relaxed);
        }
    }

    /// Whether any connection was ever touched.
    pub(crate) fn any(&self) -> bool {
        self.any.load(Relaxed)
    }

    /// Whether the connection from this port is; `port` is asked only if any ever was.
    pub(crate) fn is(&self, port: impl FnOnce() -> Option<u16>) -> bool {
        self.any()
            && port().is_some_and(|port| {
                let word = self.ports.get(usize::from(port / 64));
                word.is_some_and(|word| word.load(Relaxed) & (1 << (port % 64)) != 0)
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_port_has_its_bit_and_none_is_asked_for_before_there_is_one() {
        let touched = Touched::default();
        assert!(!touched.is(|| unreachable!("nobody was touched")));
        touched.set(7, false);
        for port in [0, 63, 64, 40_000, u16::MAX] {
            touched.set(port, true);
        }
        let set: Vec<u16> = (0..=u16::MAX)
            .filter(|port| touched.is(|| Some(*port)))
            .collect();
        assert_eq!(set, [0, 63, 64, 40_000, u16::MAX]);
        touched.set(64, false);
        assert!(!touched.is(|| Some(64)) && touched.is(|| Some(63)) && !touched.is(|| None));
    }
}
