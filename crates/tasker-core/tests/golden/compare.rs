//! Two sets of rows, field by field.

use std::fmt;

use serde_json::Value;
use tasker_testing::rails::TransitionRow;

use crate::columns::{self, Owner};
use crate::courses::{Course, Courses, Known, Side, failed_for_good, states};
use crate::fields::{Path, fields};

/// What a comparison comes to.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) equal: usize,
    /// Where a field differs, and the ruling that says so.
    pub(crate) explained: Vec<(Path, &'static str)>,
    pub(crate) unexplained: Vec<Difference>,
}

#[derive(Debug)]
pub(crate) struct Difference {
    what: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

pub(crate) fn compare(recorded: &Value, ours: &Value, known: &Known) -> Comparison {
    let mut comparison = Comparison::default();
    let (theirs, here) = match (Side::of(recorded), Side::of(ours)) {
        (Ok(theirs), Ok(here)) => (theirs, here),
        (theirs, here) => {
            for (whose, error) in [("the recording", theirs.err()), ("ours", here.err())] {
                let differs =
                    error.map(|error| Difference { what: format!("the rows of {whose} cannot be read: {error}") });
                comparison.unexplained.extend(differs);
            }
            return comparison;
        }
    };
    let judge = Judge { courses: Courses::of(&theirs, &here, known), theirs, ours: here, known };
    if let Some(what) = judge.child_before_parent(ours) {
        comparison.unexplained.push(Difference { what });
    }
    let (recorded, ours) = (fields(recorded), fields(ours));
    let mut paths: Vec<&Path> = recorded.keys().chain(ours.keys()).collect();
    paths.sort();
    paths.dedup();
    for path in paths {
        let (theirs, here) = (recorded.get(path), ours.get(path));
        if theirs == here {
            comparison.equal += 1;
            continue;
        }
        match judge.ruling(path, theirs, here) {
            Some(ruling) => comparison.explained.push((path.clone(), ruling)),
            None => comparison.unexplained.push(Difference {
                what: format!(
                    "{}: recorded {}, ours {}",
                    path.join("."),
                    theirs.map_or("nothing".to_owned(), Value::to_string),
                    here.map_or("nothing".to_owned(), Value::to_string)
                ),
            }),
        }
    }
    comparison
}

struct Judge<'a> {
    theirs: Side,
    ours: Side,
    known: &'a Known,
    courses: Courses,
}

impl Judge<'_> {
    /// The ruling by which a field differs.
    fn ruling(&self, path: &[String], theirs: Option<&Value>, ours: Option<&Value>) -> Option<&'static str> {
        let parts: Vec<&str> = path.iter().map(String::as_str).collect();
        match parts.as_slice() {
            ["task", "complete"] => {
                let is_right = ours? == &Value::from(self.ours.task_state() == "complete");
                self.courses.task.ruling().filter(|_| is_right)
            }
            ["steps", step, column] => self.of_column(step, column, ours?),
            // A history without rows is a field of its own.
            ["step_transitions", step] => self.of_empty(self.courses.step(step), ours, self.ours.history(step)),
            ["task_transitions"] => self.of_empty(self.courses.task, ours, &self.ours.task_transitions),
            ["step_transitions", step, place, column] => {
                let histories = (self.theirs.history(step), self.ours.history(step));
                self.of_history(
                    self.courses.step(step),
                    histories,
                    place,
                    column,
                    Owner::Step { known: self.known, name: step },
                )
            }
            ["task_transitions", place, column] => {
                let histories = (self.theirs.task_transitions.as_slice(), self.ours.task_transitions.as_slice());
                self.of_history(
                    self.courses.task,
                    histories,
                    place,
                    column,
                    Owner::Task { steps: self.ours.steps().len() },
                )
            }
            ["transition_order", "length"] => {
                let rows: usize = self.ours.steps().iter().map(|step| self.ours.history(&step.name).len()).sum();
                self.courses.any_ruling().filter(|_| *ours.unwrap_or(&Value::Null) == rows)
            }
            ["transition_order", step] => {
                let here = states(self.ours.history(step));
                let is_right = ours.map_or(here.is_empty(), |ours| *ours == Value::from(here));
                self.courses.step(step).ruling().filter(|_| is_right)
            }
            ["execution_context", "0", column] => self.of_context(column, theirs?, ours?),
            ["readiness", step, column] => self.of_readiness(step, column, theirs?, ours?),
            _ => None,
        }
    }

    /// A column of a step's row.
    fn of_column(&self, name: &str, column: &str, ours: &Value) -> Option<&'static str> {
        let step = self.ours.step(name)?;
        let history = states(self.ours.history(name));
        let course = self.courses.step(name);
        match column {
            "retryable" => (*ours == false && failed_for_good(self.known, name, &history)).then_some("R-14"),
            "retry_limit" => {
                let recorded = self.theirs.step(name)?.retry_limit;
                (course == Course::By("R-22") && step.retry_limit > recorded && step.attempts <= step.retry_limit)
                    .then_some("R-22")
            }
            _ => {
                let is_right = columns::of_step(&self.ours, self.known, step, column)? == *ours;
                match course {
                    Course::By(ruling) => Some(ruling),
                    // What a failure asked for is cleared by a success and overwritten by the next failure.
                    Course::Same if column == "backoff_request_seconds" => Some("R-12"),
                    Course::Same | Course::Unexplained => None,
                }
                .filter(|_| is_right)
            }
        }
    }

    fn of_empty(&self, course: Course, ours: Option<&Value>, history: &[TransitionRow]) -> Option<&'static str> {
        // Either side has rows where the other has an empty list.
        course.ruling().filter(|_| ours.is_none() != history.is_empty())
    }

    /// A column of a row of a history.
    fn of_history(
        &self,
        course: Course,
        (theirs, ours): (&[TransitionRow], &[TransitionRow]),
        place: &str,
        column: &str,
        owner: Owner<'_>,
    ) -> Option<&'static str> {
        let place: usize = place.parse().ok()?;
        let Some(row) = ours.get(place) else { return course.ruling() };
        if !columns::is_well_formed(ours, place) {
            return None;
        }
        let recorded = theirs.get(place).filter(|recorded| recorded.to_state == row.to_state);
        match (column, recorded) {
            ("from_state", Some(recorded)) if recorded.from_state.is_none() => Some("R-06"),
            ("metadata", Some(recorded)) => columns::of_metadata(Some(&recorded.metadata), ours, place, owner),
            ("metadata", None) => columns::of_metadata(None, ours, place, owner).and(course.ruling()),
            _ => course.ruling(),
        }
    }

    /// Why the shared function says something else of a step: its own row differs, or a parent's.
    fn of_readiness(&self, name: &str, column: &str, theirs: &Value, ours: &Value) -> Option<&'static str> {
        let step = self.ours.step(name)?;
        if columns::of_readiness(&self.ours, step, column).is_some_and(|right| right != *ours) {
            return None;
        }
        let of_parents = || self.ours.parents(name).find_map(|parent| self.courses.step(parent).ruling());
        let row = self.theirs.step(name)?;
        self.courses
            .step(name)
            .ruling()
            .or_else(|| self.of_column(name, column, ours).filter(|_| column != "ready_for_execution"))
            .or_else(|| {
                let dead = row.retryable && *theirs == true && *ours == false;
                (column == "ready_for_execution" && dead)
                    .then(|| self.of_column(name, "retryable", &step.retryable.into()))?
            })
            .or_else(|| {
                let cleared = row.backoff_request_seconds != step.backoff_request_seconds;
                let asked = Value::from(step.backoff_request_seconds);
                (column == "next_retry_at" && cleared)
                    .then(|| self.of_column(name, "backoff_request_seconds", &asked))?
            })
            .or_else(of_parents)
    }

    /// Why the shared function says something else of the task: its history differs, or that of a step.
    fn of_context(&self, column: &str, theirs: &Value, ours: &Value) -> Option<&'static str> {
        if columns::of_context(&self.ours, column)? != *ours || theirs == ours {
            return None;
        }
        if column == "status" {
            return self.courses.task.ruling();
        }
        self.courses.any_ruling().or_else(|| {
            // The states agree: what differs is who is ready.
            self.ours.readiness.iter().find_map(|row| {
                let name = row["name"].as_str()?;
                let recorded = self.theirs.readiness.iter().find(|recorded| recorded["name"] == name)?;
                let column = "ready_for_execution";
                (recorded[column] != row[column])
                    .then(|| self.of_readiness(name, column, &recorded[column], &row[column]))?
            })
        })
    }

    /// A child whose first row stands before the last row of a parent.
    fn child_before_parent(&self, ours: &Value) -> Option<String> {
        let order: Vec<&str> = ours["transition_order"].as_array()?.iter().filter_map(Value::as_str).collect();
        let of = |step: &str| {
            let is_of = |entry: &&str| entry.split_once('>').is_some_and(|(name, _)| name == step);
            (order.iter().position(is_of), order.iter().rposition(is_of))
        };
        self.ours.steps().iter().find_map(|child| {
            let began = self.ours.history(&child.name).first().filter(|row| row.to_state == "in_progress")?;
            let first = of(&child.name).0?;
            let late = self.ours.parents(&child.name).find(|parent| of(parent).1.is_none_or(|last| last > first))?;
            Some(format!("{} went to {} before {late} had ended", child.name, began.to_state))
        })
    }
}
