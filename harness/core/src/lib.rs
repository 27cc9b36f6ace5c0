//! The pure half of harness: suite, plan, journey interpreter, events, record, verdict, readiness.
//!
//! No clock, no I/O and no async runtime live here: what needs the time is handed it, what needs a file is
//! handed its text. The manifest has neither tokio nor reqwest, so the compiler keeps it that way.

pub mod capacity;
pub mod compare;
pub mod data;
pub mod date;
pub mod diagnostic;
pub mod event;
pub mod expr;
pub mod hist;
pub mod http;
pub mod journey;
pub mod name;
pub mod phases;
pub mod plan;
pub mod random;
pub mod readiness;
pub mod record;
pub mod replay;
pub mod secret;
pub mod stats;
pub mod suite;
pub mod template;
pub mod tls;
pub mod units;
pub mod verdict;
