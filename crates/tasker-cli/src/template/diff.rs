//! `tasker template diff`.

use std::path::Path;

use anstyle::{AnsiColor, Style};
use serde::Serialize;
use tasker_domain::code::Code;
use tasker_domain::json::Json;
use tasker_domain::template::{Difference, FieldChange, Obstacle, Rewiring, StepChange, Template};

use crate::failure::{ExitStatus, Failure};
use crate::printing::{to_stdout, visible};

use super::{load, unwritable};

/// Longest value that is shown, in characters.
const LONGEST_VALUE: usize = 120;

/// One of the two versions.
#[derive(Serialize)]
struct Version<'t> {
    file: String,
    namespace: &'t str,
    name: &'t str,
    version: String,
    content_hash: String,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Document<'t> {
    same: bool,
    old: Version<'t>,
    new: Version<'t>,
    difference: &'t Difference,
    /// Whether a task that was made from the old version could go on by the new one.
    can_move: bool,
    obstacles: Vec<Obstacle>,
}

/// Compares the two and says what a task that runs would make of it.
pub(super) fn run(old: &Path, new: &Path, environment: Option<&str>, json: bool) -> Result<ExitStatus, Failure> {
    let old_template = load(old, environment)?.template;
    let new_template = load(new, environment)?.template;
    let difference = Difference::between(&old_template, &new_template);
    let obstacles = difference.obstacles();
    if json {
        let document = Document {
            same: difference.is_empty(),
            old: described(old, &old_template),
            new: described(new, &new_template),
            difference: &difference,
            can_move: obstacles.is_empty(),
            obstacles,
        };
        let text = serde_json::to_string(&document).map_err(|error| {
            Failure::of(ExitStatus::Unavailable, Code::DEFECT, format!("the difference is no JSON: {error}"))
        })?;
        to_stdout(format_args!("{text}")).map_err(unwritable)?;
    } else {
        for line in lines(&difference, &obstacles) {
            to_stdout(format_args!("{line}")).map_err(unwritable)?;
        }
    }
    Ok(if difference.is_empty() { ExitStatus::Success } else { ExitStatus::Failed })
}

fn described<'t>(file: &Path, template: &'t Template) -> Version<'t> {
    Version {
        file: file.display().to_string(),
        namespace: &template.namespace,
        name: &template.name,
        version: template.version.to_string(),
        content_hash: template.content_hash(),
    }
}

fn lines(difference: &Difference, obstacles: &[Obstacle]) -> Vec<String> {
    if difference.is_empty() {
        return vec!["nothing differs".to_owned()];
    }
    let good = Style::new().fg_color(Some(AnsiColor::Green.into()));
    let bad = Style::new().fg_color(Some(AnsiColor::Red.into()));
    let mut lines = Vec::new();
    if !difference.template.is_empty() {
        lines.push("the template".to_owned());
        difference.template.iter().for_each(|change| field(change, &mut lines));
    }
    lines.extend(difference.removed.iter().map(|step| format!("{bad}- step {}{bad:#}", one_line(step))));
    lines.extend(difference.added.iter().map(|step| format!("{good}+ step {}{good:#}", one_line(step))));
    for (step, fields, rewiring) in by_step(difference) {
        lines.push(format!("~ step {}", one_line(step)));
        fields.iter().for_each(|change| field(change, &mut lines));
        if let Some(rewiring) = rewiring {
            let (before, after) = (names(&rewiring.before), names(&rewiring.after));
            lines.push(format!("    waits for: {before} → {after}"));
        }
    }
    if difference.reordered {
        lines.push("the steps stand in another order".to_owned());
    }
    lines.push(String::new());
    if obstacles.is_empty() {
        lines.push("a task that runs by the old version could go on by the new one".to_owned());
    } else {
        lines.push("a task that runs by the old version could not go on by the new one:".to_owned());
        lines.extend(obstacles.iter().map(|obstacle| format!("  {}", visible(&obstacle.to_string()))));
    }
    lines
}

/// Changed and rewired steps together: each step once, changed ones first.
fn by_step(difference: &Difference) -> Vec<(&str, &[FieldChange], Option<&Rewiring>)> {
    let rewired = |step: &str| difference.rewired.iter().find(|rewiring| rewiring.step == step);
    let is_changed = |rewiring: &&Rewiring| difference.changed.iter().any(|change| change.step == rewiring.step);
    let changed =
        difference.changed.iter().map(|StepChange { step, fields }| (step.as_str(), fields.as_slice(), rewired(step)));
    let only_rewired = difference
        .rewired
        .iter()
        .filter(|rewiring| !is_changed(rewiring))
        .map(|rewiring| (rewiring.step.as_str(), &[][..], Some(rewiring)));
    changed.chain(only_rewired).collect()
}

fn field(change: &FieldChange, lines: &mut Vec<String>) {
    leaves(&change.field, change.before.as_ref(), change.after.as_ref(), lines);
}

/// One line for each value that differs; objects are gone into.
fn leaves(path: &str, before: Option<&Json>, after: Option<&Json>, lines: &mut Vec<String>) {
    if let (Some(Json::Object(old)), Some(Json::Object(new))) = (before, after) {
        let added = new.keys().filter(|key| !old.contains_key(*key));
        let count = lines.len();
        for key in old.keys().chain(added) {
            let (old_value, new_value) = (old.get(key), new.get(key));
            let is_same = old_value.map(Json::to_string) == new_value.map(Json::to_string);
            if !is_same {
                leaves(&format!("{path}.{key}"), old_value, new_value, lines);
            }
        }
        if lines.len() == count {
            lines.push(format!("    {}: keys in another order", one_line(path)));
        }
        return;
    }
    let shown = |value: Option<&Json>| value.map_or_else(|| "(none)".to_owned(), value_text);
    lines.push(format!("    {}: {} → {}", one_line(path), shown(before), shown(after)));
}

fn value_text(value: &Json) -> String {
    match value {
        Json::String(text) if !text.is_empty() && text.trim() == text => one_line(text),
        other => one_line(&other.to_string()),
    }
}

fn names(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(|name| one_line(name)).collect::<Vec<_>>().join(", ")
}

fn one_line(text: &str) -> String {
    let shown = visible(text).replace('\n', "\\n");
    if shown.chars().count() <= LONGEST_VALUE {
        return shown;
    }
    let begin: String = shown.chars().take(LONGEST_VALUE).collect();
    format!("{begin}…")
}
