//! The plan of a made-up run.

use super::*;

pub(super) fn plan(shape: &Shape) -> Plan {
    let origin = |file: &str, line: u32| json!({ "file": file, "line": line });
    let journey = |(journey, steps): &(&str, Vec<&str>)| {
        let title = match *journey {
            "browse" => "A visitor looks at the catalogue",
            "checkout" => "A customer places an order and it is paid",
            other => other,
        };
        let file = format!("scenarios/journeys/{journey}.toml");
        let steps: Vec<_> = steps
            .iter()
            .enumerate()
            .map(|(i, step)| json!({ "name": step, "origin": origin(&file, 4 + 6 * i as u32), "action": { "request": { "method": "GET", "url": "http://shop/", "every": "100ms", "timeout": "5s" } } }))
            .collect();
        json!({ "name": journey, "title": title, "origin": origin(&file, 1), "steps": steps })
    };
    let gate = |n: u32, expect: &str, class: &str, during: serde_json::Value| json!({ "id": format!("payments-slow#{n}"), "expect": expect, "class": class, "weight": 1.0, "scenario": "payments-slow", "during": during, "origin": origin("scenarios/payments-slow.toml", 14 + 4 * n) });
    let gates = [
        gate(1, "p99(checkout) < 2s", "key", json!("undisturbed")),
        gate(2, "p95(browse) < 100ms", "scored", json!("undisturbed")),
        gate(
            3,
            "error_rate < 2%",
            "key",
            json!({ "fault": "provider is slow" }),
        ),
        gate(4, "recovery < 5s", "scored", json!("all")),
        gate(5, "p99.9 < 4s", "info", json!("all")),
    ];
    let weights: Vec<_> = shape
        .journeys
        .iter()
        .map(|(j, _)| json!({ "journey": j, "weight": if *j == "checkout" { 2.0 } else { 8.0 } }))
        .collect();
    let (ramp, rest) = (shape.seconds / 6, shape.seconds - shape.seconds / 6);
    let fault_at = shape.seconds / 3;
    let scenario = json!({
        "name": "payments-slow", "title": "Checkout survives a slow payment provider", "tags": ["chaos"], "origin": origin("scenarios/payments-slow.toml", 1), "settle": "5s",
        "load": { "model": { "open": { "streams": [{ "stages": [{ "from": format!("{}/s", shape.rate / 4.0), "to": format!("{}/s", shape.rate), "for": format!("{ramp}s") }, { "from": format!("{}/s", shape.rate), "to": format!("{}/s", shape.rate), "for": format!("{rest}s") }] }] } }, "mix": weights, "http": { "connections": 64 }, "sample": 0.01 },
        "faults": [{ "name": "provider is slow", "link": "payments", "at": format!("{fault_at}s"), "for": format!("{}s", shape.seconds / 4), "kind": { "latency": { "delay": "800ms", "jitter": "200ms" } } }],
        "gates": gates,
    });
    let service = |n: &str| json!({ "name": n, "command": ["shop", n], "ready": { "get": "/health/ready", "within": "20s" }, "metrics": "/metrics", "stop_within": "5s" });
    let services = ["payments", "orders", "gateway"].map(service);
    let plan = json!({
        "project": "shop", "profile": "ci", "seed": 42,
        "target": { "mode": "process", "services": services, "links": [{ "name": "edge", "to": "gateway", "scheme": "http" }, { "name": "payments", "from": "orders", "to": "payments", "scheme": "http" }], "entry": "http://gateway" },
        "journeys": shape.journeys.iter().map(journey).collect::<Vec<_>>(), "walks": shape.journeys.iter().map(|j| j.0).collect::<Vec<_>>(),
        "contracts": [{ "name": "orders", "document": "fixtures/openapi/orders.json", "text": "{}", "base": "http://orders" }],
        "scenarios": [scenario],
        "gates": [{ "id": "suite#1", "expect": "error_rate < 0.1%", "class": "key", "weight": 3.0, "during": "undisturbed", "origin": origin("harness.toml", 31) }],
        "plan_digest": "5f1d3c0c7f6b2a9948c1f2f54f0d4a52f6e6f9f0c1b2a3948576a1b2c3d4e5f6", "workload_digest": "a90b3c0c7f6b2a9948c1f2f54f0d4a52f6e6f9f0c1b2a3948576a1b2c3d4e5f6",
    });
    serde_json::from_value(plan).expect("a plan")
}
