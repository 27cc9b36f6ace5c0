//! A chaos matrix as planned: every journey, every link it uses, every fault of a set; each such cell is a scenario of the
//! plan like any other.

use super::fault::FaultKind;
use crate::name::Name;
use serde::{Deserialize, Serialize};

/// Which scenarios of a plan are a matrix, and what was left out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MatrixPlan {
    /// The cells, in the order they are played.
    pub cells: Vec<Cell>,
    /// Links that carried nothing while a journey was walked alone: its faults there could change nothing.
    pub unused: Vec<Unused>,
    /// Journeys left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A journey that is not in a matrix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The journey.
    pub journey: Name,
    /// Why.
    pub reason: String,
}

/// One journey under one fault of one link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The scenario that plays it.
    pub scenario: Name,
    /// The journey.
    pub journey: Name,
    /// The link.
    pub link: Name,
    /// The fault.
    pub fault: FaultKind,
}

/// A link that a journey does not use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unused {
    /// The journey.
    pub journey: Name,
    /// The link.
    pub link: Name,
}
