//! Everything a person does, by the whole binary: real processes, real sockets, real containers. One program, so that what
//! waits for a load to pass does so beside the others; who must have the machine for itself says so (`support::turns`).

#![allow(
    clippy::unwrap_used,
    reason = "in a test a panic is the report, helpers included"
)]

#[path = "../../../load/tests/support/tls.rs"]
mod certificates;
#[path = "../../../report/tests/streams/mod.rs"]
mod streams;
#[path = "../support/mod.rs"]
mod support;

mod abort;
mod adhoc;
mod bad_input;
mod bad_luck;
mod baseline;
mod calibrate;
mod capacity;
mod ci;
mod compare;
mod compose;
mod conditions;
mod container_beside;
mod container_defects;
mod container_engines;
mod container_faults;
mod container_felt;
mod container_images;
mod container_remote;
mod container_services;
mod container_up;
mod container_vanished;
mod containers;
mod control;
mod data;
mod deploy;
mod deploy_beside;
mod doctor;
mod documents;
mod export;
mod export_prometheus;
mod external;
mod faults;
mod goose;
mod hands;
mod headroom;
mod honesty;
mod http_faults;
mod import;
mod index;
mod inference;
mod interrupts;
mod invariants;
mod journeys;
mod links;
mod load_models;
mod load_url;
mod logs;
mod matrix;
mod order_system;
mod pressure;
mod probes;
mod proxy;
mod readiness;
mod recordings;
mod replay;
mod runs;
mod screen;
mod storm;
mod target;
mod templates;
mod tls;
mod tls_links;
mod toxiproxy;
mod undo;
mod up;
mod variants;
mod watched_links;
mod words;

/// This program, started again by a test as the system that it tests.
#[test]
fn a_server_when_asked_to_be_one() {
    support::server::serve_if_asked();
}
