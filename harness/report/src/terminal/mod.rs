//! What a terminal, or a CI log, shows: the run while it goes on, and the words at its end. Writes only to what it is
//! handed.

mod exit;
mod faults;
mod live;
mod release;
mod sheet;
mod summary;
mod wrap;

pub use exit::render as render_exit;
pub use live::{Live, TICK};
pub use release::render as render_release;
pub use summary::render;

/// How words are painted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colour is used; never the only carrier of a meaning.
    pub color: bool,
    /// Columns; at least 40 are assumed.
    pub width: usize,
}

impl Style {
    /// Without colour, 80 columns.
    pub const PLAIN: Self = Self {
        color: false,
        width: 80,
    };

    /// For an output: colour on a terminal, unless `NO_COLOR` is set to anything but nothing. `columns` where known.
    pub fn of(is_terminal: bool, no_color: Option<&std::ffi::OsStr>, columns: Option<u16>) -> Self {
        let color = is_terminal && no_color.is_none_or(std::ffi::OsStr::is_empty);
        Self {
            color,
            width: columns.map_or(80, usize::from).clamp(40, 160),
        }
    }

    pub(crate) fn paint(self, paint: Paint, words: &str) -> String {
        let code = match paint {
            Paint::Bold => "1",
            Paint::Dim => "2",
            Paint::Good => "1;32",
            Paint::Bad => "1;31",
            Paint::Doubt => "1;33",
        };
        if self.color {
            format!("\x1b[{code}m{words}\x1b[0m")
        } else {
            words.to_owned()
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Paint {
    Bold,
    Dim,
    Good,
    Bad,
    Doubt,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_that_want_it() {
        let no = |v: &'static str| Some(std::ffi::OsStr::new(v));
        assert!(Style::of(true, None, None).color);
        assert!(Style::of(true, no(""), None).color);
        assert!(!Style::of(true, no("1"), None).color);
        assert!(!Style::of(false, None, None).color);
        assert_eq!(Style::of(true, None, Some(3)).width, 40);
    }
}
