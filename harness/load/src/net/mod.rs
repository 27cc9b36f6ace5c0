//! What requests travel over: names, addresses, TLS, streams. Knows neither requests nor responses.

pub(crate) mod dial;
pub(crate) mod lookup;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
pub(crate) mod tls;
pub(crate) mod turns;

pub use dial::Route;
pub use tls::{Tls, TlsError, tls_words};
