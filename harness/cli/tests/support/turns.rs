//! Who may load the machine when: locks on files beside the tests, so that tests of one binary and of several at once do
//! not measure each other. It must not know what is run.

use super::HARNESS;
use serde_json::Value;
use std::cell::Cell;
use std::fs::{File, TryLockError};
use std::marker::PhantomData;
use std::path::Path;
use std::time::{Duration, Instant};

thread_local! {
    /// Whether this thread holds a turn. Who waits for a second one while somebody waits for all of them waits for ever.
    static HOLDS: Cell<bool> = const { Cell::new(false) };
}

/// Leave to load the machine, or a part of it, until it is dropped, by the thread that asked for it.
#[derive(Debug)]
pub(crate) struct Turn {
    _held: Vec<File>,
    /// A turn stays on its thread.
    _here: PhantomData<*const ()>,
}

impl Turn {
    fn holding(held: Vec<File>) -> Self {
        Self {
            _held: held,
            _here: PhantomData,
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        HOLDS.set(false);
    }
}

/// Asserts that this thread holds no turn yet, whether or not it would have to wait today.
#[track_caller]
fn only_one() {
    assert!(!HOLDS.replace(true), "a turn is asked for within a turn");
}

/// Parts the machine has: a light load for each core, and two at least, because they wait more than they compute.
fn parts() -> usize {
    std::thread::available_parallelism().map_or(2, |cores| cores.get().clamp(2, 4))
}

fn lock(part: usize) -> File {
    let path = Path::new(HARNESS).with_file_name(format!("load-{part}.lock"));
    let mut options = File::options();
    options.create(true).append(true).open(path).unwrap()
}

/// The machine for oneself: who judges figures holds it while it loads the system.
#[must_use]
#[track_caller]
pub(crate) fn turn() -> Turn {
    only_one();
    // One after another and always in this order: who holds one part never waits for a second, except here.
    let held = (0..parts()).map(|part| {
        let file = lock(part);
        file.lock().unwrap();
        file
    });
    Turn::holding(held.collect())
}

/// A part of the machine, beside other light loads: who judges what was done, and times only where they differ by far.
#[must_use]
#[expect(
    clippy::disallowed_methods,
    reason = "a test has no executor to block and no run's clock"
)]
#[track_caller]
pub(crate) fn part() -> Turn {
    only_one();
    let files: Vec<File> = (0..parts()).map(lock).collect();
    loop {
        for file in &files {
            match file.try_lock() {
                Ok(()) => return Turn::holding(vec![file.try_clone().unwrap()]),
                Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => panic!("failed to lock: {error}"),
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// When one wake-up in a hundred comes later than this, others had the cores.
const LAG_US: u64 = 4_000;

/// How much others want the machine, from when this is made.
pub(crate) struct Pressure {
    begun: Instant,
    cores: Option<Duration>,
    disks: Option<Duration>,
}

impl Pressure {
    pub(crate) fn now() -> Self {
        Self {
            begun: Instant::now(),
            cores: waited("cpu"),
            disks: waited("io"),
        }
    }

    /// Whether a run under this pressure says nothing: its instrument did not keep the schedule, or its answer is not as it
    /// should be and others wanted the machine.
    pub(crate) fn spoiled(
        &self,
        summary: &Value,
        as_it_should: impl FnOnce(&Value) -> bool,
    ) -> bool {
        let generators = summary["verdict"]["generator"].as_array().unwrap();
        let trust = |word: &str| generators.iter().any(|one| one["trust"] == word);
        // A task that only has to wake up, and a target that has to answer, wait for the same cores.
        let lag = |one: &Value| one["figures"]["lag_p99_us"].as_u64();
        let lagged = || generators.iter().filter_map(lag).any(|lag| lag > LAG_US);
        let wanted = || trust("degraded") || lagged() || self.was_high();
        trust("invalid") || (!as_it_should(summary) && wanted())
    }

    /// Whether something had to wait for a core half of the time since, or for a disk a third of it. What a test does itself
    /// is far from that; where the kernel does not tell, nothing waited.
    #[expect(clippy::disallowed_methods, reason = "a test has no run's clock")]
    fn was_high(&self) -> bool {
        let took = self.begun.elapsed();
        let most = |what: &str, then: Option<Duration>, share: u32| {
            let since = waited(what).zip(then).map(|(now, then)| now - then);
            since.is_some_and(|since| since > took / share)
        };
        most("cpu", self.cores, 2) || most("io", self.disks, 3)
    }
}

/// For how long, since the machine began, something waited for cores (`cpu`) or disks (`io`).
fn waited(what: &str) -> Option<Duration> {
    let text = std::fs::read_to_string(format!("/proc/pressure/{what}")).ok()?;
    let some = text.lines().find_map(|line| line.strip_prefix("some "))?;
    let total = some.rsplit("total=").next()?;
    total.trim().parse().ok().map(Duration::from_micros)
}
