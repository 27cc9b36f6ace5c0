//! What readers see of a run: the record on disk, the live display, JUnit, Markdown, JSON and the HTML page. All of
//! it is made from events; nothing here knows how they came about, and nothing here prints by itself.

pub mod adhoc;
pub mod capacity;
pub mod chart;
pub mod clocks;
pub mod compare;
pub mod errors;
pub mod faults;
pub mod figures;
pub mod headline;
pub mod html;
pub mod instrument;
pub mod json;
pub mod junit;
pub mod leak;
pub mod markdown;
pub mod matrix;
pub mod phases;
pub mod screen;
pub mod store;
pub mod terminal;
pub mod text;
