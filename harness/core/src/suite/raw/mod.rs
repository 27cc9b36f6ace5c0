//! The suite's files as typed, key by key. Nearly all is optional here and text is still text: the schema says what
//! must be there, the plan what it means. One bad value must not hide the errors after it.

mod config;
mod journey;
mod load;
mod scenario;
mod think;

pub(crate) use config::{Config as ConfigFile, *};
pub(crate) use journey::{Journey as JourneyFile, *};
pub(crate) use load::*;
pub(crate) use scenario::{Scenario as ScenarioFile, *};
pub(crate) use think::Think;
