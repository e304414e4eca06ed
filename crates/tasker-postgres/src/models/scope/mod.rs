//! Queries that are put together in any order and run when they are asked for rows.
//!
//! A [`Scope`] is a value: each method returns a narrower one, nothing is sent before [`Scope::fetch`], [`Scope::count`]
//! or one of their kind. Every value is bound; the text of a statement depends on the methods that were called and
//! never on a value, so the server plans it once.
//!
//! A scope that has to look at another table joins it where exactly one row of that table belongs to each row
//! (the named task of a task): such a join neither multiplies nor drops rows, and is added once however often it is
//! needed. Everywhere else it asks with `EXISTS`. So scopes combine freely, [`Scope::or`] included.

mod fetch;
mod keyset;
mod order;

use std::fmt;
use std::marker::PhantomData;

use sea_query::{Condition as AllOrAny, Expr, ExprTrait, Query, SelectStatement};

use super::Model;
use order::Ordering;

pub use keyset::{Cursor, KeysetPage};
pub use order::OrderBy;

/// A table of which exactly one row belongs to each row of the scope's model.
#[derive(Debug)]
pub(super) struct Join {
    /// The other table.
    pub(super) table: &'static str,
    /// Its column.
    pub(super) column: &'static str,
    /// The table and column that refer to it; NOT NULL and with a foreign key.
    pub(super) from: (&'static str, &'static str),
    /// A join that has to come first.
    pub(super) after: Option<&'static Join>,
}

/// A condition on the rows of a model, made by the methods of [`super::Column`].
pub struct Condition<M> {
    expr: Expr,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Condition<M> {
    fn clone(&self) -> Self {
        Self::new(self.expr.clone())
    }
}

impl<M> fmt::Debug for Condition<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expr.fmt(f)
    }
}

impl<M> Condition<M> {
    pub(super) const fn new(expr: Expr) -> Self {
        Self { expr, marker: PhantomData }
    }

    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self::new(self.expr.and(other.expr))
    }

    /// At least one of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        Self::new(self.expr.or(other.expr))
    }

    /// It does not hold. Where a missing value leaves open whether it holds, its opposite is open, too, and the row is
    /// not found either way, as in SQL.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "reads as the other two do; `!condition` would be the odd one out"
    )]
    pub fn not(self) -> Self {
        Self::new(self.expr.not())
    }
}

/// Rows of a model, described and not yet read.
#[derive(Debug)]
pub struct Scope<M> {
    conditions: Vec<Expr>,
    joins: Vec<&'static Join>,
    order: Vec<Ordering>,
    limit: Option<u64>,
    offset: Option<u64>,
    marker: PhantomData<fn() -> M>,
}

impl<M> Clone for Scope<M> {
    fn clone(&self) -> Self {
        Self {
            conditions: self.conditions.clone(),
            joins: self.joins.clone(),
            order: self.order.clone(),
            limit: self.limit,
            offset: self.offset,
            marker: PhantomData,
        }
    }
}

impl<M: Model> Scope<M> {
    /// Every row.
    pub(super) const fn every() -> Self {
        Self {
            conditions: Vec::new(),
            joins: Vec::new(),
            order: Vec::new(),
            limit: None,
            offset: None,
            marker: PhantomData,
        }
    }

    /// Only rows for which the condition holds.
    #[must_use]
    pub fn filter(self, condition: Condition<M>) -> Self {
        self.holding(condition.expr)
    }

    /// Only rows with one of these primary keys.
    #[must_use]
    pub fn with_keys(self, keys: impl IntoIterator<Item = i64>) -> Self {
        let keys: Vec<i64> = keys.into_iter().collect();
        let key = Expr::col((M::TABLE, M::key_column().name));
        self.holding(key.eq(sea_query::PgFunc::any(Expr::val(keys))))
    }

    /// Only rows with another primary key than this.
    pub(super) fn except_key(self, key: i64) -> Self {
        self.holding(Expr::col((M::TABLE, M::key_column().name)).ne(Expr::val(key)))
    }

    /// Only rows that are in the other scope, too. Order and limits are this scope's, unless it has none.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.conditions.extend(other.conditions);
        other.joins.into_iter().for_each(|join| self.add_join(join));
        if self.order.is_empty() {
            self.order = other.order;
        }
        self.limit = self.limit.or(other.limit);
        self.offset = self.offset.or(other.offset);
        self
    }

    /// Rows that are in this scope or in the other. Order and limits are this scope's.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        other.joins.iter().for_each(|join| self.add_join(join));
        self.conditions = match (together(self.conditions), together(other.conditions)) {
            (Some(one), Some(another)) => vec![one.or(another)],
            _ => Vec::new(),
        };
        self
    }

    /// Ordered by this; a second call orders what the first leaves equal.
    #[must_use]
    pub fn order(mut self, by: OrderBy<M>) -> Self {
        self.order.push(by.into());
        self
    }

    /// Ordered by a column of a joined table.
    pub(super) fn order_joined<J: Model>(mut self, join: &'static Join, by: OrderBy<J>) -> Self {
        self.add_join(join);
        self.order.push(by.into());
        self
    }

    /// Without the order it had.
    #[must_use]
    pub fn unordered(mut self) -> Self {
        self.order.clear();
        self
    }

    /// At most this many rows.
    #[must_use]
    pub const fn limit(mut self, rows: u64) -> Self {
        self.limit = Some(rows);
        self
    }

    /// Without the first so many rows. Give an order, or there is no telling which these are.
    #[must_use]
    pub const fn offset(mut self, rows: u64) -> Self {
        self.offset = Some(rows);
        self
    }

    /// A page by offset: page 1 is the first. Page 0 is read as page 1. Without an order, by primary key.
    ///
    /// Deep pages cost as much as all rows before them, and rows that come or go meanwhile shift the pages:
    /// [`Scope::fetch_page`] has neither fault.
    #[must_use]
    pub fn page(mut self, number: u64, rows: u64) -> Self {
        self.limit = Some(rows);
        self.offset = Some(number.saturating_sub(1).saturating_mul(rows));
        self.ordered_by_key_if_unordered()
    }

    /// Only rows for whose joined row the condition holds.
    pub(in crate::models) fn filtered_by<J>(self, condition: Condition<J>) -> Self {
        self.holding(condition.expr)
    }

    pub(in crate::models) fn holding(mut self, expr: Expr) -> Self {
        self.conditions.push(expr);
        self
    }

    /// Joins a table, unless it is joined already.
    pub(super) fn joined(mut self, join: &'static Join) -> Self {
        self.add_join(join);
        self
    }

    fn add_join(&mut self, join: &'static Join) {
        if let Some(first) = join.after {
            self.add_join(first);
        }
        if self.joins.iter().all(|present| present.table != join.table) {
            self.joins.push(join);
        }
    }

    fn ordered_by_key_if_unordered(mut self) -> Self {
        if self.order.is_empty() {
            self.order.push(OrderBy::<M>::key(false).into());
        }
        self
    }

    /// Tables, conditions, order and limits, and nothing selected yet.
    fn statement(&self) -> SelectStatement {
        let mut select = Query::select();
        select.from(("public", M::TABLE));
        for join in &self.joins {
            let on = Expr::col((join.table, join.column)).equals(join.from);
            select.inner_join(("public", join.table), on);
        }
        for condition in &self.conditions {
            select.and_where(condition.clone());
        }
        for by in &self.order {
            let (direction, nulls) = by.direction();
            select.order_by_expr_with_nulls(by.expr(), direction, nulls);
        }
        if let Some(rows) = self.limit {
            select.limit(at_most_bigint(rows));
        }
        if let Some(rows) = self.offset {
            select.offset(at_most_bigint(rows));
        }
        select
    }

    /// The statement with one expression selected, to stand within another.
    pub(super) fn select_only(&self, expr: Expr) -> SelectStatement {
        let mut select = self.statement();
        select.expr(expr);
        select
    }

    /// The statement that reads whole rows.
    fn select_rows(&self) -> SelectStatement {
        let mut select = self.statement();
        for column in M::columns() {
            select.column((M::TABLE, column.name));
        }
        select
    }
}

/// `LIMIT` and `OFFSET` are of type `bigint`: more than that is as good as all.
const fn at_most_bigint(rows: u64) -> u64 {
    if rows > i64::MAX as u64 { i64::MAX as u64 } else { rows }
}

/// All of them as one; nothing if there is none.
fn together(conditions: Vec<Expr>) -> Option<Expr> {
    if conditions.is_empty() {
        return None;
    }
    Some(conditions.into_iter().fold(AllOrAny::all(), AllOrAny::add).into())
}
