//! Whether tests that need a container engine, or something for it, run: they say visibly when they don't, and
//! `HARNESS_REQUIRE_DOCKER=1` makes that a failure.

/// Whether a test that needs the engine goes on; `ready` says what it lacks.
pub(crate) fn ready(ready: Result<(), String>) -> bool {
    ready_for("HARNESS_REQUIRE_DOCKER", ready)
}

/// The same for what another variable demands.
pub(crate) fn ready_for(variable: &str, ready: Result<(), String>) -> bool {
    let Err(reason) = ready else {
        return true;
    };
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let demanded = std::env::var(variable).is_ok_and(|value| value == "1");
    assert!(!demanded, "{variable}=1, and {test} can't run: {reason}");
    // Past the capture of the test's own output, so that it is seen when all passes.
    let line = format!("SKIPPED {test}: {reason}\n");
    let _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
    false
}
