//! Contracts in a run: drives the sessions that exercise every operation, and holds every exchange of journeys and of
//! sampled load against the documents. What is a breach is decided in `contract`, not here.

use crate::dispatcher::Mouth;
use crate::http_client::Client;
use crate::ports::Watch;
use harness_contract::{Checker, Coverage, Document, LoadError, Reported, Session};
use harness_core::event::{ContractCheck, ContractFinding, Event, Exchange, SeenIn};
use harness_core::http::{Request, Response, Timing};
use harness_core::journey::evidence;
use harness_core::name::Name;
use harness_core::plan::ContractPlan;
use harness_core::template::{Symbols, UnboundError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument as _, info_span};

/// Equal findings said of traffic: the first ones show that it was no accident, the rest would only fill the stream.
const SAY_AT_MOST: u32 = 20;
/// A case takes at most this long.
const CASE_LIMIT: Duration = Duration::from_secs(10);

/// What contracts need of the run around them.
pub struct Setting {
    /// Sends cases, each on a connection of its own.
    pub client: Client,
    /// Where events go.
    pub mouth: Mouth,
    /// Decides generated data.
    pub seed: u64,
    /// Sets the data of this run apart from that of all others: generated identifiers and keys must be new to a target
    /// that remembers those of earlier runs.
    pub run: u64,
    /// Every address each service answers at, so that traffic through a link is known as the service's.
    pub addresses: Vec<Vec<String>>,
}

/// Why contracts can't be checked.
#[derive(Debug, thiserror::Error)]
pub enum ContractError {
    /// A document can't be used at all.
    #[error("contract `{contract}`: {source}")]
    Load {
        /// The contract.
        contract: Name,
        /// Why.
        source: LoadError,
    },
    /// A symbol is not known.
    #[error("contract `{contract}`: {source}")]
    Unbound {
        /// The contract.
        contract: Name,
        /// Which.
        source: UnboundError,
    },
}

/// One contract, ready.
struct Contract {
    name: Name,
    document: Arc<Document>,
    base: String,
    headers: Vec<(String, String)>,
    repeat: bool,
    checker: Checker,
    /// Addresses (without a trailing slash) whose traffic is this contract's.
    bases: Vec<String>,
    seen: Mutex<Seen>,
}

/// What traffic has shown so far.
struct Seen {
    coverage: Coverage,
    said: BTreeMap<String, u32>,
}

/// The contracts of a run.
pub struct Contracts {
    contracts: Vec<Contract>,
    setting: Setting,
}

impl Contracts {
    /// Loads every document.
    pub fn load(
        plans: &[ContractPlan],
        symbols: &Symbols,
        setting: Setting,
    ) -> Result<Self, ContractError> {
        let contracts = plans
            .iter()
            .map(|plan| Contract::load(plan, symbols, &setting.addresses));
        Ok(Self {
            contracts: contracts.collect::<Result<_, _>>()?,
            setting,
        })
    }

    /// Exercises every operation of every document, one document after another.
    pub async fn exercise(&self, stop: &CancellationToken) {
        for contract in &self.contracts {
            let span = info_span!("contract", contract = %contract.name);
            self.exercise_one(contract, stop).instrument(span).await;
            if stop.is_cancelled() {
                return;
            }
        }
    }

    async fn exercise_one(&self, contract: &Contract, stop: &CancellationToken) {
        self.say_document(contract).await;
        let (document, headers) = (Arc::clone(&contract.document), contract.headers.clone());
        let seed = match contract.repeat {
            true => self.setting.seed,
            false => self.setting.seed ^ self.setting.run,
        };
        let mut session = Session::new(document, &contract.base, headers, seed);
        // Cases of an operation that follow one another share a span.
        let (mut operation, mut span) = (String::new(), tracing::Span::none());
        while let Some(case) = session.next() {
            if case.operation != operation {
                operation.clone_from(&case.operation);
                span = info_span!("operation", operation);
            }
            let send = self.setting.client.send(&case.request, CASE_LIMIT);
            let exchanged = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                exchanged = send.instrument(span.clone()) => exchanged,
            };
            for reported in session.observe(&case, &exchanged.result) {
                self.say(contract, reported).await;
            }
        }
        let (rest, coverage) = session.finish();
        for reported in rest {
            if !contract.walked(&reported) {
                self.say(contract, reported).await;
            }
        }
        contract
            .seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .coverage
            .merge(&coverage);
    }

    /// Says what was exercised, by everything together.
    pub async fn say_coverage(&self) {
        for contract in &self.contracts {
            let coverage = contract
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .coverage
                .clone();
            self.setting
                .mouth
                .say(Event::ContractCoverage(
                    coverage.into_event(contract.name.clone()),
                ))
                .await;
        }
    }

    /// What is wrong with the document itself.
    async fn say_document(&self, contract: &Contract) {
        for finding in contract.document.findings.clone() {
            self.say(
                contract,
                Reported {
                    finding,
                    evidence: None,
                },
            )
            .await;
        }
    }

    async fn say(&self, contract: &Contract, reported: Reported) {
        let exchange = reported
            .evidence
            .map(|e| evidence::exchange(&e.request, Some(&e.answer), Timing::default()));
        let finding = found(contract, reported.finding, SeenIn::Case, exchange);
        self.setting.mouth.say(finding).await;
    }
}

impl Watch for Contracts {
    fn saw(&self, seen_in: SeenIn, request: &Request, response: &Response) {
        for contract in self
            .contracts
            .iter()
            .filter(|contract| contract.owns(&request.url))
        {
            let checked = contract.checker.check(request, response);
            let mut seen = contract.seen.lock().unwrap_or_else(PoisonError::into_inner);
            match checked
                .operation
                .and_then(|index| contract.document.operations.get(index))
            {
                Some(operation) => seen
                    .coverage
                    .record(&operation.name, response.status, seen_in),
                None => seen.coverage.record_unmatched(),
            }
            for finding in checked.findings {
                let said = seen.said.entry(finding.key.clone()).or_default();
                *said += 1;
                if *said > SAY_AT_MOST {
                    continue;
                }
                let exchange =
                    evidence::exchange(request, Some(&Ok(response.clone())), Timing::default());
                // A dispatcher too far behind misses a repetition, never the first word: that one is tried again.
                if !self
                    .setting
                    .mouth
                    .try_say(found(contract, finding, seen_in, Some(exchange)))
                {
                    *said -= 1;
                }
            }
        }
    }
}

impl Contract {
    fn load(
        plan: &ContractPlan,
        symbols: &Symbols,
        addresses: &[Vec<String>],
    ) -> Result<Self, ContractError> {
        let unbound = |source| ContractError::Unbound {
            contract: plan.name.clone(),
            source,
        };
        let loaded = Document::load(plan.name.as_str(), &plan.text);
        let document = loaded.map_err(|source| ContractError::Load {
            contract: plan.name.clone(),
            source,
        })?;
        let document = Arc::new(document);
        let base = plan.base.bind(symbols).map_err(unbound)?.to_plain();
        let base = base.trim_end_matches('/').to_owned();
        let headers = plan
            .headers
            .iter()
            .map(|(name, value)| Ok((name.clone(), value.bind(symbols)?.to_plain())));
        let headers = headers
            .collect::<Result<Vec<_>, UnboundError>>()
            .map_err(unbound)?;
        let checker = Checker::new(Arc::clone(&document), Some(&base));
        let coverage = Coverage::new(&document);
        let seen = Mutex::new(Seen {
            coverage,
            said: BTreeMap::new(),
        });
        Ok(Self {
            name: plan.name.clone(),
            bases: aliases(&base, addresses),
            document,
            base,
            headers,
            repeat: plan.repeat,
            checker,
            seen,
        })
    }

    /// Whether what no case could exercise was exercised by the journeys before.
    fn walked(&self, reported: &Reported) -> bool {
        reported.finding.check == ContractCheck::NotExercised
            && self
                .seen
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .coverage
                .succeeded_at(&reported.finding.operation)
    }

    /// Whether a URL is this contract's traffic.
    fn owns(&self, url: &str) -> bool {
        self.bases.iter().any(|base| {
            url.strip_prefix(base.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']))
        })
    }
}

/// The base under every address that the service behind it answers at.
fn aliases(base: &str, addresses: &[Vec<String>]) -> Vec<String> {
    let under = |address: &String| {
        base.strip_prefix(address.as_str())
            .filter(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    for group in addresses {
        if let Some(rest) = group.iter().find_map(under) {
            return group
                .iter()
                .map(|address| format!("{address}{rest}"))
                .collect();
        }
    }
    vec![base.to_owned()]
}

fn found(
    contract: &Contract,
    finding: harness_contract::Finding,
    seen_in: SeenIn,
    exchange: Option<Exchange>,
) -> Event {
    Event::ContractFinding(Box::new(ContractFinding {
        contract: contract.name.clone(),
        check: finding.check,
        operation: finding.operation,
        message: finding.message,
        key: finding.key,
        seen_in,
        exchange,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traffic_through_a_link_is_known_as_the_services() {
        let groups = [
            vec!["http://127.0.0.1:1".into(), "http://127.0.0.1:10".into()],
            vec!["http://127.0.0.1:100".into()],
        ];
        assert_eq!(
            aliases("http://127.0.0.1:10/api", &groups),
            ["http://127.0.0.1:1/api", "http://127.0.0.1:10/api"]
        );
        assert_eq!(
            aliases("http://127.0.0.1:100", &groups),
            ["http://127.0.0.1:100"]
        );
        assert_eq!(aliases("http://elsewhere", &groups), ["http://elsewhere"]);
    }
}
