//! What readers see of a run: the record on disk, the live display, JUnit, Markdown, JSON and the HTML page. All of
//! it is made from events; nothing here knows how they came about, and nothing here prints by itself.

pub mod adhoc;
pub mod baselines;
pub mod calibration;
pub mod capacity;
pub mod chart;
pub mod clocks;
pub mod compare;
pub mod errors;
pub mod export;
pub mod faults;
pub mod figures;
pub mod github;
pub mod headline;
pub mod html;
pub mod index;
pub mod instrument;
pub mod json;
pub mod junit;
pub mod leak;
pub mod markdown;
pub mod matrix;
pub mod phases;
pub mod regression;
pub mod screen;
pub mod series;
pub mod sheet;
pub mod store;
pub mod terminal;
pub mod text;
