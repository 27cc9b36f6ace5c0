//! The step library: one table of what a scenario may say. Reads one step's text; how steps make a journey is
//! [`super::translate`]'s, and whether names and expressions hold is the plan's.

use super::typed::{Line, Meaning, Typed};
use crate::diagnostic::Diagnostic;
use crate::plan::fault::FaultKind;
use regex::Regex;
use std::sync::LazyLock;
use std::time::Duration;

/// A step that a scenario may have. Any of Given, When, Then, And and But may stand before it.
#[derive(Debug, Clone, Copy)]
pub struct StepPattern {
    /// A regular expression for the whole text of the step.
    pub pattern: &'static str,
    /// A text it takes.
    pub example: &'static str,
    /// What the step does, in one sentence.
    pub does: &'static str,
    /// Whether a text block must follow.
    pub block: bool,
    read: fn(&Typed<'_>) -> Result<Meaning, Diagnostic>,
}

/// Every step there is, in the order a guide tells them. A text fits at most one.
pub fn steps() -> &'static [StepPattern] {
    &STEPS
}

/// Text in quotes; `\` may stand before a quote or another `\`.
macro_rules! quoted {
    () => {
        r#""((?:[^"\\]|\\.)*)""#
    };
}

/// A table row: pattern, example, effect, reader.
macro_rules! step {
    ($($piece:expr),+ ; $example:literal, $does:literal, $read:expr) => {
        StepPattern { pattern: concat!("^", $($piece),+, "$"), example: $example, does: $does, block: false, read: $read }
    };
}

static STEPS: [StepPattern; 32] = [
    step!("the header ", quoted!(), " is ", quoted!(); r#"the header "x-tenant" is "blue""#,
        "Sends the header with all later requests of the scenario.", |t| t.header(false)),
    step!("I send the header ", quoted!(), " ", quoted!(); r#"I send the header "idempotency-key" "{{ uuid() }}""#,
        "Sends the header with the next request only.", |t| t.header(true)),
    step!("the variable ", quoted!(), " is ", quoted!(); r#"the variable "sku" is "SKU-001""#,
        "Sets a variable before the first step; later texts name it as `{{ sku }}`.",
        |t| Ok(Meaning::Variable { name: t.written(1), value: t.written(2) })),
    step!("I (GET|DELETE|HEAD) ", quoted!(); r#"I GET "/orders/{{ order }}""#,
        "Sends a request without a body.", |t| t.request()),
    step!("I (POST|PUT|PATCH) ", quoted!(); r#"I POST "/orders/{{ order }}/cancel""#,
        "Sends a request without a body.", |t| t.request()),
    StepPattern {
        block: true,
        ..step!("I (POST|PUT|PATCH) ", quoted!(), " with:"; r#"I POST "/orders" with:"#,
        "Sends a request with the text block below as its body: JSON, unless a media type stands beside the opening quotes.",
        |t| t.request())
    },
    step!("I (GET|DELETE|HEAD) ", quoted!(), r" (\d+) times at once"; r#"I GET "/orders/{{ order }}" 8 times at once"#,
        "Sends the same request so many times at once; every answer must satisfy what follows.", |t| t.copies()),
    step!("I (POST|PUT|PATCH) ", quoted!(), r" (\d+) times at once"; r#"I POST "/orders/{{ order }}/cancel" 8 times at once"#,
        "Sends the same request so many times at once; every answer must satisfy what follows.", |t| t.copies()),
    StepPattern {
        block: true,
        ..step!("I (POST|PUT|PATCH) ", quoted!(), r" (\d+) times at once with:"; r#"I POST "/orders" 8 times at once with:"#,
        "Sends the same request so many times at once, with the text block below as its body.", |t| t.copies())
    },
    step!("all answers have the same ", quoted!(); r#"all answers have the same "$.id""#,
        "Of a request that was sent several times at once, all answers have it, with one value.",
        |t| Ok(Meaning::Same(t.written(1)))),
    step!(r"exactly (\d+) answers? satisf(?:y|ies): (.+)"; "exactly 1 answer satisfies: status == 201",
        "Of a request that was sent several times at once, so many answers satisfy the expression and no more.",
        |t| Ok(Meaning::Exactly { times: t.number(1)?, expression: t.written(2) })),
    step!(r"the status is (\S+)"; "the status is 201",
        "The last answer has this status.", |t| t.status()),
    step!(quoted!(), " is ", quoted!(); r#""$.status" is "CONFIRMED""#,
        "The JSONPath finds this text in the last answer.", |t| t.text_value(1, None)),
    step!(quoted!(), r#" is ([^"\s]\S*)"#; r#""$.quantity" is 12"#,
        "The JSONPath finds this number, `true`, `false` or `null` in the last answer.", |t| t.bare_value(1, None)),
    step!("it holds that: (.+)"; "it holds that: duration < 300ms",
        "The last answer satisfies the expression.",
        |t| Ok(Meaning::Expect { expression: t.written(1), within: None })),
    step!(r"within (\S+) ", quoted!(), " is ", quoted!(); r#"within 5s "$.status" is "CONFIRMED""#,
        "Asks again until the JSONPath finds this text, at most this long.", |t| t.text_value(2, t.within()?)),
    step!(r"within (\S+) ", quoted!(), r#" is ([^"\s]\S*)"#; r#"within 5s "$.paid" is true"#,
        "Asks again until the JSONPath finds this value, at most this long.", |t| t.bare_value(2, t.within()?)),
    step!(r"within (\S+) it holds that: (.+)"; "within 5s it holds that: status == 200",
        "Asks again until the expression holds, at most this long.",
        |t| Ok(Meaning::Expect { expression: t.written(2), within: t.within()? })),
    step!("I keep ", quoted!(), " as ", quoted!(); r#"I keep "$.id" as "order""#,
        "Keeps a part of the last answer; later texts name it as `{{ order }}`.",
        |t| Ok(Meaning::Keep { from: t.written(1), name: t.written(2) })),
    step!(r"I wait (\S+)"; "I wait 200ms",
        "Waits.", |t| t.duration(1).map(Meaning::Pause)),
    step!("the link ", quoted!(), r" has (\S+) latency"; r#"the link "payments" has 800ms latency"#,
        "Delays the link's answers.", |t| t.latency(Duration::ZERO)),
    step!("the link ", quoted!(), r" has (\S+) latency with (\S+) jitter"; r#"the link "payments" has 800ms latency with 200ms jitter"#,
        "Delays the link's answers, each by a draw around the first time.", |t| t.latency(t.duration(3)?)),
    step!("the link ", quoted!(), " is down"; r#"the link "payments" is down"#,
        "Refuses the link's connections and ends those that are open.", |t| t.breaks(FaultKind::Down)),
    step!("the link ", quoted!(), r" times out after (\S+)"; r#"the link "payments" times out after 1s"#,
        "Swallows the link's data and closes its connections after this long.",
        |t| t.breaks(FaultKind::Timeout { after: t.positive(2)? })),
    step!("the link ", quoted!(), " swallows everything"; r#"the link "payments" swallows everything"#,
        "Swallows the link's data and never closes its connections.",
        |t| t.breaks(FaultKind::Timeout { after: Duration::ZERO })),
    step!("the link ", quoted!(), " resets"; r#"the link "payments" resets"#,
        "Resets the link's connections at their first data.",
        |t| t.breaks(FaultKind::Reset { after: Duration::ZERO })),
    step!("the link ", quoted!(), " is limited to (.+)"; r#"the link "payments" is limited to 64 kB/s"#,
        "Limits the link's answers to this bandwidth.",
        |t| t.breaks(FaultKind::Bandwidth { bytes_per_second: t.bandwidth(2)? })),
    step!("the link ", quoted!(), " is healed"; r#"the link "payments" is healed"#,
        "Lifts all that the scenario broke on the link.",
        |t| Ok(Meaning::Heal { on: t.site(false)?, at: t.written(1) })),
    step!("the service ", quoted!(), " is killed"; r#"the service "payments" is killed"#,
        "Kills the service's processes.", |t| t.breaks(FaultKind::Kill)),
    step!("the service ", quoted!(), " is paused"; r#"the service "payments" is paused"#,
        "Stops the service where it stands.", |t| t.breaks(FaultKind::Pause)),
    step!("the service ", quoted!(), " is healed"; r#"the service "payments" is healed"#,
        "Starts the service again, or lets it go on, and waits until it is ready.",
        |t| Ok(Meaning::Heal { on: t.site(true)?, at: t.written(1) })),
    step!("I run the journey ", quoted!(); r#"I run the journey "login""#,
        "Runs another journey here; what it keeps is known afterwards.", |t| Ok(Meaning::Run(t.written(1)))),
];

static REGEXES: LazyLock<Vec<(Regex, &StepPattern)>> = LazyLock::new(|| {
    let compiled = |step: &'static StepPattern| Some((Regex::new(step.pattern).ok()?, step));
    STEPS.iter().filter_map(compiled).collect()
});

/// Whether the table has a step for a text.
pub(super) fn known(text: &str) -> bool {
    REGEXES.iter().any(|(regex, _)| regex.is_match(text))
}

/// Reads a step's text; also whether its pattern wants a text block.
pub(super) fn read(line: &Line<'_>) -> Result<(Meaning, bool), Diagnostic> {
    let fit = REGEXES
        .iter()
        .find_map(|(regex, step)| Some((regex.captures(line.text)?, step)));
    let Some((captures, step)) = fit else {
        return Err(unknown(line));
    };
    let meaning = (step.read)(&Typed { line, captures })?;
    Ok((meaning, step.block))
}

/// What to say of a step that the table does not have.
pub(super) fn unknown(line: &Line<'_>) -> Diagnostic {
    // What stands in quotes says nothing about which step was meant.
    let shape = |text: &str| text.split('"').step_by(2).collect::<Vec<_>>().join("\"");
    let typed: String = shape(line.text).chars().take(200).collect();
    let near = STEPS
        .iter()
        .map(|step| (step, shape(step.example)))
        .map(|(step, known)| (strsim::damerau_levenshtein(&typed, &known), step, known))
        .min_by_key(|(distance, ..)| *distance)
        // What has less than half in common was not meant.
        .filter(|(distance, _, known)| {
            2 * distance <= typed.chars().count().max(known.chars().count())
        });
    let hint = match (line.text.split_once(" #"), near) {
        (Some((before, _)), _) if known(before.trim_end()) => {
            "a note stands on a line of its own: move the `# …`".to_owned()
        }
        (_, Some((_, near, _))) => format!("the nearest known step is `{}`", near.example),
        _ => "no known step is near it: docs/journeys.md lists them all, with an example each"
            .to_owned(),
    };
    Diagnostic::error(Some(line.place()), "no step is written like this")
        .label("unknown step")
        .hint(hint)
}
