//! The native load generator: plays journeys by the open or the closed model on a thread per core, each with its own
//! connections and histograms, and reports figures once a second. Response time counts from the intended start, and
//! the generator's own lateness is told apart from the target's.
//!
//! It knows no fault, no target and no report, prints nothing, and stops when told.

mod clock;
mod engine;
mod evidence;
mod exchange;
mod executor;
mod guest;
mod http1;
mod http2;
mod keep;
#[cfg(target_os = "linux")]
mod lane;
#[cfg(not(target_os = "linux"))]
#[path = "no_lane.rs"]
mod lane;
mod local;
mod meter;
mod mix;
mod names;
mod net;
mod orders;
mod pacer;
mod pool;
mod recorder;
mod reservoir;
mod schedule;
#[cfg(test)]
mod testing;
mod touched;
mod user;
mod walker;
mod wire;
mod worker;

pub use clock::Clock;
pub use engine::{Attack, Handle, LaunchError, Report, launch};
pub use guest::{Due, Guest, Sends, Visitor};
pub use keep::{BYTES, Kept, VALUES};
pub use mix::{Choice, Choices, Mix};
pub use net::{Route, Tls, TlsError, tls_words};
pub use orders::{Orders, Word};
pub use schedule::{Arrival, Arrivals, Schedule, Streams, Times};
pub use touched::Touched;
pub use wire::io_failure;
