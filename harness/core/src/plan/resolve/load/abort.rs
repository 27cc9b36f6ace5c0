//! `abort = "rate missed by 5% for 10s"`: a gate of its own that stops the load, and everything that makes it none.

use super::Doc;
use crate::expr::abort;
use crate::plan::ScenarioPlan;
use crate::plan::gate::{Class, During, Gate, RATE_MISSED, Role};
use crate::plan::load::Model;
use crate::plan::resolve::findings::Findings;
use crate::plan::resolve::texts;
use crate::units::format_duration;
use crate::verdict::limits::{RATE_SECONDS, WINDOW_SAMPLES};
use std::time::Duration;

/// What its gate is called; the name another gate can't have beside it.
const NAME: &str = RATE_MISSED;

/// The gate that stops a load whose schedule is not kept; `None` if there is none or it is wrong, after noting why.
pub(super) fn gate(doc: &Doc, scenario: &ScenarioPlan, found: &mut Findings) -> Option<Gate> {
    let raw = &doc.raw.load.as_ref()?.value;
    let typed = raw.abort.as_ref()?;
    let read = abort::read(&typed.value);
    for error in &read.errors {
        let place = |inner: &_| doc.inside(typed, inner);
        found.out.push(texts::expression_error(error, &place));
    }
    let refused = match &scenario.load.model {
        Model::Closed(_) => Some((
            "in a closed model the target decides the rate: none is planned that could be missed".to_owned(),
            "leave `abort` out, or give a gate `abort = true`, such as `expect = \"error_rate < 1%\"`",
        )),
        Model::Search(_) => Some((
            "a search tries rates that are too high on purpose, and ends each trial that fails by itself".to_owned(),
            "leave `abort` out",
        )),
        Model::Open(_) => read.over.and_then(|over| unfit(over, scenario)),
    };
    if let Some((message, hint)) = refused {
        found.error_with(doc.at(typed), message, hint);
        return None;
    }
    let (expect, over) = (read.expect?, read.over?);
    if !read.errors.is_empty() {
        return None;
    }
    let namesake = doc
        .raw
        .gate
        .iter()
        .filter_map(|gate| gate.value.name.as_ref());
    if let Some(name) = namesake.clone().find(|name| name.value == NAME) {
        let message = format!("`abort` makes a gate that is called {NAME:?} too");
        found.error_with(doc.at(name), message, "give this one another name");
        return None;
    }
    Some(Gate {
        id: format!("{}#{NAME}", scenario.name),
        expect,
        class: Class::Key,
        weight: 1.0,
        owner: None,
        scenario: Some(scenario.name.clone()),
        during: During::All,
        over: Some(over),
        abort: true,
        role: Role::Verdict,
        origin: doc.origin(&typed.span),
    })
}

/// Why a window can't tell whether a rate is missed.
fn unfit(over: Duration, scenario: &ScenarioPlan) -> Option<(String, &'static str)> {
    let load = &scenario.load;
    let length = load.duration().saturating_sub(load.warm_up);
    if length.is_zero() {
        // The load has errors of its own.
        return None;
    }
    let shortest = Duration::from_secs_f64(RATE_SECONDS);
    if over.subsec_nanos() != 0 || over < shortest {
        let message = format!("a rate rests on whole seconds, {RATE_SECONDS} at least");
        return Some((message, "write a longer time, such as `for 10s`"));
    }
    if over > length {
        let (over, length) = (format_duration(over), format_duration(length));
        let message = format!(
            "the rate can't be missed for {over}: what is judged of the load lasts {length}"
        );
        return Some((message, "write a shorter time, or a longer load"));
    }
    let Model::Open(open) = &load.model else {
        return None;
    };
    let most = open.peak() * over.as_secs_f64();
    if most < WINDOW_SAMPLES as f64 {
        let message = format!(
            "at most {most:.0} journeys are planned in {}, and a window needs {WINDOW_SAMPLES} to be judged",
            format_duration(over)
        );
        return Some((message, "write a longer time, or a higher rate"));
    }
    None
}
