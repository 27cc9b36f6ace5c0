//! Statistics that verdicts rest on, one file a thing, each with its source. Pure numbers in, numbers out: nothing here
//! knows a run, a gate or a unit. What draws at random draws from a seed.

pub mod bootstrap;
pub mod change_points;
pub mod chi_square;
pub mod fdr;
mod gamma;
pub mod normal;
pub mod robust;
pub mod student;
pub mod wilson;
