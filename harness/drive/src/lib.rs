//! Runs a plan: brings the target up, walks journeys, checks contracts, plays load and faults, and says everything as
//! events. Knows no reporter and no file format. `target`, `journey`, `contract`, `load`, `chaos` and `audit` don't import
//! each other; what one needs of another is a trait in [`ports`], and only [`executor`] sees them all.

pub mod audit;
pub mod chaos;
pub mod contract;
pub mod dispatcher;
pub mod doctor;
pub mod executor;
pub mod health;
pub mod http_client;
pub mod journey;
pub mod load;
pub mod ports;
mod ports_in_use;
pub mod probe;
pub mod procfs;
pub mod prometheus;
pub mod redact;
mod renamed;
mod spans;
pub mod target;

pub use harness_load::{Clock, Route, Tls, TlsError};
