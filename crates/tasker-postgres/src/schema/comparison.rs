//! The outcome of comparing a database with the original's catalogue.

use super::shape::Shape;
use serde::Serialize;
use std::fmt;

/// Where a database differs from the original. Only Tasker's own tables, functions, view and sequences are judged, never
/// those that an application keeps beside them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// The shape that the indexes of the database come nearest to.
    pub shape: Shape,
    /// What is missing, different, or there against the rules. Empty when the schema equals the original in this shape.
    pub differences: Vec<Difference>,
    /// What is there beside the original and does no harm.
    pub warnings: Vec<Difference>,
    /// Functions whose body is not the one of this release. On a database that the original made these are its own, and
    /// stay.
    pub foreign_bodies: Vec<String>,
}

/// One object that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// What kind of object.
    pub kind: ObjectKind,
    /// Its name; members of a table as `table.member`.
    pub name: String,
    /// What is wrong with it.
    pub problem: Problem,
    /// What follows from it.
    pub effect: Effect,
}

/// Kinds of objects, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ObjectKind {
    /// A table.
    Table,
    /// A column of a table.
    Column,
    /// A primary key, foreign key or other rule of a table.
    Constraint,
    /// An index of a table.
    Index,
    /// A sequence.
    Sequence,
    /// A view or a column of one.
    View,
    /// A function.
    Function,
    /// A trigger on a table.
    Trigger,
}

/// In which way an object is not as expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Problem {
    /// It is not there.
    Missing {
        /// What should be there.
        expected: String,
    },
    /// It is there, but the original has none.
    Unexpected {
        /// What is there.
        found: String,
    },
    /// It is there, but not the same.
    Different {
        /// What should be there.
        expected: String,
        /// What is there.
        found: String,
    },
}

/// What follows from a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Tasker cannot work with this schema.
    Unusable,
    /// Tasker works, but not as it should: more slowly, or against a rule that somebody added.
    Deviation,
    /// Nothing.
    Harmless,
}

impl Comparison {
    /// Whether the schema equals the original in the shape that is named.
    #[must_use]
    pub const fn is_equal(&self) -> bool {
        self.differences.is_empty()
    }

    /// Whether, beyond that, nothing stands beside the original on its tables. Bodies of functions are not asked for: those
    /// of the original differ from ours and stay.
    #[must_use]
    pub const fn is_strictly_equal(&self) -> bool {
        self.is_equal() && self.warnings.is_empty()
    }

    /// Whether Tasker can work with this schema.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.differences.iter().all(|difference| difference.effect != Effect::Unusable)
    }
}

impl ObjectKind {
    const fn heading(self) -> &'static str {
        match self {
            Self::Table => "tables",
            Self::Column => "columns",
            Self::Constraint => "constraints",
            Self::Index => "indexes",
            Self::Sequence => "sequences",
            Self::View => "views",
            Self::Function => "functions",
            Self::Trigger => "triggers",
        }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.differences.len() {
            0 => writeln!(formatter, "shape {}: equal to the original", self.shape)?,
            1 => writeln!(formatter, "shape {}: 1 difference from the original", self.shape)?,
            number => writeln!(formatter, "shape {}: {number} differences from the original", self.shape)?,
        }
        write_grouped(formatter, &self.differences)?;
        if !self.warnings.is_empty() {
            writeln!(formatter, "beside the original, harmless:")?;
            write_grouped(formatter, &self.warnings)?;
        }
        if !self.foreign_bodies.is_empty() {
            writeln!(
                formatter,
                "functions whose body is not the one of this release: {}",
                self.foreign_bodies.join(", ")
            )?;
        }
        Ok(())
    }
}

fn write_grouped(formatter: &mut fmt::Formatter<'_>, differences: &[Difference]) -> fmt::Result {
    let mut heading = None;
    for difference in differences {
        if heading != Some(difference.kind) {
            heading = Some(difference.kind);
            writeln!(formatter, "  {}", difference.kind.heading())?;
        }
        writeln!(formatter, "    {difference}")?;
    }
    Ok(())
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.name)?;
        match &self.problem {
            Problem::Missing { expected } if expected.is_empty() => formatter.write_str("missing"),
            Problem::Missing { expected } => write!(formatter, "missing; expected {expected}"),
            Problem::Unexpected { found } if found.is_empty() => formatter.write_str("not in the original"),
            Problem::Unexpected { found } => write!(formatter, "not in the original; found {found}"),
            Problem::Different { expected, found } => write!(formatter, "expected {expected}; found {found}"),
        }
    }
}
