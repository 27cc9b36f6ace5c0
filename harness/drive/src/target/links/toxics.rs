//! Faults as toxics: what a suite says, in the proxy's vocabulary. Pure.

use harness_core::plan::fault::{self, FaultKind, HttpFault, Reach, Strike};
use harness_proxy::{
    FailHow, HttpAction, HttpAnswer, HttpRequests, HttpToxic, Network, Stream, Toxic, ToxicKind,
};
use std::time::Duration;

/// A fault on requests in the proxy's vocabulary.
fn requests(http: &HttpFault) -> HttpToxic {
    let answer = |answer: &fault::HttpAnswer| HttpAnswer {
        status: answer.status,
        body: answer.body.as_str().into(),
        retry_after: answer.retry_after.map(|after| after.as_secs()),
    };
    let headers = http.headers.iter();
    HttpToxic {
        requests: HttpRequests {
            method: http.method.clone(),
            path: http.path.clone(),
            headers: headers
                .map(|(name, value)| (name.clone(), Some(value.clone())))
                .collect(),
        },
        action: match &http.action {
            fault::HttpAction::Delay { delay } => HttpAction::Delay {
                delay: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            },
            fault::HttpAction::Status(own) => HttpAction::Status(answer(own)),
            fault::HttpAction::Replace { body } => HttpAction::Replace {
                body: body.as_str().into(),
            },
            fault::HttpAction::Truncate { bytes } => HttpAction::Truncate { bytes: *bytes },
            fault::HttpAction::Corrupt => HttpAction::Corrupt,
            fault::HttpAction::Drop => HttpAction::Drop,
            fault::HttpAction::Rate { rate, answer: own } => HttpAction::Rate {
                rate: *rate,
                answer: answer(own),
            },
            fault::HttpAction::FailFirst {
                requests,
                answer: own,
            } => HttpAction::FailFirst {
                requests: *requests,
                answer: answer(own),
            },
        },
    }
}

/// A fault on a link as toxics, not named yet. Each toxic draws its own connections: of a fault that meets a share of them
/// the first direction alone works, so that none is met in one direction only.
pub(in crate::target) fn toxics(strike: Strike<'_>) -> Result<Vec<Toxic>, String> {
    let Reach { to, share, clients } = strike.reach;
    let clients = clients.iter().map(|client| client.parse::<Network>());
    let clients: Vec<Network> = clients
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let directions = if *share < 1.0 { 1 } else { usize::MAX };
    let ends = to.as_ref().map_or_else(Vec::new, kinds);
    let mut ends = ends.into_iter().map(|(_, kind)| kind);
    let of = kinds(strike.kind).into_iter().take(directions);
    let toxics = of.map(|(stream, kind)| {
        let toxic = Toxic::new(kind, stream)
            .with_toxicity(*share)
            .only_for(clients.clone());
        match ends.next() {
            Some(to) => toxic.ramping(to, strike.over),
            None => toxic,
        }
    });
    Ok(toxics.collect())
}

/// A fault in the proxy's vocabulary. Reset meets the answer: the service may have done its work, which is the case
/// that retries and idempotency keys exist for. A time-out swallows both directions: nothing arrives anywhere.
fn kinds(kind: &FaultKind) -> Vec<(Stream, ToxicKind)> {
    let ms = |d: &Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
    match kind {
        FaultKind::Latency { delay, jitter } => {
            vec![(
                Stream::Downstream,
                ToxicKind::Latency {
                    latency: ms(delay),
                    jitter: ms(jitter),
                },
            )]
        }
        FaultKind::Timeout { after } => {
            let timeout = ToxicKind::Timeout { timeout: ms(after) };
            [Stream::Upstream, Stream::Downstream]
                .map(|stream| (stream, timeout.clone()))
                .to_vec()
        }
        FaultKind::Reset { after } => vec![(
            Stream::Downstream,
            ToxicKind::ResetPeer { timeout: ms(after) },
        )],
        FaultKind::Bandwidth { bytes_per_second } => {
            vec![(
                Stream::Downstream,
                ToxicKind::Bandwidth {
                    rate: (bytes_per_second / 1000).max(1),
                },
            )]
        }
        FaultKind::SlowClose { delay } => {
            vec![(
                Stream::Downstream,
                ToxicKind::SlowClose { delay: ms(delay) },
            )]
        }
        FaultKind::Limit { bytes } => {
            vec![(Stream::Downstream, ToxicKind::LimitData { bytes: *bytes })]
        }
        FaultKind::Slice {
            size,
            variation,
            delay,
        } => vec![(
            Stream::Downstream,
            ToxicKind::Slicer {
                average_size: *size,
                size_variation: *variation,
                delay: u64::try_from(delay.as_micros()).unwrap_or(u64::MAX),
            },
        )],
        FaultKind::Loss { share, stall } => vec![(
            Stream::Downstream,
            ToxicKind::Loss {
                share: *share,
                stall: ms(stall),
            },
        )],
        FaultKind::Corrupt { share } => {
            vec![(Stream::Downstream, ToxicKind::Corrupt { share: *share })]
        }
        FaultKind::Http(http) => vec![(Stream::Downstream, ToxicKind::Http(requests(http)))],
        FaultKind::FailFirst { connections } => vec![(
            Stream::Upstream,
            ToxicKind::FailFirst {
                connections: *connections,
                how: FailHow::Reset,
            },
        )],
        FaultKind::Down => Vec::new(),
        // A service's faults never come here.
        of_service => {
            debug_assert!(of_service.of_service());
            Vec::new()
        }
    }
}
