//! HTTP/1.1 as the proxy knows it: where messages begin and end, what may be counted of them, and what toxics do to them.
//! A link whose bytes nobody asks about never comes here.
//!
//! - [`body`] and [`head`] tell messages apart, whatever pieces they come in.
//! - [`watch`] counts, beside the client's socket ([`tap`]): it sees what the client sees, toxics and all.
//! - [`desk`] stands in the service's place ([`counter`]), behind every other toxic: it passes requests on or answers them
//!   itself ([`rule`]), and changes answers ([`edit`]).

mod body;
mod counter;
mod counts;
mod desk;
mod edit;
mod head;
mod rule;
#[cfg(test)]
mod samples;
mod tap;
mod watch;

pub(crate) use counter::{Counter, CounterReader, CounterWriter};
pub(crate) use counts::HttpCounters;
pub use counts::HttpStats;
pub(crate) use tap::{TapReader, TapWriter};
pub(crate) use watch::Watcher;
