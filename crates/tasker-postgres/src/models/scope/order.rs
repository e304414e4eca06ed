//! What rows are ordered by: columns of the model's own table and of joined ones.

use std::fmt;

use sea_query::{Expr, NullOrdering, Order, Value};
use sqlx::postgres::PgRow;

use crate::models::Model;
use crate::models::column::AnyColumn;

/// A column to order by, made by [`Column::asc`](crate::models::Column::asc) and
/// [`Column::desc`](crate::models::Column::desc).
pub struct OrderBy<M> {
    pub(in crate::models) column: AnyColumn<M>,
    pub(in crate::models) descending: bool,
}

impl<M> Clone for OrderBy<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for OrderBy<M> {}

impl<M> fmt::Debug for OrderBy<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&spelled(self.column.name, self.descending))
    }
}

impl<M: Model> OrderBy<M> {
    /// By the primary key.
    pub(super) fn key(descending: bool) -> Self {
        Self { column: M::key_column(), descending }
    }
}

/// The same without its model: scopes are ordered by columns of several.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ordering {
    table: &'static str,
    column: &'static str,
    pub(super) nullable: bool,
    pub(super) descending: bool,
    fetched: fn(&PgRow, &str) -> Result<Value, sqlx::Error>,
}

impl<M: Model> From<OrderBy<M>> for Ordering {
    fn from(by: OrderBy<M>) -> Self {
        Self {
            table: M::TABLE,
            column: by.column.name,
            nullable: by.column.nullable,
            descending: by.descending,
            fetched: by.column.fetched,
        }
    }
}

impl Ordering {
    /// The column in a statement.
    pub(super) fn expr(&self) -> Expr {
        Expr::col((self.table, self.column))
    }

    /// Missing values are greater than all others.
    pub(super) fn direction(&self) -> (Order, NullOrdering) {
        if self.descending { (Order::Desc, NullOrdering::First) } else { (Order::Asc, NullOrdering::Last) }
    }

    /// Whether it is this model's primary key.
    pub(super) fn is_key_of<M: Model>(&self) -> bool {
        self.table == M::TABLE && self.column == M::key_column().name
    }

    /// Whether the column is one of another table than the model's own.
    pub(super) fn is_joined_to<M: Model>(&self) -> bool {
        self.table != M::TABLE
    }

    /// Name under which a joined column stands beside the columns of the row.
    pub(super) fn alias(&self) -> String {
        format!("{}.{}", self.table, self.column)
    }

    /// The value that a row has there. A joined column was selected under its alias.
    pub(super) fn value<M: Model>(&self, row: &PgRow) -> Result<Value, sqlx::Error> {
        if self.is_joined_to::<M>() { (self.fetched)(row, &self.alias()) } else { (self.fetched)(row, self.column) }
    }

    /// As a cursor names it.
    pub(super) fn spelled<M: Model>(&self) -> String {
        if self.is_joined_to::<M>() {
            spelled(&self.alias(), self.descending)
        } else {
            spelled(self.column, self.descending)
        }
    }
}

fn spelled(column: &str, descending: bool) -> String {
    format!("{column} {}", if descending { "desc" } else { "asc" })
}
