//! Lines that are written while a library reports, and sizes as a person reads them.

use std::fmt;
use std::io::{self, Write};

/// Writes lines from callbacks, which cannot fail; the first error comes out at the end.
pub(super) struct Lines<'a, W: Write> {
    output: &'a mut W,
    failed: io::Result<()>,
}

impl<'a, W: Write> Lines<'a, W> {
    pub(super) fn to(output: &'a mut W) -> Self {
        Self { output, failed: Ok(()) }
    }

    /// Writes a line at once, so that who waits sees it.
    pub(super) fn line(&mut self, text: impl fmt::Display) {
        if self.failed.is_ok() {
            self.failed = writeln!(self.output, "{text}").and_then(|()| self.output.flush());
        }
    }

    pub(super) fn finish(self) -> io::Result<()> {
        self.failed
    }
}

/// Bytes in a unit that keeps the number short, in powers of 1024.
pub(super) fn size(bytes: i64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut number = bytes as f64 / 1024.0;
    let mut unit = 0;
    while number >= 1024.0 && unit + 1 < UNITS.len() {
        number /= 1024.0;
        unit += 1;
    }
    if number < 10.0 { format!("{number:.1} {}", UNITS[unit]) } else { format!("{number:.0} {}", UNITS[unit]) }
}

/// A number with its noun.
pub(super) fn count(number: impl Into<i128>, one: &str, many: &str) -> String {
    match number.into() {
        1 => format!("1 {one}"),
        number => format!("{number} {many}"),
    }
}
