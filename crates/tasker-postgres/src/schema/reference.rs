//! What the original's catalogue says, from the CSV files in `reference/`.

use std::{collections::BTreeSet, sync::LazyLock};

/// A row of a catalogue: its fields as text, an absent value as the empty text.
pub(super) type Row = Vec<String>;

/// The files, parsed. The header of a file names its fields and is not among its rows.
pub(super) struct Reference {
    pub(super) columns: Section,
    pub(super) constraints: Section,
    pub(super) indexes: Section,
    pub(super) views: Section,
    pub(super) sequences: Section,
    pub(super) functions: Section,
}

/// One file.
pub(super) struct Section {
    pub(super) fields: Row,
    pub(super) rows: Vec<Row>,
}

impl Section {
    fn parse(text: &str) -> Self {
        let mut rows = parse_csv(text);
        let fields = rows.remove(0);
        Self { fields, rows }
    }

    /// The distinct values of the first field: the names of the objects.
    pub(super) fn names(&self) -> Vec<String> {
        self.rows.iter().map(|row| row[0].clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

pub(super) fn reference() -> &'static Reference {
    static PARSED: LazyLock<Reference> = LazyLock::new(|| Reference {
        columns: Section::parse(include_str!("../../reference/schema.columns.csv")),
        constraints: Section::parse(include_str!("../../reference/schema.constraints.csv")),
        indexes: Section::parse(include_str!("../../reference/schema.indexes.csv")),
        views: Section::parse(include_str!("../../reference/schema.views.csv")),
        sequences: Section::parse(include_str!("../../reference/schema.sequences.csv")),
        functions: Section::parse(include_str!("../../reference/schema.functions.csv")),
    });
    &PARSED
}

/// Comma-separated values with double quotes around fields that need them, doubled inside.
fn parse_csv(text: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut row = Row::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            _ => field.push(character),
        }
    }
    rows
}
