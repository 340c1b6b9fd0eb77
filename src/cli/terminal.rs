//! The terminal and the environment, read once; what follows from them is decided by pure functions.

use std::env;
use std::io::{IsTerminal as _, stderr, stdout};

use super::config::{Charset, Colour, Config, Diff};
use crate::model::proxy::ProxyEnvironment;
use crate::report::{Style, Verbosity};

/// The width that text has where no terminal reads it.
const PIPED: usize = 100;
/// The narrowest that text gets: below this, words would stand in a column of their own.
const NARROWEST: usize = 40;

/// What the terminal and the environment say.
// Each is a fact of its own that another asks for; together they are no state.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terminal {
    /// Whether a terminal reads stdout.
    pub stdout: bool,
    /// Whether a terminal reads stderr.
    pub stderr: bool,
    /// The columns of the terminal that reads stdout.
    pub columns: Option<usize>,
    /// Its lines.
    pub lines: Option<usize>,
    /// `PAGER`, where it is set, be it empty.
    pub pager: Option<String>,
    /// Whether `LESS` is set.
    pub less: bool,
    /// `NO_COLOR`, set and not empty (no-color.org).
    pub no_color: bool,
    /// `CLICOLOR_FORCE`, set and neither empty nor 0 (bixense.com/clicolors).
    pub force_color: bool,
    /// `TERM=dumb`.
    pub dumb: bool,
    /// What the environment says of proxies.
    pub proxies: ProxyEnvironment,
    /// Whether the locale's character set is UTF-8 (`LC_ALL`, `LC_CTYPE`, `LANG`; locale(7)).
    pub utf8: bool,
}

impl Terminal {
    /// Reads the environment and the terminal.
    pub fn read() -> Self {
        let set = |name: &str| {
            env::var(name)
                .ok()
                .filter(|value: &String| !value.is_empty())
        };
        let tty = stdout().is_terminal();
        let size = tty.then(terminal_size::terminal_size).flatten();
        Self {
            stdout: tty,
            stderr: stderr().is_terminal(),
            columns: size
                .map(|(width, _)| usize::from(width.0))
                .filter(|width| *width > 0),
            lines: size
                .map(|(_, height)| usize::from(height.0))
                .filter(|height| *height > 0),
            pager: env::var("PAGER").ok(),
            less: env::var_os("LESS").is_some(),
            no_color: set("NO_COLOR").is_some(),
            force_color: set("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            dumb: set("TERM").is_some_and(|term| term == "dumb"),
            proxies: ProxyEnvironment::read(|name| set(name)),
            utf8: utf8(["LC_ALL", "LC_CTYPE", "LANG"].map(set)),
        }
    }

    /// How the result looks on stdout.
    pub fn style(&self, colour: Colour, config: Option<&Config>) -> Style {
        Style {
            width: if self.stdout {
                self.columns.unwrap_or(80).max(NARROWEST)
            } else {
                PIPED
            },
            colour: self.coloured(config.map_or(colour, |config| config.colour)),
            ascii: !self.utf8 || config.is_some_and(|config| config.charset == Charset::Ascii),
            verbosity: config.map_or(Verbosity::Normal, |config| config.verbosity),
        }
    }

    /// How a comparison looks on stdout.
    pub fn diff_style(&self, diff: &Diff) -> Style {
        Style {
            verbosity: diff.verbosity,
            ..self.prose_style(diff.colour, diff.charset)
        }
    }

    /// How something that is no report looks on stdout.
    pub fn prose_style(&self, colour: Colour, charset: Charset) -> Style {
        Style {
            ascii: !self.utf8 || charset == Charset::Ascii,
            ..self.style(colour, None)
        }
    }

    /// How the result looks in a file: plain, and as wide as it is piped.
    pub fn file_style(&self, config: &Config) -> Style {
        Style {
            width: PIPED,
            colour: false,
            ascii: config.charset == Charset::Ascii,
            verbosity: config.verbosity.max(Verbosity::Normal),
        }
    }

    /// Whether progress may be drawn on stderr.
    pub fn draws_progress(&self, config: &Config) -> bool {
        self.stderr && !self.dumb && config.verbosity != Verbosity::Quiet
    }

    fn coloured(&self, colour: Colour) -> bool {
        match colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if self.no_color => false,
            Colour::Auto if self.force_color => true,
            Colour::Auto => self.stdout && !self.dumb,
        }
    }
}

/// Whether the locale that these name, the first that is set, is of UTF-8. Where none is set nothing speaks of an old terminal, and
/// every system of today has UTF-8; `C` and `POSIX` say ASCII.
fn utf8(names: [Option<String>; 3]) -> bool {
    let Some(locale) = names.into_iter().flatten().next() else {
        return true;
    };
    let locale = locale.to_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

#[cfg(test)]
mod tests {
    use super::{Colour, Terminal, utf8};

    #[test]
    fn colour_is_for_a_terminal_unless_somebody_says_otherwise() {
        let terminal = Terminal {
            stdout: true,
            ..Terminal::default()
        };
        let is = |terminal: &Terminal, colour| terminal.coloured(colour);
        assert!(is(&terminal, Colour::Auto));
        assert!(!is(&terminal, Colour::Never));
        assert!(!is(&Terminal::default(), Colour::Auto));
        assert!(is(&Terminal::default(), Colour::Always));
        let forced = Terminal {
            force_color: true,
            ..Terminal::default()
        };
        assert!(is(&forced, Colour::Auto));
        let both = Terminal {
            no_color: true,
            ..forced
        };
        assert!(!is(&both, Colour::Auto));
        assert!(is(&both, Colour::Always));
        let dumb = Terminal {
            dumb: true,
            ..terminal
        };
        assert!(!is(&dumb, Colour::Auto));
    }

    #[test]
    fn the_first_locale_that_is_set_decides() {
        let some = |text: &str| Some(text.to_owned());
        assert!(utf8([None, None, some("de_DE.UTF-8")]));
        assert!(utf8([None, some("C.utf8"), some("C")]));
        assert!(!utf8([some("POSIX"), some("C.utf8"), None]));
        assert!(!utf8([None, None, some("de_DE.ISO-8859-1")]));
        assert!(utf8([None, None, None]));
    }
}
