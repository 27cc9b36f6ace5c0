//! A plain journey as the lane plays it: the bytes of its request, made once, and the names its figures go under.

use crate::http1::decode::Asked;
use crate::http1::request;
use crate::wire::Address;
use harness_core::http::Method;
use harness_core::journey::Journey;
use harness_core::journey::plain::Plain;
use harness_core::journey::walk::Context;
use harness_core::journey::walk::trace::{TRACEPARENT, TraceSeed};

/// One journey, ready to be sent.
#[derive(Debug)]
pub(super) struct Script {
    pub(super) plain: Plain,
    /// `http://host:port`.
    pub(super) origin: String,
    /// The request as it goes over the wire.
    bytes: Vec<u8>,
    /// What of it decides how its answer is read.
    pub(super) asked: Asked,
    /// Where its `traceparent` stands and what it is drawn from, if it has one.
    trace: Option<(usize, TraceSeed)>,
}

impl Script {
    /// The script of a journey whose every walk is the same.
    pub(super) fn of(journey: &Journey, context: &Context) -> Option<Self> {
        let plain = Plain::of(journey, context)?;
        let mut request = plain.request().clone();
        let placeholder = [b'0'; TRACEPARENT];
        if context.traceparent {
            let value = String::from_utf8_lossy(&placeholder).into_owned();
            request.headers.push(("traceparent".to_owned(), value));
        }
        let address = Address::of(&request.url).ok()?;
        let written = request::write(Vec::new(), &request, address).ok()?;
        let asked = Asked {
            head: written.is_head,
            close: written.closes,
            headers: true,
        };
        let bytes = [&written.head, &written.body[..], written.tail].concat();
        let trace = if context.traceparent {
            let at = bytes.windows(TRACEPARENT).position(|w| w == placeholder)?;
            Some((at, TraceSeed::of(context, journey.name.as_str())))
        } else {
            None
        };
        Some(Self {
            origin: address.origin.to_owned(),
            bytes,
            asked,
            trace,
            plain,
        })
    }

    /// The bytes of an iteration's request.
    pub(super) fn bytes(&mut self, iteration: u64) -> &[u8] {
        if let Some((at, seed)) = self.trace {
            self.bytes[at..at + TRACEPARENT].copy_from_slice(&seed.trace(iteration).parent());
        }
        &self.bytes
    }

    pub(super) fn method(&self) -> Method {
        self.plain.request().method
    }
}
