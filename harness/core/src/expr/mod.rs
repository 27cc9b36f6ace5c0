//! The one small language of steps and gates: subject, operator, value with a unit. Parsed once; serialised as the
//! text it prints, which parses to the same value.

pub(crate) mod abort;
pub mod arithmetic;
pub mod gate;
mod gate_text;
mod glimpse;
pub mod goal;
pub mod invariant;
mod invariant_text;
pub mod probe;
mod probe_text;
mod scan;
pub mod step;
mod step_check;
mod step_text;
mod unit;
mod view;

pub use scan::ExprError;
pub(crate) use step_check::{equal, shown, took_holds};
pub use view::View;
