//! Whether a build got slower: a candidate's runs held against a baseline's. Validity first, then the sizes of the two
//! kinds of chance (seconds of one run differ, and runs differ from each other), then one of five classes for each name and
//! quantile. A pure function of samples and settings; the method is told in docs/regression.md, what differs from its
//! sources in docs/decisions/0029.

mod accepted;
mod calibration;
mod classes;
mod columns;
mod conditions;
mod curves;
mod damaged;
mod errors;
mod estimate;
mod fit;
mod grid;
mod history;
mod intervals;
mod judge;
mod noise;
mod outcome;
mod packing;
mod runs;
mod sample;
mod settings;
mod shape;
mod validity;

pub use accepted::{
    ACCEPTED_FORMAT, Accepted, AcceptedError, Against, Levels, MOST_ACCEPTED, contaminated, levels,
};
pub use calibration::{
    Alarms, CALIBRATION_FORMAT, CALIBRATION_RUNS, Calibrated, Calibration, Played, Uncalibrated,
    Visible, fitting,
};
pub use conditions::{Conditions, Difference};
pub use curves::{Curves, Level, Point, Reach, Run, curves};
pub use damaged::Damaged;
pub use estimate::{Estimate, NameEstimate, QuantileEstimate, Span};
pub(crate) use fit::never_quiet;
pub use fit::{measured, unfit};
pub use intervals::{Interval, Intervals, Stretch, TOLD, Windows, intervals, of_windows};
pub use judge::{Inputs, Key, compare, hold};
pub use noise::{Noise, Spread};
pub use outcome::{
    ByCalibration, Class, Comparison, Decide, Effect, ErrorFigure, FORMAT, Figure, Held,
    HistoryFigure, Pinned, SelfTest, Shape, Side, Tau, Why,
};
pub use runs::{Beside, Runs, Silent, across, drawn, played, quantile, spoken};
pub(crate) use runs::{accepted, asking};
pub use sample::{ALL, MAX_WINDOWS, Sample, SampleError, Series, Window};
pub use settings::{Settings, SettingsError};
