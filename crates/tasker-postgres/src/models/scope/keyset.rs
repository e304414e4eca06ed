//! Pages by key: each begins after the last row of the one before, whatever came or went meanwhile.

use std::fmt;
use std::str::FromStr;

use chrono::NaiveDateTime;
use sea_query::{Expr, ExprTrait, Value};
use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;

use super::{OrderBy, Ordering, Scope};
use crate::models::{Model, ModelError, Session, statement};

/// The place after a row in an order. Its text form can be handed to a client and read back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(Vec<Place>);

/// A column of the order with the row's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    #[serde(rename = "o")]
    order: String,
    #[serde(rename = "v")]
    value: Key,
}

/// A value of a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Key {
    Null,
    Int(i32),
    Big(i64),
    Bool(bool),
    Text(String),
    Time(NaiveDateTime),
}

impl Key {
    fn of(value: Value) -> Option<Self> {
        Some(match value {
            Value::Int(Some(number)) => Self::Int(number),
            Value::BigInt(Some(number)) => Self::Big(number),
            Value::Bool(Some(answer)) => Self::Bool(answer),
            Value::String(Some(text)) => Self::Text(text),
            Value::ChronoDateTime(Some(time)) => Self::Time(time),
            Value::Int(None)
            | Value::BigInt(None)
            | Value::Bool(None)
            | Value::String(None)
            | Value::ChronoDateTime(None) => Self::Null,
            _ => return None,
        })
    }

    fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Null => return None,
            Self::Int(number) => Value::from(*number),
            Self::Big(number) => Value::from(*number),
            Self::Bool(answer) => Value::from(*answer),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Time(time) => Value::from(*time),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

impl FromStr for Cursor {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        serde_json::from_str(text).map_err(|error| ModelError::Cursor(error.to_string()))
    }
}

/// A page by key.
#[derive(Debug, Clone)]
pub struct KeysetPage<M> {
    /// Its rows.
    pub rows: Vec<M>,
    /// Where the next page begins; nothing after the last page.
    pub next: Option<Cursor>,
}

impl<M: Model> Scope<M> {
    /// A page by key: at most so many rows after the cursor, or from the beginning. The scope's order is completed with
    /// the primary key. The scope's own limits are not regarded.
    ///
    /// # Errors
    /// [`ModelError::Cursor`] for a cursor of another order; what the database says.
    pub async fn fetch_page<'c>(
        &self,
        after: Option<&Cursor>,
        rows: u32,
        session: impl Into<Session<'c>>,
    ) -> Result<KeysetPage<M>, ModelError> {
        let mut scope = self.clone();
        if let Some(place) = scope.order.iter().position(Ordering::is_key_of::<M>) {
            // Nothing that comes after the primary key can still decide.
            scope.order.truncate(place + 1);
        } else {
            let descending = scope.order.last().is_some_and(|by| by.descending);
            scope.order.push(OrderBy::<M>::key(descending).into());
        }
        if let Some(cursor) = after {
            let condition = scope.after(cursor)?;
            scope = scope.holding(condition);
        }
        (scope.limit, scope.offset) = (Some(u64::from(rows) + 1), None);
        let mut select = scope.select_rows();
        for by in scope.order.iter().filter(|by| by.is_joined_to::<M>()) {
            select.expr_as(by.expr(), by.alias());
        }
        let mut connection = session.into().acquire().await?;
        let mut fetched = statement::all(&mut connection, statement::built(&select)).await?;
        let wanted = usize::try_from(rows).unwrap_or(usize::MAX);
        let more = fetched.len() > wanted;
        fetched.truncate(wanted);
        let next = if more { fetched.last().map(|row| scope.cursor(row)).transpose()? } else { None };
        let rows = fetched.iter().map(M::read).collect::<Result<_, _>>()?;
        Ok(KeysetPage { rows, next })
    }

    fn cursor(&self, row: &PgRow) -> Result<Cursor, ModelError> {
        let places = self.order.iter().map(|by| {
            let order = by.spelled::<M>();
            let value = Key::of(by.value::<M>(row)?).ok_or_else(|| {
                ModelError::Cursor(format!(
                    "it cannot carry the values of the order `{order}`: order by something else"
                ))
            })?;
            Ok(Place { order, value })
        });
        places.collect::<Result<_, ModelError>>().map(Cursor)
    }

    /// The condition that a row stands after the cursor: for each column, it is beyond the cursor's value there and
    /// equal to it in all columns before.
    fn after(&self, cursor: &Cursor) -> Result<Expr, ModelError> {
        let fits = self.order.len() == cursor.0.len()
            && self.order.iter().zip(&cursor.0).all(|(by, place)| by.spelled::<M>() == place.order);
        if !fits {
            let orders: Vec<_> = cursor.0.iter().map(|place| place.order.as_str()).collect();
            return Err(ModelError::Cursor(format!("it is for the order {}", orders.join(", "))));
        }
        let mut condition: Option<Expr> = None;
        for (by, place) in self.order.iter().zip(&cursor.0).rev() {
            let column = || by.expr();
            let (beyond, equal) = match place.value.to_value() {
                Some(value) if by.descending => {
                    (Some(column().lt(Expr::val(value.clone()))), column().eq(Expr::val(value)))
                }
                Some(value) => {
                    let greater = column().gt(Expr::val(value.clone()));
                    // Missing values come last in ascending order.
                    let beyond = if by.nullable { greater.or(column().is_null()) } else { greater };
                    (Some(beyond), column().eq(Expr::val(value)))
                }
                None if by.descending => (Some(column().is_not_null()), column().is_null()),
                None => (None, column().is_null()),
            };
            let within = condition.map(|later| equal.and(later));
            condition = match (beyond, within) {
                (Some(beyond), Some(within)) => Some(beyond.or(within)),
                (beyond, within) => beyond.or(within),
            };
        }
        let condition = condition.unwrap_or_else(|| Expr::cust("FALSE"));
        Ok(match self.lower_bound(cursor) {
            Some(bound) => bound.and(condition),
            None => condition,
        })
    }

    /// What follows from the condition for the first column alone: an index can begin there.
    fn lower_bound(&self, cursor: &Cursor) -> Option<Expr> {
        let (by, place) = (self.order.first()?, cursor.0.first()?);
        if by.nullable || cursor.0.len() == 1 {
            return None;
        }
        let (column, value) = (by.expr(), Expr::val(place.value.to_value()?));
        Some(if by.descending { column.lte(value) } else { column.gte(value) })
    }
}
