//! Who starts walks, and when: one file for each model. An executor decides when a walk begins and which; what happens
//! in it is the walker's.

pub(crate) mod closed;
pub(crate) mod open;
pub(crate) mod ramp;
pub(crate) mod ration;
