//! HTTP/1.1 as the proxy knows it: where messages begin and end, and what may be counted of them. A link whose bytes
//! nobody asks about never comes here.

mod body;
mod counts;
mod head;
mod tap;
mod watch;

pub(crate) use counts::HttpCounters;
pub use counts::HttpStats;
pub(crate) use tap::{TapReader, TapWriter};
pub(crate) use watch::Watcher;
