//! The ledger of behaviours: what became of each behaviour of the original, and which test would notice its loss.
//!
//! `docs/behaviours.tsv` has a line for each id of the list in `xtask/behaviour-areas.tsv`: id, status, where.

use std::collections::HashMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// The ledger, from the root of the workspace.
pub const LEDGER: &str = "docs/behaviours.tsv";
const AREAS: &str = include_str!("../behaviour-areas.tsv");
const HEADING: &str = "id\tstatus\twhere";
/// Most problems that are shown.
const SHOWN: usize = 20;

/// A part of the checklist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Area {
    /// What its ids begin with, such as `B-SQL`.
    pub prefix: String,
    /// How many behaviours it has, numbered from 001.
    pub behaviours: usize,
    /// Nothing in it may be left for later.
    pub finished: bool,
    /// Its title.
    pub title: String,
}

/// What became of a behaviour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// A test would fail if it were gone.
    Tested,
    /// It is another one here, by a ruling or for a reason.
    Changed,
    /// It has no counterpart here, for a reason.
    NotHere,
    /// Not yet.
    Later,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Tested, Self::Changed, Self::NotHere, Self::Later];

    fn word(self) -> &'static str {
        match self {
            Self::Tested => "tested",
            Self::Changed => "changed",
            Self::NotHere => "not-here",
            Self::Later => "later",
        }
    }
}

/// How many behaviours of an area have which status, in the order of [`Status::ALL`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AreaCounts {
    /// The area.
    pub area: Area,
    /// The counts.
    pub counts: [usize; 4],
}

/// What the check found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// Counts by area.
    pub areas: Vec<AreaCounts>,
    /// What is wrong, with its line.
    pub problems: Vec<String>,
}

/// Checks the ledger of the workspace, prints the counts of each area, and says whether all is well.
///
/// # Errors
/// When a file cannot be read, and every problem that was found.
pub fn run(root: &Path) -> Result<()> {
    let path = root.join(LEDGER);
    let ledger = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let findings = check(&areas(AREAS)?, &ledger, root);
    println!("{findings}");
    if findings.problems.is_empty() {
        return Ok(());
    }
    let shown = findings.problems.iter().take(SHOWN).cloned().collect::<Vec<_>>().join("\n  ");
    let rest = findings.problems.len().saturating_sub(SHOWN);
    let rest = if rest > 0 { format!("\n  and {rest} more") } else { String::new() };
    bail!("{LEDGER} is not as it must be:\n  {shown}{rest}")
}

/// Reads a list of areas.
///
/// # Errors
/// When a line is not one of an area.
pub fn areas(text: &str) -> Result<Vec<Area>> {
    let lines = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let [prefix, behaviours, state, title] = fields[..] else { bail!("`{line}` has not four fields") };
            let finished = match state {
                "finished" => true,
                "open" => false,
                other => bail!("an area is `open` or `finished`, not `{other}`"),
            };
            let behaviours = behaviours.parse().with_context(|| format!("`{behaviours}` is no number"))?;
            Ok(Area { prefix: prefix.to_owned(), behaviours, finished, title: title.to_owned() })
        })
        .collect()
}

/// Checks a ledger against the list of areas and the tests below `root`.
pub fn check(areas: &[Area], ledger: &str, root: &Path) -> Findings {
    let mut findings = Findings::default();
    let mut tests = Tests { root, files: HashMap::new() };
    let mut lines = ledger.lines().enumerate();
    if lines.next().map(|(_, line)| line) != Some(HEADING) {
        findings.problems.push(format!("line 1: expected the heading `{}`", HEADING.replace('\t', "⇥")));
    }
    for area in areas {
        let mut counts = [0; 4];
        for number in 1..=area.behaviours {
            let id = format!("{}-{number:03}", area.prefix);
            let Some((place, line)) = lines.next() else {
                findings.problems.push(format!("{id} is missing: the ledger has a line for each id, in their order"));
                continue;
            };
            let at = format!("line {}", place + 1);
            let fields: Vec<&str> = line.split('\t').collect();
            let [found, word, place] = fields[..] else {
                findings.problems.push(format!("{at}: expected three fields with tabs between them"));
                continue;
            };
            if found != id {
                findings.problems.push(format!("{at}: expected {id}, found {found}"));
                return findings;
            }
            let Some(which) = Status::ALL.iter().position(|status| status.word() == word) else {
                findings.problems.push(format!("{at}: {id} is `{word}`, which is no status"));
                continue;
            };
            counts[which] += 1;
            if let Some(problem) = objection(Status::ALL[which], place, area.finished, &mut tests) {
                findings.problems.push(format!("{at}: {id} is `{word}` {problem}"));
            }
        }
        findings.areas.push(AreaCounts { area: area.clone(), counts });
    }
    for (place, line) in lines {
        findings.problems.push(format!("line {}: `{line}` belongs to no id of the list", place + 1));
    }
    findings
}

/// What speaks against a line, if anything does.
fn objection(status: Status, place: &str, finished: bool, tests: &mut Tests<'_>) -> Option<String> {
    let (named, reasons): (Vec<&str>, Vec<&str>) =
        place.split("; ").map(str::trim).filter(|part| !part.is_empty()).partition(|part| part.contains(".rs::"));
    match status {
        Status::Tested if named.is_empty() => {
            return Some("and names no test: write `path/to/file.rs::name`".to_owned());
        }
        Status::Changed | Status::NotHere if reasons.is_empty() => {
            return Some("and gives no ruling or reason".to_owned());
        }
        Status::Later if finished => return Some("although its area is finished".to_owned()),
        _ => {}
    }
    named.into_iter().find_map(|test| tests.missing(test))
}

/// The files of tests that were looked into.
struct Tests<'a> {
    root: &'a Path,
    files: HashMap<String, Option<String>>,
}

impl Tests<'_> {
    /// Why a test written as `path/to/file.rs::name` is not there.
    fn missing(&mut self, test: &str) -> Option<String> {
        let (path, name) = test.split_once("::")?;
        let root = self.root;
        let text = self.files.entry(path.to_owned()).or_insert_with(|| std::fs::read_to_string(root.join(path)).ok());
        let Some(text) = text else { return Some(format!("by a file that cannot be read: {path}")) };
        (!has_test(text, name)).then(|| format!("by a test that is not there: {test}"))
    }
}

/// Whether a file has a function of this name that is a test: one with an attribute like `#[test]` above it.
fn has_test(text: &str, name: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let signature = format!("fn {name}(");
    lines.iter().enumerate().any(|(place, line)| {
        let line = line.trim_start_matches("pub ").trim_start_matches("async ");
        let above = lines[..place].iter().rev().take_while(|line| line.starts_with("#[") || line.starts_with("//"));
        line.starts_with(&signature) && above.into_iter().any(|line| line.starts_with("#[") && line.contains("test"))
    })
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [tested, changed, not_here, later] = Status::ALL.map(Status::word);
        writeln!(f, "{:<36} {tested:>7} {changed:>7} {not_here:>8} {later:>7} {:>7}", "area", "all")?;
        let mut sums = [0; 4];
        for AreaCounts { area, counts } in &self.areas {
            let title = format!("{} {}", area.title, if area.finished { "(finished)" } else { "" });
            write_counts(f, &title, counts)?;
            for (sum, count) in sums.iter_mut().zip(counts) {
                *sum += count;
            }
        }
        write_counts(f, "count: all areas", &sums)
    }
}

fn write_counts(f: &mut fmt::Formatter<'_>, title: &str, counts: &[usize; 4]) -> fmt::Result {
    let [tested, changed, not_here, later] = counts;
    let all: usize = counts.iter().sum();
    writeln!(f, "{:<36} {tested:>7} {changed:>7} {not_here:>8} {later:>7} {all:>7}", title.trim_end())
}
