//! Which view a run gets, whether it may use colour, and which characters the terminal can show.
//!
//! Everything here is decided by pure functions from what the caller saw, so that each combination can be tested.

use std::ffi::OsString;

/// The environment variables that a view depends on, read once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Environment {
    /// `NO_COLOR` is set and not empty.
    pub no_color: bool,
    /// `CLICOLOR_FORCE` is set and neither empty nor `0`.
    pub clicolor_force: bool,
    /// `CLICOLOR` is `0`.
    pub clicolor_off: bool,
    /// `TERM`, where set and not empty.
    pub term: Option<String>,
    /// The locale of characters: the first of `LC_ALL`, `LC_CTYPE`, `LANG` that is set and not empty.
    pub locale: Option<String>,
}

impl Environment {
    /// Reads the variables through `lookup`, usually `|name| std::env::var_os(name)`.
    pub fn read(lookup: impl Fn(&str) -> Option<OsString>) -> Self {
        let text = |name: &str| {
            let value = lookup(name)?.to_string_lossy().into_owned();
            if value.is_empty() { None } else { Some(value) }
        };
        Self {
            no_color: text("NO_COLOR").is_some(),
            clicolor_force: text("CLICOLOR_FORCE").is_some_and(|value| value != "0"),
            clicolor_off: text("CLICOLOR").is_some_and(|value| value == "0"),
            term: text("TERM"),
            locale: text("LC_ALL").or_else(|| text("LC_CTYPE")).or_else(|| text("LANG")),
        }
    }

    /// Whether the terminal can move its cursor and show colour: `TERM` names one that can. Windows sets no `TERM`.
    fn terminal_is_capable(&self) -> bool {
        match self.term.as_deref() {
            Some(term) => term != "dumb",
            None => cfg!(windows),
        }
    }
}

/// How a run is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// A list of the steps that is redrawn in place.
    Live,
    /// One line per change.
    Plain,
    /// Nothing while the run goes on; one JSON document at its end.
    Json,
}

impl Mode {
    /// Chooses the view.
    ///
    /// Progress goes to stderr, so a live list needs a capable terminal there. Where stdout goes does not matter
    /// (`tasker run … | tee result` still shows the list), and `NO_COLOR` takes away colour, not the list.
    pub fn choose(stderr_is_tty: bool, json: bool, environment: &Environment) -> Self {
        if json {
            return Self::Json;
        }
        if stderr_is_tty && environment.terminal_is_capable() { Self::Live } else { Self::Plain }
    }
}

/// The characters that may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charset {
    /// The locale is UTF-8.
    Unicode,
    /// Anything else: marks, bars and names are written in ASCII.
    Ascii,
}

impl Charset {
    /// Chooses by the locale; no locale at all is the locale "C", except on Windows, whose terminals take UTF-8.
    pub fn choose(environment: &Environment) -> Self {
        let Some(locale) = environment.locale.as_deref() else {
            return if cfg!(windows) { Self::Unicode } else { Self::Ascii };
        };
        let locale = locale.to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Self::Unicode } else { Self::Ascii }
    }

    /// The sign that text was cut off.
    pub(crate) fn ellipsis(self) -> &'static str {
        match self {
            Self::Unicode => "…",
            Self::Ascii => "...",
        }
    }

    /// Stands for a character that cannot be shown.
    pub(crate) fn replacement(self) -> char {
        match self {
            Self::Unicode => '\u{fffd}',
            Self::Ascii => '?',
        }
    }

    /// Between two parts of one line.
    pub(crate) fn separator(self) -> &'static str {
        match self {
            Self::Unicode => " · ",
            Self::Ascii => " | ",
        }
    }

    /// Between the ends of a range.
    pub(crate) fn range(self) -> &'static str {
        match self {
            Self::Unicode => "–",
            Self::Ascii => "-",
        }
    }
}

/// What one output stream may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Colour and other attributes may be written.
    pub colour: bool,
    /// The characters that may be written.
    pub charset: Charset,
}

impl Look {
    /// The look of a stream: `NO_COLOR` wins over `CLICOLOR_FORCE`, which wins over everything else; otherwise colour
    /// needs a terminal that is not `dumb`, and no `CLICOLOR=0`.
    pub fn choose(stream_is_tty: bool, environment: &Environment) -> Self {
        let charset = Charset::choose(environment);
        let colour = if environment.no_color {
            false
        } else if environment.clicolor_force {
            true
        } else {
            stream_is_tty && !environment.clicolor_off && environment.terminal_is_capable()
        };
        Self { colour, charset }
    }
}
