//! The test runner's report, line by line: what passing tests print is left out but for the lines meant to be seen.

/// What a passing test prints is shown when the line begins so.
pub const SHOWN_PREFIXES: [&str; 2] = ["count:", "not run"];

/// In nextest's report the word of a line that tells how a test ended is set flush right to this column, and a
/// bracket with the time follows.
const STATUS_WIDTH: usize = 12;

/// Reads nextest's report and decides what to show of each line.
#[derive(Debug, Default)]
pub struct Filter {
    /// Whether the lines that follow are what a passing test printed.
    passing: bool,
}

impl Filter {
    /// What to show of the next line of the report (given without its line end), if anything.
    pub fn line<'a>(&mut self, line: &'a str) -> Option<&'a str> {
        let plain = without_colour(line);
        if let Some(status) = status_word(&plain) {
            self.passing = matches!(status, "PASS" | "LEAK");
            return Some(line);
        }
        if !self.passing {
            return Some(line);
        }
        let is_printed_by_test = plain.trim().is_empty() || plain.starts_with("  ");
        if !is_printed_by_test {
            self.passing = false;
            return Some(line);
        }
        let content = plain.trim_start();
        SHOWN_PREFIXES.iter().any(|prefix| content.starts_with(prefix)).then(|| line.trim_start())
    }
}

/// `PASS` of `        PASS [   0.004s] tasker-domain::graph cycles_are_named`.
fn status_word(plain: &str) -> Option<&str> {
    let (word, rest) = plain.split_at_checked(STATUS_WIDTH)?;
    if !rest.starts_with(" [") {
        return None;
    }
    let word = word.trim_start();
    let is_status = word.starts_with(|first: char| first.is_ascii_uppercase());
    is_status.then_some(word)
}

/// The line without the escape sequences that colour it.
fn without_colour(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut parts = line.split("\u{1b}[");
    plain.extend(parts.next());
    for part in parts {
        let end = part.find(|letter: char| letter.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1);
        plain.push_str(&part[end..]);
    }
    plain
}
