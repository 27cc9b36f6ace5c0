//! The exit code that an answer means, and why. It tells a pipeline whose fault it is that nothing passed, so that what is
//! told besides the answer itself (a CONDITIONAL GO may be 0, 5 or 6) has its reason beside it.

use super::items::CONTRACT;
use super::{Decision, Item, Readiness, Standing};
use crate::event::RunEnd;
use crate::record::Record;
use crate::verdict::Grade;

/// An exit code with its reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// The code.
    pub code: u8,
    /// Why it is not 0, for people; empty where it is.
    pub why: String,
}

impl Exit {
    fn of(code: u8, why: impl Into<String>) -> Self {
        Self {
            code,
            why: why.into(),
        }
    }
}

/// That of a run: 130 interrupted · 3 the target did not start · else that of its readiness.
pub fn exit(record: &Record, readiness: &Readiness, strict: bool) -> Exit {
    if record.cancelled || record.end == Some(RunEnd::Cancelled) {
        return Exit::of(130, "the run was interrupted");
    }
    if record.target.failed.is_some() {
        return Exit::of(3, format!("the target {}", record.target.failing()));
    }
    readiness.exit(strict)
}

impl Readiness {
    /// 1 something that decides failed, or needed evidence is stale or not there · 2 a contract asked the wrong place (a
    /// base path or access is missing: the suite is wrong) and nothing failed · 4 the load or the run was invalid and
    /// nothing failed · 5 a key item is inconclusive and nothing failed · 1 NO-GO by the score alone · 6 CONDITIONAL GO with
    /// `strict` · 0 otherwise. A scored gate that fails costs its weight in the score, and only through it the exit code; a
    /// failure that is waived costs nothing here. A suite that is wrong in any other way has no run. Without a decision it is
    /// 5, whatever failed: nothing is decided.
    pub fn exit(&self, strict: bool) -> Exit {
        let weighs = |item: &&Item| item.weight > 0.0 && item.waived.is_none();
        let all = |asked: &dyn Fn(&Item) -> bool| -> Vec<&Item> {
            let items = self.items.iter().filter(weighs);
            items.filter(|item| asked(item)).collect()
        };
        let key = |grade: Grade| all(&|item| item.key && item.grade == grade);
        let no_go = self.decision == Decision::NoGo;
        if self.decision == Decision::Unmade {
            return Exit::of(5, "the run has not ended, and nothing is decided");
        }
        let failed = key(Grade::Fail);
        let scored = all(&|item| item.grade == Grade::Fail);
        let absent = all(&|item| item.key && item.standing >= Standing::Stale);
        let elsewhere = all(&|item| item.id == CONTRACT && item.grade == Grade::Invalid);
        let (invalid, open) = (key(Grade::Invalid), key(Grade::Inconclusive));
        if !failed.is_empty() {
            Exit::of(1, format!("failed: {}", named(&failed)))
        } else if no_go && !scored.is_empty() {
            Exit::of(1, format!("failed: {}", named(&scored)))
        } else if !absent.is_empty() {
            Exit::of(1, format!("stale or missing: {}", named(&absent)))
        } else if !elsewhere.is_empty() {
            let why = "nothing failed, but the suite asked the wrong place: ";
            Exit::of(2, format!("{why}{}", named(&elsewhere)))
        } else if !invalid.is_empty() {
            Exit::of(
                4,
                format!("nothing failed, but invalid: {}", named(&invalid)),
            )
        } else if !open.is_empty() {
            let why = format!("nothing failed, but inconclusive: {}", named(&open));
            Exit::of(5, why)
        } else if no_go {
            Exit::of(1, format!("the score is below {}", self.limits.conditional))
        } else if strict && self.decision == Decision::ConditionalGo {
            Exit::of(6, "a CONDITIONAL GO is not enough with --strict")
        } else {
            Exit::of(0, "")
        }
    }

    /// The code of [`Readiness::exit`].
    pub fn exit_code(&self, strict: bool) -> u8 {
        self.exit(strict).code
    }
}

/// The first of some items by its title, and how many more there are.
fn named(items: &[&Item]) -> String {
    let first = items.first().map_or("", |item| item.title.as_str());
    match items.len() {
        0 | 1 => first.to_owned(),
        many => format!("{first}, and {} more", many - 1),
    }
}
