//! Columns as values: what scopes order, pluck and filter by.

use std::fmt;
use std::marker::PhantomData;

use chrono::{NaiveDateTime, SubsecRound};
use sea_query::extension::postgres::PgBinOper;
use sea_query::{Expr, ExprTrait, PgFunc, Value};
use sqlx::postgres::{PgRow, PgValueFormat, PgValueRef};
use sqlx::{Row, ValueRef};

use super::scope::{Condition, OrderBy, Scope};
use super::{JsonText, Model};

/// How a value travels to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// As it is.
    Plain,
    /// As text that is cast to `json`, from where PostgreSQL takes it to the column's own type.
    Json,
}

/// The type of a column. Implemented for what the tables hold; not for others.
pub trait Field: Clone + Send + Sync + 'static + sealed::Sealed {
    /// The type without `Option`.
    type Plain: Field;
    #[doc(hidden)]
    const KIND: Kind;
    #[doc(hidden)]
    const NULLABLE: bool = false;
    #[doc(hidden)]
    const DATABASE_TYPES: &'static [&'static str];
    #[doc(hidden)]
    fn to_value(&self) -> Value;
    #[doc(hidden)]
    fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error>;
}

/// A field whose values have an order: all but JSON.
pub trait Ordered: Field {}

mod sealed {
    pub trait Sealed {}
}

macro_rules! plain_field {
    ($($type:ty as $types:expr),*) => { $(
        impl sealed::Sealed for $type {}
        impl Field for $type {
            type Plain = $type;
            const KIND: Kind = Kind::Plain;
            const DATABASE_TYPES: &'static [&'static str] = &$types;
            fn to_value(&self) -> Value {
                Value::from(self.clone())
            }
            fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
                row.try_get(column)
            }
        }
        impl Ordered for $type {}
    )* };
}

plain_field!(i32 as ["INT4"], i64 as ["INT8"], bool as ["BOOL"], String as ["VARCHAR", "TEXT"]);

impl sealed::Sealed for NaiveDateTime {}
impl Field for NaiveDateTime {
    type Plain = Self;
    const KIND: Kind = Kind::Plain;
    const DATABASE_TYPES: &'static [&'static str] = &["TIMESTAMP"];

    /// Cut, not rounded, to microseconds (B-MOD-173).
    fn to_value(&self) -> Value {
        Value::from(self.trunc_subsecs(6))
    }

    fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
        <Option<Self> as Field>::read(row, column)?.ok_or_else(|| unexpected_null(column))
    }
}
impl Ordered for NaiveDateTime {}

impl sealed::Sealed for JsonText {}
impl Field for JsonText {
    type Plain = Self;
    const KIND: Kind = Kind::Json;
    const DATABASE_TYPES: &'static [&'static str] = &["JSONB", "JSON"];

    fn to_value(&self) -> Value {
        Value::from(self.get())
    }

    fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
        <Option<Self> as Field>::read(row, column)?.ok_or_else(|| unexpected_null(column))
    }
}

macro_rules! optional_field {
    ($($type:ty => $null:expr, $read:expr;)*) => { $(
        impl sealed::Sealed for Option<$type> {}
        impl Field for Option<$type> {
            type Plain = $type;
            const KIND: Kind = <$type as Field>::KIND;
            const NULLABLE: bool = true;
            const DATABASE_TYPES: &'static [&'static str] = <$type as Field>::DATABASE_TYPES;
            fn to_value(&self) -> Value {
                self.as_ref().map_or($null, Field::to_value)
            }
            fn read(row: &PgRow, column: &str) -> Result<Self, sqlx::Error> {
                let read: fn(&PgRow, &str) -> Result<Self, sqlx::Error> = $read;
                read(row, column)
            }
        }
    )* };
}

optional_field! {
    i32 => Value::Int(None), |row, column| row.try_get(column);
    i64 => Value::BigInt(None), |row, column| row.try_get(column);
    bool => Value::Bool(None), |row, column| row.try_get(column);
    String => Value::String(None), |row, column| row.try_get(column);
    NaiveDateTime => Value::ChronoDateTime(None), read_instant;
    JsonText => Value::String(None), read_json;
}

impl Ordered for Option<i32> {}
impl Ordered for Option<i64> {}
impl Ordered for Option<bool> {}
impl Ordered for Option<String> {}
impl Ordered for Option<NaiveDateTime> {}

fn unexpected_null(column: &str) -> sqlx::Error {
    decode_error(column, "it is NULL".into())
}

fn decode_error(column: &str, source: Box<dyn std::error::Error + Send + Sync>) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: format!("{column:?}"), source }
}

/// `infinity` and `-infinity`, which other programs can write, read as the last and the first instant there is.
fn read_instant(row: &PgRow, column: &str) -> Result<Option<NaiveDateTime>, sqlx::Error> {
    let raw: PgValueRef<'_> = row.try_get_raw(column)?;
    if raw.is_null() {
        return Ok(None);
    }
    if raw.format() == PgValueFormat::Binary {
        match raw.as_bytes().map_err(|error| decode_error(column, error))? {
            [0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff] => return Ok(Some(NaiveDateTime::MAX)),
            [0x80, 0, 0, 0, 0, 0, 0, 0] => return Ok(Some(NaiveDateTime::MIN)),
            _ => {}
        }
    }
    row.try_get(column)
}

fn read_json(row: &PgRow, column: &str) -> Result<Option<JsonText>, sqlx::Error> {
    let raw: PgValueRef<'_> = row.try_get_raw(column)?;
    if raw.is_null() {
        return Ok(None);
    }
    let text = raw.as_str().map_err(|error| decode_error(column, error))?;
    // In binary form `jsonb` begins with the number of its version, which no JSON text begins with.
    let text = text.strip_prefix('\u{1}').unwrap_or(text);
    JsonText::from_raw(text.to_owned()).map(Some).map_err(|error| decode_error(column, error.into()))
}

/// A column of a model, whatever its type.
pub struct AnyColumn<M> {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    pub(super) nullable: bool,
    pub(super) value: fn(&M) -> Value,
    /// Reads the value from a row that has the column under this name.
    pub(super) fetched: fn(&PgRow, &str) -> Result<Value, sqlx::Error>,
    database_types: &'static [&'static str],
}

impl<M> Clone for AnyColumn<M> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M> Copy for AnyColumn<M> {}
impl<M> fmt::Debug for AnyColumn<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl<M> AnyColumn<M> {
    /// Name of the column in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Names of the types that the column may have in the database, as the driver spells them: `INT8`.
    #[must_use]
    pub fn database_types(self) -> &'static [&'static str] {
        self.database_types
    }

    /// Whether the model has room for a missing value.
    #[must_use]
    pub fn is_nullable(self) -> bool {
        self.nullable
    }

    /// The value to write.
    pub(super) fn bound(self, value: Value) -> Expr {
        match self.kind {
            Kind::Plain => Expr::val(value),
            Kind::Json => Expr::val(value).cast_as("json"),
        }
    }
}

/// A column of model `M` with values of type `T`, such as `Task::CREATED_AT`.
pub struct Column<M, T> {
    pub(super) any: AnyColumn<M>,
    marker: PhantomData<fn() -> T>,
}

impl<M, T> Clone for Column<M, T> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<M, T> Copy for Column<M, T> {}
impl<M, T> fmt::Debug for Column<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.any.name)
    }
}

impl<M, T: Field> Column<M, T> {
    pub(super) const fn new(name: &'static str, value: fn(&M) -> Value) -> Self {
        let (kind, nullable, database_types) = (T::KIND, T::NULLABLE, T::DATABASE_TYPES);
        let any = AnyColumn { name, kind, nullable, value, fetched: fetched::<T>, database_types };
        Self { any, marker: PhantomData }
    }

    /// Name of the column in the database.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.any.name
    }
}

pub(super) fn fetched<T: Field>(row: &PgRow, column: &str) -> Result<Value, sqlx::Error> {
    Ok(T::read(row, column)?.to_value())
}

impl<M: Model, T: Field> Column<M, T> {
    /// The column in a statement.
    pub(super) fn expr(self) -> Expr {
        Expr::col((M::TABLE, self.any.name))
    }

    /// Nothing stands there.
    #[must_use]
    pub fn is_null(self) -> Condition<M> {
        Condition::new(self.expr().is_null())
    }

    /// Something stands there.
    #[must_use]
    pub fn is_not_null(self) -> Condition<M> {
        Condition::new(self.expr().is_not_null())
    }
}

impl<M: Model, T: Field<Plain = JsonText>> Column<M, T> {
    /// The JSON contains this, as PostgreSQL's `@>` has it: every key with its value, every element. Served by the
    /// column's GIN index where it has one.
    #[must_use]
    pub fn contains(self, json: &JsonText) -> Condition<M> {
        let sought = Expr::val(json.get()).cast_as("jsonb");
        Condition::new(self.expr().cast_as("jsonb").binary(PgBinOper::Contains, sought))
    }
}

impl<M: Model, T: Ordered> Column<M, T>
where
    T::Plain: Ordered,
{
    /// Smallest first; missing values last.
    #[must_use]
    pub fn asc(self) -> OrderBy<M> {
        OrderBy { column: self.any, descending: false }
    }

    /// Greatest first; missing values first.
    #[must_use]
    pub fn desc(self) -> OrderBy<M> {
        OrderBy { column: self.any, descending: true }
    }

    /// Equal to the value. A missing value is equal to none: ask with [`Column::is_null`].
    #[must_use]
    pub fn eq(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().eq(Expr::val(value.into().to_value())))
    }

    /// Another than the value. A missing value is not another.
    #[must_use]
    pub fn ne(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().ne(Expr::val(value.into().to_value())))
    }

    /// Greater than the value.
    #[must_use]
    pub fn gt(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().gt(Expr::val(value.into().to_value())))
    }

    /// Greater than the value or equal to it.
    #[must_use]
    pub fn ge(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().gte(Expr::val(value.into().to_value())))
    }

    /// Less than the value.
    #[must_use]
    pub fn lt(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().lt(Expr::val(value.into().to_value())))
    }

    /// Less than the value or equal to it.
    #[must_use]
    pub fn le(self, value: impl Into<T::Plain>) -> Condition<M> {
        Condition::new(self.expr().lte(Expr::val(value.into().to_value())))
    }

    /// Among the values that this column has in the other scope's rows.
    #[must_use]
    pub fn within<O: Model, U: Field<Plain = T::Plain>>(self, scope: &Scope<O>, column: Column<O, U>) -> Condition<M> {
        Condition::new(self.expr().in_subquery(scope.select_only(column.expr())))
    }
}

macro_rules! one_of {
    ($($type:ty),*) => { $(
        impl<M: Model> Column<M, $type> {
            /// Equal to one of the values. They travel as one array, so that the statement's text stays the same.
            #[must_use]
            pub fn one_of(self, values: impl IntoIterator<Item = impl Into<<$type as Field>::Plain>>) -> Condition<M> {
                let values: Vec<<$type as Field>::Plain> = values.into_iter().map(Into::into).collect();
                Condition::new(self.expr().eq(PgFunc::any(Expr::val(values))))
            }
        }
    )* };
}

one_of!(i32, i64, String, Option<i32>, Option<i64>, Option<String>);
