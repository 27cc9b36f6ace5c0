//! What requests travel over, and what of it contradicts itself.

use super::Doc;
use crate::plan::load::{HttpPlan, HttpVersion, Lookup, Reuse};
use crate::plan::resolve::findings::Findings;
use crate::suite::raw::{self, Load};

/// Connections at most, of any load: beyond it one address runs out of ports.
const MAX_CONNECTIONS: u32 = 60_000;

/// The rules for connections. `users` are those of a closed model.
pub(super) fn resolve(
    doc: &Doc,
    load: &Load,
    users: Option<u32>,
    found: &mut Findings,
) -> HttpPlan {
    let none = raw::LoadHttp::default();
    let http = load.http.as_ref().map_or(&none, |http| &http.value);
    let reuse = match http.reuse.as_ref().map(|reuse| reuse.value) {
        None | Some(raw::Reuse::Pool) => Reuse::Pool,
        Some(raw::Reuse::User) => Reuse::User,
        Some(raw::Reuse::Never) => Reuse::Never,
    };
    let version = match http.version.as_ref().map(|version| version.value) {
        None | Some(raw::Version::Auto) => HttpVersion::Auto,
        Some(raw::Version::Http1) => HttpVersion::Http1,
        Some(raw::Version::Http2) => HttpVersion::Http2,
    };
    if let (Some(above), Some(below)) = (&load.connections, &http.connections)
        && above.value != below.value
    {
        let message = "`connections` stands in `load` too, with another number";
        found.error_with(doc.at(below), message, "leave one of the two out");
    }
    let typed = http.connections.as_ref().or(load.connections.as_ref());
    let plan = HttpPlan::default();
    let own = users.unwrap_or(0).min(MAX_CONNECTIONS);
    let connections = typed.map_or(plan.connections.max(own), |typed| typed.value);
    if let (Reuse::User, Some(users)) = (reuse, users.filter(|users| *users > connections)) {
        let place = typed.map(|at| doc.at(at));
        let place = place.or(http.reuse.as_ref().map(|at| doc.at(at)));
        let message = format!(
            "each of {users} users has a connection of its own, and there are at most {connections}"
        );
        let hint = match users > MAX_CONNECTIONS {
            true => format!(
                "a load has at most {MAX_CONNECTIONS} connections: let users share them, `reuse = \"pool\"`"
            ),
            false => {
                "raise `connections`, or leave it out: there are as many as users then".to_owned()
            }
        };
        found.error_with(place.unwrap_or_else(|| doc.top()), message, hint);
    }
    if let Some(streams) = &http.streams {
        let why = match (version, reuse) {
            (HttpVersion::Http1, _) => Some("HTTP/1.1 has one request at a time on a connection"),
            (_, Reuse::Never) => {
                Some("with `reuse = \"never\"` each request has its own connection")
            }
            _ => None,
        };
        if let Some(why) = why {
            let message = format!("`streams` says nothing here: {why}");
            found.error_with(doc.at(streams), message, "leave it out");
        }
    }
    HttpPlan {
        connections,
        reuse,
        version,
        streams: http.streams.as_ref().map_or(plan.streams, |at| at.value),
        lookup: match http.lookup.as_ref().map(|lookup| lookup.value) {
            None | Some(raw::Lookup::Once) => Lookup::Once,
            Some(raw::Lookup::Connection) => Lookup::Connection,
        },
        resumption: http.resumption.unwrap_or(plan.resumption),
    }
}
