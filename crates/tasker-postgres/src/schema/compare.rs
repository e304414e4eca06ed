//! Comparing a database with the original's catalogue, row by row.

use super::{
    catalogue::{Catalogue, begin},
    comparison::{Comparison, Difference, Effect, ObjectKind, Problem},
    error::SchemaError,
    files::function_body,
    reference::{Row, Section, reference},
    shape::{IndexClass, Shape, indexes},
};
use sqlx::{PgConnection, Postgres, Transaction};
use std::collections::{BTreeMap, BTreeSet};

/// Compares the objects in `public` with the original's.
///
/// # Errors
/// When the catalogues cannot be read.
pub async fn compare(connection: &mut PgConnection) -> Result<Comparison, SchemaError> {
    let mut transaction = begin(connection).await?;
    let comparison = compare_within(&mut transaction).await?;
    transaction.rollback().await?;
    Ok(comparison)
}

/// As [`compare`], in a transaction that [`begin`] began.
pub(super) async fn compare_within(transaction: &mut Transaction<'_, Postgres>) -> Result<Comparison, SchemaError> {
    Ok(judge(&Catalogue::read(transaction).await?))
}

fn judge(found: &Catalogue) -> Comparison {
    let expected = reference();
    let present: BTreeSet<&str> = found.columns.iter().map(|row| row[0].as_str()).collect();
    let mut all = Vec::new();
    for table in expected.columns.names() {
        if !present.contains(table.as_str()) {
            let problem = Problem::Missing { expected: String::new() };
            all.push(Difference { kind: ObjectKind::Table, name: table, problem, effect: Effect::Unusable });
        }
    }
    all.extend(compare_members(ObjectKind::Column, &expected.columns, &found.columns, &present));
    all.extend(compare_members(ObjectKind::Constraint, &expected.constraints, &found.constraints, &present));
    let shape = nearest_shape(&found.indexes);
    all.extend(compare_indexes(shape, &found.indexes, &present));
    all.extend(compare_sequences(&expected.sequences, &found.sequences));
    all.extend(compare_views(&expected.views, &found.views));
    all.extend(compare_functions(&expected.functions, &found.functions));
    all.extend(found.triggers.iter().map(|row| Difference {
        kind: ObjectKind::Trigger,
        name: row.join("."),
        problem: Problem::Unexpected { found: String::new() },
        effect: Effect::Harmless,
    }));
    let (warnings, differences) = all.into_iter().partition(|difference| difference.effect == Effect::Harmless);
    Comparison { shape, differences, warnings, foreign_bodies: foreign_bodies(&found.function_bodies) }
}

/// A row in words: its fields after the key, the empty ones left out.
fn describe(section: &Section, row: &[String], key_fields: usize) -> String {
    let described = section.fields.iter().zip(row).skip(key_fields).filter(|(_, value)| !value.is_empty());
    described.map(|(field, value)| format!("{field} {value}")).collect::<Vec<_>>().join(", ")
}

/// The fields in which two rows differ, in words: expected, found.
fn describe_both(section: &Section, expected: &[String], found: &[String]) -> Problem {
    let differing = |row: &[String], other: &[String]| {
        let fields = section.fields.iter().zip(row.iter().zip(other)).filter(|(_, (own, theirs))| own != theirs);
        let words = fields.map(
            |(field, (value, _))| {
                if value.is_empty() { format!("no {field}") } else { format!("{field} {value}") }
            },
        );
        words.collect::<Vec<_>>().join(", ")
    };
    Problem::Different { expected: differing(expected, found), found: differing(found, expected) }
}

/// Columns or constraints of the tables that are there.
fn compare_members(kind: ObjectKind, section: &Section, found: &[Row], tables: &BTreeSet<&str>) -> Vec<Difference> {
    let mut unexpected: BTreeMap<String, &Row> = found.iter().map(|row| (row[..2].join("."), row)).collect();
    let mut differences = Vec::new();
    for expected in section.rows.iter().filter(|row| tables.contains(row[0].as_str())) {
        let name = expected[..2].join(".");
        let (problem, effect) = match unexpected.remove(&name) {
            None => (Problem::Missing { expected: describe(section, expected, 2) }, Effect::Unusable),
            Some(row) if row == expected => continue,
            Some(row) => (describe_both(section, expected, row), effect_of_member(kind, expected, row)),
        };
        differences.push(Difference { kind, name, problem, effect });
    }
    differences.extend(unexpected.into_iter().map(|(name, row)| Difference {
        kind,
        name,
        problem: Problem::Unexpected { found: describe(section, row, 2) },
        effect: effect_of_unexpected_member(kind, row),
    }));
    differences
}

/// Only the place of a column: nothing of ours counts columns.
fn effect_of_member(kind: ObjectKind, expected: &[String], found: &[String]) -> Effect {
    let only_place = expected.iter().zip(found).enumerate().all(|(field, (own, theirs))| field == 2 || own == theirs);
    if kind == ObjectKind::Column && only_place { Effect::Deviation } else { Effect::Unusable }
}

/// A further column does no harm as long as rows can be written without it; a further rule may refuse our rows.
fn effect_of_unexpected_member(kind: ObjectKind, found: &[String]) -> Effect {
    let may_be_left_out = found[4] == "yes" || !found[5].is_empty() || !found[7].is_empty();
    match kind {
        ObjectKind::Column if may_be_left_out => Effect::Harmless,
        ObjectKind::Column => Effect::Unusable,
        _ => Effect::Deviation,
    }
}

/// The shape with the fewest indexes missing or superfluous; of several the one with the fewest indexes.
fn nearest_shape(found: &[Row]) -> Shape {
    let names: BTreeSet<&str> = found.iter().map(|row| row[1].as_str()).collect();
    let distance =
        |shape: Shape| indexes().iter().filter(|index| shape.has(index.class) != names.contains(index.name)).count();
    Shape::ALL.into_iter().min_by_key(|shape| distance(*shape)).unwrap_or(Shape::Full)
}

fn compare_indexes(shape: Shape, found: &[Row], tables: &BTreeSet<&str>) -> Vec<Difference> {
    let section = &reference().indexes;
    let classes: BTreeMap<&str, IndexClass> = indexes().iter().map(|index| (index.name, index.class)).collect();
    let mut unexpected: BTreeMap<&str, &Row> = found.iter().map(|row| (row[1].as_str(), row)).collect();
    let mut differences = Vec::new();
    for expected in section.rows.iter().filter(|row| tables.contains(row[0].as_str())) {
        let class = classes[expected[1].as_str()];
        let (problem, effect) = match unexpected.remove(expected[1].as_str()) {
            // A missing rule would let rows in that break the state machines; any other index is a matter of speed.
            Some(row) if row == expected && shape.has(class) => continue,
            Some(row) if row == expected => {
                (Problem::Unexpected { found: describe(section, row, 2) }, Effect::Harmless)
            }
            None if !shape.has(class) => continue,
            None => (Problem::Missing { expected: describe(section, expected, 2) }, effect_of_index(expected)),
            Some(row) => (describe_both(section, expected, row), effect_of_index(expected)),
        };
        differences.push(Difference { kind: ObjectKind::Index, name: expected[..2].join("."), problem, effect });
    }
    differences.extend(unexpected.into_values().map(|row| Difference {
        kind: ObjectKind::Index,
        name: row[..2].join("."),
        problem: Problem::Unexpected { found: describe(section, row, 2) },
        effect: if row[2] == "yes" { Effect::Deviation } else { Effect::Harmless },
    }));
    differences
}

fn effect_of_index(expected: &[String]) -> Effect {
    if expected[2] == "yes" { Effect::Unusable } else { Effect::Deviation }
}

fn compare_sequences(section: &Section, found: &[Row]) -> Vec<Difference> {
    let by_name: BTreeMap<&str, &Row> = found.iter().map(|row| (row[0].as_str(), row)).collect();
    let differing = section.rows.iter().filter_map(|expected| {
        let problem = match by_name.get(expected[0].as_str()) {
            None => Problem::Missing { expected: describe(section, expected, 1) },
            Some(row) if *row == expected => return None,
            Some(row) => describe_both(section, expected, row),
        };
        Some(Difference { kind: ObjectKind::Sequence, name: expected[0].clone(), problem, effect: Effect::Unusable })
    });
    differing.collect()
}

fn compare_views(section: &Section, found: &[Row]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for view in section.names() {
        let of_view = |rows: &[Row]| -> Vec<Row> { rows.iter().filter(|row| row[0] == view).cloned().collect() };
        let (expected, found) = (of_view(&section.rows), of_view(found));
        if expected == found {
            continue;
        }
        let columns =
            |rows: &[Row]| rows.iter().map(|row| format!("{} {}", row[1], row[3])).collect::<Vec<_>>().join(", ");
        let problem = if found.is_empty() {
            Problem::Missing { expected: columns(&expected) }
        } else {
            Problem::Different { expected: columns(&expected), found: columns(&found) }
        };
        differences.push(Difference { kind: ObjectKind::View, name: view, problem, effect: Effect::Unusable });
    }
    differences
}

fn compare_functions(section: &Section, found: &[Row]) -> Vec<Difference> {
    // One entry per function, its rows without the field that tells functions of one name apart.
    let mut functions: BTreeMap<(&str, &str), Vec<&[String]>> = BTreeMap::new();
    for row in found {
        functions.entry((row[1].as_str(), row[0].as_str())).or_default().push(&row[1..]);
    }
    let mut differences = Vec::new();
    for name in section.names() {
        let expected: Vec<&[String]> = section.rows.iter().filter(|row| row[0] == name).map(Vec::as_slice).collect();
        let mut named: Vec<&Vec<&[String]>> =
            functions.iter().filter(|((own, _), _)| *own == name).map(|(_, rows)| rows).collect();
        let same = named.iter().position(|rows| **rows == expected);
        let signature = |rows: &[&[String]]| describe_function(rows);
        let function = |problem, effect| Difference { kind: ObjectKind::Function, name: name.clone(), problem, effect };
        match same {
            Some(place) => {
                named.remove(place);
                differences.extend(
                    named.iter().map(|rows| function(Problem::Unexpected { found: signature(rows) }, Effect::Harmless)),
                );
            }
            None if named.is_empty() => {
                differences.push(function(Problem::Missing { expected: signature(&expected) }, Effect::Unusable));
            }
            None => differences.extend(named.iter().map(|rows| {
                let problem = Problem::Different { expected: signature(&expected), found: signature(rows) };
                function(problem, Effect::Unusable)
            })),
        }
    }
    differences
}

/// Signature and properties of a function in one line.
fn describe_function(rows: &[&[String]]) -> String {
    let part = |role: &str| {
        let parts = rows.iter().filter(|row| row[1] == role).map(|row| {
            let default = if row[4].is_empty() { String::new() } else { format!(" default {}", row[4]) };
            format!("{} {}{default}", row[2], row[3]).trim_start().to_owned()
        });
        parts.collect::<Vec<_>>().join(", ")
    };
    let properties = rows.first().map_or_else(String::new, |row| {
        let strict = if row[6] == "yes" { ", strict" } else { "" };
        let definer = if row[7] == "yes" { ", security definer" } else { "" };
        format!("{}{strict}{definer}, parallel {}, {}", row[5], row[8], row[9])
    });
    format!("({}) returns ({}), {properties}", part("argument"), part("result"))
}

fn foreign_bodies(found: &[Row]) -> Vec<String> {
    let foreign = found.iter().filter(|row| function_body(&row[0]) != Some(row[1].as_str()));
    foreign.map(|row| row[0].clone()).collect::<BTreeSet<_>>().into_iter().collect()
}
