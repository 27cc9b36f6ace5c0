//! The fault proxy's engine: a TCP proxy whose links can be slowed, cut, sliced and reset while they run, with the
//! vocabulary and the semantics of Toxiproxy, and with some it has not.
//!
//! It is embedded: it runs on the caller's Tokio runtime, never prints, and knows neither plans nor events.
//!
//! - [`Proxy`] owns a listener and its links; everything on it is synchronous and never waits for a link.
//! - A link is one accepted connection and its own connection upstream, run by one task ([`link`]).
//! - A direction of a link is a [`pump`]: with no toxic at work it copies bytes from socket to socket; otherwise chunks
//!   pass a [`chain`] of stages ([`toxics`]), plain state machines that are told the time. A chain can therefore be
//!   changed at any moment without waiting for a socket, loses nothing in the change, and is tested without one.
//! - [`http`] reads the bytes of links whose requests somebody asks about; other links never come there.
//! - [`Api`] keeps proxies by name and answers Toxiproxy's HTTP API.

mod alarm;
mod api;
mod armed;
mod chain;
mod connections;
mod dice;
mod http;
mod lease;
mod link;
mod listener;
mod name;
mod proxy;
mod pump;
mod queue;
mod shared;
mod stats;
mod toxic;
mod toxics;
mod upstream;

pub use api::{Api, ApiConfig};
pub use connections::{Connection, Observer, Rolled};
pub use http::HttpStats;
pub use lease::{Lapsed, Lease};
pub use listener::BindError;
pub use name::{NameError, ProxyName, ToxicName};
pub use proxy::{Proxy, ProxyConfig};
pub use shared::{Cut, ProxyError};
pub use stats::{Effect, LinkStats, ToxicHits, Traffic};
pub use toxic::{
    FailHow, HttpAction, HttpAnswer, HttpRequests, HttpToxic, Network, NetworkError, Ramp, Stream,
    Toxic, ToxicError, ToxicKind,
};
pub use upstream::{Upstream, UpstreamError};
