//! The target as the page shows it: services, links, its own metrics.

use crate::chart::{Chart, spark};
use crate::text::{self, one_line, visible};
use harness_core::record::Record;
use harness_core::units::human_us;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Debug, Serialize)]
pub(super) struct ServiceView {
    name: String,
    ready: String,
    state: String,
    output: String,
}

#[derive(Debug, Serialize)]
pub(super) struct LinkView {
    name: String,
    cells: Vec<String>,
    hits: String,
}

#[derive(Debug, Serialize)]
pub(super) struct MetricView {
    service: String,
    chart: Chart,
    last: String,
}

#[derive(Debug, Serialize)]
pub(super) struct NamedView {
    service: String,
    name: String,
    last: String,
}

pub(super) fn services(record: &Record) -> Vec<ServiceView> {
    let target = &record.target;
    let died = |name: &str| {
        target
            .died
            .iter()
            .find(|(_, service, _, _)| service == name)
    };
    let mut views: Vec<ServiceView> = target
        .ready
        .iter()
        .map(|(name, took)| {
            let (state, output) = match died(name) {
                Some((at, _, status, output)) => (
                    format!(
                        "died at {}: {}",
                        text::clock(*at as f64 / 1e6),
                        one_line(status, 100)
                    ),
                    visible(&output.join("\n")),
                ),
                None => ("up to the end".to_owned(), String::new()),
            };
            ServiceView {
                name: one_line(name, 80),
                ready: human_us(*took),
                state,
                output,
            }
        })
        .collect();
    if let Some((service, reason, output)) = &target.failed {
        let name = service.clone().unwrap_or_else(|| "target".to_owned());
        views.push(ServiceView {
            name: one_line(&name, 80),
            ready: text::NONE.to_owned(),
            state: format!("{}: {}", target.failing(), one_line(reason, 600)),
            output: visible(&output.join("\n")),
        });
    }
    views
}

pub(super) fn links(record: &Record) -> Vec<LinkView> {
    let view = |(name, ticks): (
        &harness_core::name::Name,
        &Vec<(u64, harness_core::event::LinkTick)>,
    )| {
        let sum = |figure: fn(&harness_core::event::LinkTick) -> u64| {
            ticks.iter().map(|(_, t)| figure(t)).sum::<u64>()
        };
        let mut hits: BTreeMap<&str, u64> = BTreeMap::new();
        for (toxic, n) in ticks.iter().flat_map(|(_, t)| &t.hits) {
            *hits.entry(toxic).or_default() += n;
        }
        let open = ticks.iter().map(|(_, t)| t.open).max().unwrap_or(0);
        LinkView {
            name: name.to_string(),
            cells: vec![
                text::count(sum(|t| t.opened)),
                text::count(open),
                text::count(sum(|t| t.failed)),
                text::bytes(sum(|t| t.bytes_up) as f64),
                text::bytes(sum(|t| t.bytes_down) as f64),
            ],
            hits: if hits.is_empty() {
                text::NONE.to_owned()
            } else {
                hits.iter()
                    .map(|(toxic, n)| format!("{} ({})", one_line(toxic, 60), text::count(*n)))
                    .collect::<Vec<_>>()
                    .join(", ")
            },
        }
    };
    record.links.iter().map(view).collect()
}

pub(super) fn metrics(record: &Record) -> (Vec<MetricView>, Vec<NamedView>) {
    let mut metrics = spark::metrics(record);
    // All on the run's clock and of one height: the first draws the faults, the others show them once more.
    if let Some(((_, first, _), others)) = metrics.drawn.split_first_mut() {
        for (_, chart, _) in others {
            chart.bands_of.clone_from(&first.id);
        }
    }
    let drawn = metrics
        .drawn
        .into_iter()
        .map(|(service, chart, last)| MetricView {
            service: one_line(&service, 80),
            chart,
            last,
        })
        .collect();
    let named = metrics
        .named
        .into_iter()
        .map(|(service, name, last)| NamedView {
            service: one_line(&service, 80),
            name: one_line(&name, 300),
            last,
        })
        .collect();
    (drawn, named)
}

pub(super) fn probe_failures(record: &Record) -> Vec<String> {
    let words = |(service, (n, reason)): (&String, &(u64, String))| {
        format!(
            "{} of {} failed, last: {}",
            text::plural(*n, "scrape"),
            one_line(service, 80),
            one_line(reason, 200)
        )
    };
    record.probe_failures.iter().map(words).collect()
}
