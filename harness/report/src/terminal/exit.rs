//! The last line of a summary: which exit code comes and why, where it is not 0. The answer alone does not say.

use super::wrap::wrapped;
use super::{Paint, Style};
use harness_core::readiness::Exit;
use std::io::{self, Write};

/// Writes the line; nothing for a code of 0.
pub fn render(out: &mut dyn Write, style: Style, exit: &Exit) -> io::Result<()> {
    if exit.code == 0 {
        return Ok(());
    }
    let word = style.paint(Paint::Dim, "exit code");
    wrapped(out, style, &format!("{word} {}  ", exit.code), &exit.why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_that_is_not_0_is_told_with_its_reason() {
        let told = |code, why: &str| {
            let exit = Exit {
                code,
                why: why.to_owned(),
            };
            let mut out = Vec::new();
            render(&mut out, Style::PLAIN, &exit).unwrap();
            String::from_utf8(out).unwrap()
        };
        assert_eq!(told(0, ""), "");
        assert_eq!(
            told(5, "nothing failed, but inconclusive: error_rate < 1%"),
            "exit code 5  nothing failed, but inconclusive: error_rate < 1%\n"
        );
    }
}
