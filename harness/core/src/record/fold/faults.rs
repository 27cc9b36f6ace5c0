//! A fault's events into its record: one for each of its turns. Knows no load: what the fault did to it is the verdict's.

use crate::name::Name;
use crate::record::{FaultRecord, Record};

/// Of records, and of faults that fired, each.
pub(super) const MAX_FAULTS: usize = 1000;

impl Record {
    pub(super) fn armed(
        &mut self,
        at: u64,
        (fault, turn): (&str, u32),
        scenario: Option<&Name>,
        what: &str,
    ) {
        if self.room(self.faults.len() < MAX_FAULTS, "faults") {
            self.faults.push(FaultRecord {
                name: fault.to_owned(),
                turn,
                scenario: scenario.cloned(),
                what: what.to_owned(),
                armed_us: at,
                effective_us: None,
                assumed: false,
                by: None,
                lifted_us: None,
                failed: None,
            });
        }
    }

    /// Changes the last fault of that name and turn; one that failed before it was announced gets a record of its own.
    pub(super) fn fault(
        &mut self,
        at: u64,
        (fault, turn): (&str, u32),
        scenario: Option<&Name>,
        change: impl FnOnce(&mut FaultRecord),
    ) {
        let same =
            |f: &FaultRecord| f.name == fault && f.turn == turn && f.scenario.as_ref() == scenario;
        if !self.faults.iter().any(same) {
            self.armed(at, (fault, turn), scenario, "");
        }
        if let Some(record) = self.faults.iter_mut().rev().find(|f| same(f)) {
            change(record);
        }
    }
}
