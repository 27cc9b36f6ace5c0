//! HTTP/1.1 as the load path speaks it: requests written into bytes, responses decoded off them, and one exchange on a
//! connection. Knows no journey, no pool and no clock; what a journey asks for comes in as [`Wants`].

pub(crate) mod connection;
pub(crate) mod content;
pub(crate) mod decode;
#[cfg(test)]
mod oracle;
pub(crate) mod request;
#[cfg(test)]
mod tests;
