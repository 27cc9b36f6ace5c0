//! The native load generator: plays an open-model schedule of journeys on a thread per core, each with its own
//! connections and histograms, and reports figures once a second. Response time counts from the intended start, and
//! the generator's own lateness is told apart from the target's.
//!
//! It knows no fault, no target and no report, prints nothing, and stops when told.

mod clock;
mod engine;
mod evidence;
mod exchange;
mod keep;
mod meter;
mod mix;
mod names;
mod pacer;
mod pool;
mod recorder;
mod schedule;
#[cfg(test)]
mod testing;
mod walker;
mod wire;
mod worker;

pub use clock::Clock;
pub use engine::{Attack, Handle, LaunchError, Report, launch};
pub use keep::{BYTES, Kept, VALUES};
pub use mix::{Choice, Choices, Mix};
pub use schedule::{Arrival, Arrivals, Schedule};
pub use wire::io_failure;
