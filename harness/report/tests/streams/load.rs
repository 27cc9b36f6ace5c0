//! The load of a made-up run: ramp, hold, fault, settling, after.

use super::*;

/// Which epoch a second belongs to: ramp, hold, fault, settling, after.
fn epochs(shape: &Shape) -> Vec<(u32, Epoch)> {
    let fault = vec!["provider is slow".to_owned()];
    let n = shape.seconds;
    let at = [
        (0, 0, vec![], vec![]),
        (n / 6, 1, vec![], vec![]),
        (n / 3, 1, fault.clone(), vec![]),
        (n / 3 + n / 4, 1, vec![], fault),
        (n / 3 + n / 4 + 5, 1, vec![], vec![]),
    ];
    at.into_iter()
        .enumerate()
        .map(|(i, (second, stage, faults, settling))| {
            (
                second,
                Epoch {
                    scenario: name("payments-slow"),
                    epoch: i as u32,
                    from_us: 0,
                    stage,
                    warm_up: false,
                    faults,
                    settling,
                    trial: None,
                },
            )
        })
        .collect()
}

pub(super) fn load(s: &mut Stream, shape: &Shape) {
    s.after(2_000).say(Event::PhaseStarted {
        phase: Phase::Scenarios,
    });
    let scenario = name("payments-slow");
    let t0_us = s.at_us + 100_000;
    s.say(Event::ScenarioStarted {
        scenario: scenario.clone(),
        t0_us,
    });
    s.at_us = t0_us;
    let mut dice = Dice(shape.seed);
    let mut epoch = 0;
    let mut served = 0.0;
    for second in 0..shape.seconds {
        for (_, e) in epochs(shape).into_iter().filter(|(at, _)| *at == second) {
            edge(s, &e, shape);
            epoch = e.epoch;
            s.say(Event::EpochStarted(Epoch {
                from_us: s.at_us,
                ..e
            }));
        }
        served += tick(s, shape, second, epoch, &mut dice) as f64;
        s.at_us = t0_us + u64::from(second + 1) * 1_000_000;
        instruments(s, shape, epoch == 2, served, &mut dice);
    }
    s.after(3_000).say(Event::ScenarioFinished {
        scenario,
        end: ScenarioEnd::Completed,
    });
    s.say(Event::PhaseFinished {
        phase: Phase::Scenarios,
    });
}

fn edge(s: &mut Stream, epoch: &Epoch, shape: &Shape) {
    let (fault, scenario) = ("provider is slow".to_owned(), Some(epoch.scenario.clone()));
    match epoch.epoch {
        2 => {
            s.say(Event::FaultArmed {
                fault: fault.clone(),
                scenario: scenario.clone(),
                what: "latency 800ms ± 200ms on link payments".to_owned(),
                turn: 1,
            });
            let effective_us = s.at_us + 14_000;
            s.after(15_000).say(Event::FaultEffective {
                fault,
                scenario,
                effective_us,
                turn: 1,
                assumed: false,
                by: None,
            });
            if shape.broken {
                s.say(Event::Notice {
                    text: format!("the target's clock jumped: {HOSTILE}"),
                });
            }
        }
        3 => s.say(Event::FaultLifted {
            fault,
            scenario,
            turn: 1,
        }),
        _ => {}
    }
}

fn tick(s: &mut Stream, shape: &Shape, second: u32, epoch: u32, dice: &mut Dice) -> u64 {
    let ramp = f64::from(shape.seconds / 6);
    let rate = if f64::from(second) < ramp {
        shape.rate * (0.25 + 0.75 * (f64::from(second) + 0.5) / ramp)
    } else {
        shape.rate
    };
    let mut served = 0;
    for (journey, steps) in &shape.journeys {
        let paid = *journey == "checkout";
        let share = if shape.journeys.len() > 2 {
            1.0 / shape.journeys.len() as f64
        } else if paid {
            0.2
        } else {
            0.8
        };
        let n = (rate * share).round() as u64;
        let slow = match (epoch, paid) {
            (2, true) => 820_000.0,
            (3, true) if shape.broken => 2_400_000.0,
            (3, true) => 60_000.0,
            _ => 0.0,
        };
        let error_share = if shape.broken && paid && (epoch == 2 || epoch == 3) {
            0.35
        } else if shape.broken && second % 7 == 5 {
            0.03
        } else {
            0.0
        };
        let failed = ((n as f64) * error_share).ceil() as u64;
        let class = |i: u64| {
            if i.is_multiple_of(2) {
                "status-503"
            } else {
                "timeout"
            }
        };
        let mut errors: BTreeMap<String, u64> = BTreeMap::new();
        (0..failed).for_each(|i| *errors.entry(class(i).to_owned()).or_default() += 1);
        let names = std::iter::once((*journey).to_owned())
            .chain(steps.iter().map(|step| format!("{journey}/{step}")));
        for (i, full) in names.enumerate() {
            let whole = i == 0;
            let median = if whole { 9_000.0 } else { 4_500.0 }
                + if whole || i == steps.len() { slow } else { 0.0 };
            let median = median * shape.slower;
            let service: Vec<u64> = (0..n).map(|_| dice.latency(median)).collect();
            let wait = |us: u64| {
                us + 90
                    + if epoch == 3 && shape.broken {
                        us / 2
                    } else {
                        0
                    }
            };
            s.say(Event::LoadTick(Box::new(LoadTick {
                scenario: "payments-slow".to_owned(),
                second,
                epoch,
                name: full,
                planned: if whole { n } else { 0 },
                started: n,
                late_target: if whole && slow > 1e6 { n / 3 } else { 0 },
                ok: n - failed.min(n),
                errors: if whole || i == steps.len() {
                    errors.clone()
                } else {
                    BTreeMap::new()
                },
                bytes_in: n * 640,
                response: Hist::from_counts(service.iter().map(|us| (wait(*us), 1))),
                service: Hist::from_counts(service.iter().map(|us| (*us, 1))),
                ..LoadTick::default()
            })));
            served += if whole { 0 } else { n };
        }
        if failed > 0 && paid && second.is_multiple_of(3) {
            let status = second.is_multiple_of(2).then_some(503);
            let class = if status.is_some() {
                "status-503"
            } else {
                "timeout"
            };
            s.say(Event::Exemplar(Box::new(Exemplar {
                scenario: name("payments-slow"),
                name: RequestName::step(&name("checkout"), "place the order"),
                class: class.to_owned(),
                second,
                response_us: 5_000_000,
                failures: vec![Broken {
                    expected: "status == 201".to_owned(),
                    actual: "503".to_owned(),
                }],
                exchange: exchange(
                    Method::Post,
                    "http://127.0.0.1:40001/orders",
                    status,
                    HOSTILE,
                ),
            })));
        }
    }
    served
}

fn instruments(s: &mut Stream, shape: &Shape, fault: bool, served: f64, dice: &mut Dice) {
    let late = if shape.lags { 400_000 } else { 20 };
    let health = SelfHealth {
        lag: Hist::from_counts((0..20).map(|_| (late + (dice.roll() * 90.0) as u64, 2))),
        cpu_generator: 0.11,
        cpu_proxy: 0.04,
        cpu_total: 0.19,
        memory: 31_000_000,
        descriptors: 90,
        ..SelfHealth::default()
    };
    s.say(Event::SelfHealth(Box::new(health)));
    let tick = |link: &str, n: u64, hits: BTreeMap<String, u64>| {
        Event::LinkTick(LinkTick {
            opened: u64::from(n > 40),
            open: 16,
            bytes_up: n * 300,
            bytes_down: n * 900,
            hits,
            ..LinkTick::quiet(name(link))
        })
    };
    s.say(tick("edge", (shape.rate * 2.0) as u64, BTreeMap::new()));
    s.say(tick(
        "payments",
        (shape.rate / 5.0) as u64,
        if fault {
            BTreeMap::from([("provider is slow".to_owned(), 16)])
        } else {
            BTreeMap::new()
        },
    ));
    let probe = |service: &str, values: &[(&str, f64)]| {
        Event::ProbeSample(ProbeSample {
            service: service.to_owned(),
            values: values.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect(),
            unread: std::collections::BTreeMap::new(),
            error: None,
            taken_us: None,
        })
    };
    s.say(probe(
        "gateway",
        &[
            ("http_requests_total{code=\"200\"}", served),
            ("cache_hits_total", (served * 0.7).floor()),
            ("breaker_open", f64::from(u8::from(fault && shape.broken))),
            ("build_info{version=\"1\"}", 1.0),
        ],
    ));
    s.say(probe(
        "orders",
        &[
            ("http_requests_total{code=\"201\"}", (served * 0.2).floor()),
            (
                "db_pool_in_use",
                2.0 + (dice.roll() * 3.0).floor() + if fault { 11.0 } else { 0.0 },
            ),
            ("db_pool_size", 16.0),
            ("payment_seconds_bucket{le=\"1\"}", served),
        ],
    ));
}
