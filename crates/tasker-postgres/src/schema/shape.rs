//! The three shapes of the schema: which of the original's indexes are there.

use serde::Serialize;
use std::{fmt, sync::LazyLock};

/// Every index with its class and reason; the one place that says which shape has which.
const INDEXES: &str = include_str!("../../sql/public/indexes.tsv");

/// How many of the original's indexes a database has. Tables, constraints, functions and the view are the same in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Primary keys, unique indexes and those that our statements use.
    Lean,
    /// All but exact duplicates and indexes that can never hold a row.
    Slim,
    /// All 99, as the original makes them.
    Full,
}

impl Shape {
    /// Every shape, the one with the fewest indexes first.
    pub const ALL: [Self; 3] = [Self::Lean, Self::Slim, Self::Full];

    /// Whether the shape has indexes of this class.
    #[must_use]
    pub const fn has(self, class: IndexClass) -> bool {
        match class {
            IndexClass::Key | IndexClass::Unique | IndexClass::Lookup => true,
            IndexClass::Other => matches!(self, Self::Slim | Self::Full),
            IndexClass::Duplicate | IndexClass::Dead => matches!(self, Self::Full),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Lean => "lean",
            Self::Slim => "slim",
            Self::Full => "full",
        })
    }
}

/// Why an index exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndexClass {
    /// Of a primary key; made with the table.
    Key,
    /// A rule that the rows obey.
    Unique,
    /// One of our statements uses it.
    Lookup,
    /// Exactly the same as another one.
    Duplicate,
    /// It can never hold a row.
    Dead,
    /// The original may use it; none of our statements does.
    Other,
}

impl IndexClass {
    fn from_word(word: &str) -> Option<Self> {
        Some(match word {
            "key" => Self::Key,
            "unique" => Self::Unique,
            "lookup" => Self::Lookup,
            "duplicate" => Self::Duplicate,
            "dead" => Self::Dead,
            "other" => Self::Other,
            _ => return None,
        })
    }
}

/// One index of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IndexDefinition {
    /// Its table, in schema `public`.
    pub table: &'static str,
    /// Its name.
    pub name: &'static str,
    /// Why it exists.
    pub class: IndexClass,
    /// What follows the table's name in `CREATE INDEX`; `-` for the index of a primary key.
    pub definition: &'static str,
    /// What it is good for, in words.
    pub reason: &'static str,
}

impl IndexDefinition {
    /// The statement that makes the index; `None` for the index of a primary key, which comes with its table.
    #[must_use]
    pub fn create_statement(&self) -> Option<String> {
        let unique = match self.class {
            IndexClass::Key => return None,
            IndexClass::Unique => "UNIQUE ",
            IndexClass::Lookup | IndexClass::Duplicate | IndexClass::Dead | IndexClass::Other => "",
        };
        Some(format!("CREATE {unique}INDEX {} ON public.{} {};\n", self.name, self.table, self.definition))
    }

    /// The statement that makes the index without keeping anybody from writing; not possible inside a transaction.
    #[must_use]
    pub fn create_concurrently_statement(&self) -> Option<String> {
        self.create_statement().map(|statement| statement.replacen("INDEX ", "INDEX CONCURRENTLY ", 1))
    }
}

/// Every index of the original, in the order of `sql/public/indexes.tsv`.
///
/// # Panics
/// When that file, which is compiled in, is not well formed; a test reads it.
#[must_use]
pub fn indexes() -> &'static [IndexDefinition] {
    static PARSED: LazyLock<Vec<IndexDefinition>> =
        LazyLock::new(|| INDEXES.lines().filter(|line| !line.starts_with('#')).skip(1).map(index_of_line).collect());
    &PARSED
}

fn index_of_line(line: &'static str) -> IndexDefinition {
    let fields: Vec<&'static str> = line.split('\t').collect();
    let [table, name, class, definition, reason] = fields[..] else {
        panic!("indexes.tsv: five fields are expected in {line:?}");
    };
    let Some(class) = IndexClass::from_word(class) else {
        panic!("indexes.tsv: no class {class:?}");
    };
    IndexDefinition { table, name, class, definition, reason }
}
