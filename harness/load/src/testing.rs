//! Values for unit tests.

use harness_core::http::Method;
use harness_core::journey::{Action, Journey, Origin, RequestStep, Step};
use harness_core::template::Text;
use std::collections::BTreeMap;
use std::time::Duration;

/// A journey whose steps all ask for the same address.
pub(crate) fn journey(name: &str, steps: &[&str]) -> Journey {
    journey_to("http://127.0.0.1:1/", name, steps)
}

/// A journey whose steps all ask for `url`, which holds no placeholders.
pub(crate) fn journey_to(url: &str, name: &str, steps: &[&str]) -> Journey {
    let origin = Origin {
        file: "test".into(),
        line: 1,
    };
    let step = |name: &&str| Step {
        name: (*name).to_owned(),
        origin: origin.clone(),
        action: Action::Request(Box::new(RequestStep {
            method: Method::Get,
            url: Text::literal(url),
            link: None,
            query: Vec::new(),
            headers: Vec::new(),
            body: Text::default(),
            expect: Vec::new(),
            captures: Vec::new(),
            collect: Vec::new(),
            repeat: None,
            copies: None,
            eventually: None,
            every: Duration::from_millis(100),
            timeout: Duration::from_secs(10),
            redirects: 0,
            think: None,
        })),
    };
    Journey {
        name: name.parse().unwrap(),
        title: String::new(),
        tags: Vec::new(),
        origin: origin.clone(),
        rows: harness_core::data::Rows::default(),
        feed: harness_core::data::Feed::default(),
        variables: BTreeMap::new(),
        steps: steps.iter().map(step).collect(),
    }
}
