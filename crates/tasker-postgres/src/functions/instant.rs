//! Instants of rows that another program may have written.

use chrono::{DateTime, NaiveDateTime};
use serde::{Serialize, Serializer};
use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgTypeInfo, PgValueFormat, PgValueRef};
use sqlx::{Decode, Postgres, Row, Type};

/// From PostgreSQL's epoch (2000-01-01) back to that of Unix, in microseconds.
const EPOCH_MICROSECONDS: i64 = 946_684_800_000_000;

/// A `timestamp` or `timestamptz` as UTC. PostgreSQL's `infinity`, and every year that the type here does not reach, is
/// its last instant, `-infinity` its first, so that comparisons come out right; the driver's own type would fail on them.
struct Stored(NaiveDateTime);

impl Type<Postgres> for Stored {
    fn type_info() -> PgTypeInfo {
        <NaiveDateTime as Type<Postgres>>::type_info()
    }

    fn compatible(found: &PgTypeInfo) -> bool {
        <NaiveDateTime as Type<Postgres>>::compatible(found)
            || <DateTime<chrono::Utc> as Type<Postgres>>::compatible(found)
    }
}

impl<'r> Decode<'r, Postgres> for Stored {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        if value.format() != PgValueFormat::Binary {
            return Err("an instant came as text: run the statement as a prepared one".into());
        }
        Ok(Self(from_microseconds(i64::from_be_bytes(value.as_bytes()?.try_into()?))))
    }
}

/// The instant this many microseconds after PostgreSQL's epoch, or the last or first one there is.
fn from_microseconds(microseconds: i64) -> NaiveDateTime {
    microseconds
        .checked_add(EPOCH_MICROSECONDS)
        .and_then(DateTime::from_timestamp_micros)
        .map_or(if microseconds < 0 { NaiveDateTime::MIN } else { NaiveDateTime::MAX }, |instant| instant.naive_utc())
}

/// An instant that may be absent.
pub(super) fn optional(row: &PgRow, column: &str) -> Result<Option<NaiveDateTime>, sqlx::Error> {
    Ok(row.try_get::<Option<Stored>, _>(column)?.map(|stored| stored.0))
}

/// An instant that is always there.
pub(super) fn required(row: &PgRow, column: &str) -> Result<NaiveDateTime, sqlx::Error> {
    Ok(row.try_get::<Stored, _>(column)?.0)
}

/// Writes an instant to JSON as Rails does: UTC, milliseconds, `Z`.
pub(crate) fn serialize<S: Serializer>(instant: &NaiveDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&instant.format("%Y-%m-%dT%H:%M:%S%.3fZ"))
}

/// As [`serialize`], where the instant may be absent.
pub(super) fn serialize_optional<S: Serializer>(
    instant: &Option<NaiveDateTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    instant.map(|instant| instant.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()).serialize(serializer)
}
