//! The one small language of steps and gates: subject, operator, value with a unit. Parsed once; serialised as the
//! text it prints, which parses to the same value.

pub mod gate;
pub mod step;
