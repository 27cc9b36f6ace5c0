//! The suite's files as typed, key by key. Nearly all is optional here and text is still text: the schema says what
//! must be there, the plan what it means. One bad value must not hide the errors after it.

mod config;
mod contained;
mod journey;
mod load;
mod readiness;
mod scenario;
mod target;
mod think;

pub(crate) use config::{Config as ConfigFile, *};
pub(crate) use contained::*;
pub(crate) use journey::{Journey as JourneyFile, *};
pub(crate) use load::*;
pub(crate) use readiness::{Day, Entry, Need, Phase, Readiness, Scope, Signed, Waiver};
pub(crate) use scenario::{Scenario as ScenarioFile, *};
pub(crate) use target::*;
pub(crate) use think::Think;
