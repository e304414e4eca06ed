//! Rows that belong together, loaded for many at once.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;

use sea_query::{Expr, ExprTrait, PgFunc, Value};

use super::column::{AnyColumn, Column, Field};
use super::scope::{OrderBy, Scope};
use super::{Model, ModelError, Session, record};

/// The types of keys.
pub(super) trait Key: Field {}
impl Key for i32 {}
impl Key for i64 {}

/// Each row of `C` refers to one row of `P`.
pub struct BelongsTo<C, P> {
    foreign_key: AnyColumn<C>,
    marker: PhantomData<fn() -> P>,
}

/// Rows of `C` refer to a row of `P`.
pub struct HasMany<P, C> {
    foreign_key: AnyColumn<C>,
    marker: PhantomData<fn() -> P>,
}

impl<C, P> Clone for BelongsTo<C, P> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<C, P> Copy for BelongsTo<C, P> {}
impl<C, P> fmt::Debug for BelongsTo<C, P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.foreign_key.fmt(f)
    }
}

impl<P, C> Clone for HasMany<P, C> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<P, C> Copy for HasMany<P, C> {}
impl<P, C> fmt::Debug for HasMany<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.foreign_key.fmt(f)
    }
}

/// The key that a row refers to.
fn referred<C>(foreign_key: AnyColumn<C>, row: &C) -> i64 {
    match (foreign_key.value)(row) {
        Value::Int(Some(key)) => i64::from(key),
        Value::BigInt(Some(key)) => key,
        other => {
            unreachable!("a foreign key is made of a `Column` of whole numbers, {} holds {other:?}", foreign_key.name)
        }
    }
}

impl<C: Model, P: Model> BelongsTo<C, P> {
    pub(super) const fn new<K: Key>(foreign_key: Column<C, K>) -> Self {
        Self { foreign_key: foreign_key.any, marker: PhantomData }
    }

    /// The key of the row's parent.
    #[must_use]
    pub fn key(self, row: &C) -> i64 {
        referred(self.foreign_key, row)
    }

    /// The row's parent.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] for one that was deleted, and what the database says.
    pub async fn of<'c>(self, row: &C, session: impl Into<Session<'c>>) -> Result<P, ModelError> {
        let key = self.key(row);
        let mut connection = session.into().acquire().await?;
        record::find(&mut connection, key).await
    }

    /// The parents of many rows by their keys, in one statement.
    ///
    /// # Errors
    /// What the database says.
    pub async fn load<'c>(
        self,
        rows: impl IntoIterator<Item = &C>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, P>, ModelError> {
        let mut keys: Vec<i64> = rows.into_iter().map(|row| self.key(row)).collect();
        keys.sort_unstable();
        keys.dedup();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let parents = Scope::<P>::every().with_keys(keys).fetch(session).await?;
        Ok(parents.into_iter().map(|parent| (parent.key(), parent)).collect())
    }
}

impl<P: Model, C: Model> HasMany<P, C> {
    pub(super) const fn new<K: Key>(foreign_key: Column<C, K>) -> Self {
        Self { foreign_key: foreign_key.any, marker: PhantomData }
    }

    /// The rows that refer to this one, to be narrowed down.
    #[must_use]
    pub fn scope(self, parent: &P) -> Scope<C> {
        self.of_keys(vec![parent.key()])
    }

    /// The rows that refer to one of these keys.
    pub(super) fn of_keys(self, keys: Vec<i64>) -> Scope<C> {
        let column = Expr::col((C::TABLE, self.foreign_key.name));
        Scope::every().holding(column.eq(PgFunc::any(Expr::val(keys))))
    }

    /// The rows that refer to this one, by primary key.
    ///
    /// # Errors
    /// What the database says.
    pub async fn of<'c>(self, parent: &P, session: impl Into<Session<'c>>) -> Result<Vec<C>, ModelError> {
        self.scope(parent).order(by_key()).fetch(session).await
    }

    /// The rows that refer to many, by the key they refer to and each list by primary key, in one statement. A parent
    /// without any is not in the map.
    ///
    /// # Errors
    /// What the database says.
    pub async fn load<'c>(
        self,
        parents: impl IntoIterator<Item = &P>,
        session: impl Into<Session<'c>>,
    ) -> Result<HashMap<i64, Vec<C>>, ModelError> {
        let keys: Vec<i64> = parents.into_iter().map(Model::key).collect();
        if keys.is_empty() {
            return Ok(HashMap::new());
        }
        let mut map: HashMap<i64, Vec<C>> = HashMap::new();
        for row in self.of_keys(keys).order(by_key()).fetch(session).await? {
            map.entry(referred(self.foreign_key, &row)).or_default().push(row);
        }
        Ok(map)
    }
}

fn by_key<M: Model>() -> OrderBy<M> {
    OrderBy { column: M::key_column(), descending: false }
}
