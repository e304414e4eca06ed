//! What both histories have in common.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use indexmap::IndexMap;
use sea_query::extension::postgres::PgBinOper;
use sea_query::{Expr, ExprTrait, Query, SelectStatement};
use sqlx::{PgConnection, Row};
use tasker_domain::json::Json;

use crate::models::column::Column;
use crate::models::scope::Scope;
use crate::models::statement::{self, instant};
use crate::models::validation::{Problem, ValidationErrors};
use crate::models::{JsonText, Model, ModelError};

/// Figures about the transitions of a scope.
#[derive(Debug, Clone, PartialEq, serde::Serialize)]
pub struct TransitionStatistics {
    /// How many there are.
    pub total_transitions: i64,
    /// How many lead to each state.
    pub states: BTreeMap<String, i64>,
    /// How many were written in the last 24 hours.
    pub recent_activity: i64,
    /// Seconds from the first to the last, divided by the number of gaps; nothing for less than two. Owners are not told
    /// apart.
    pub average_time_between_transitions: Option<f64>,
}

/// What is checked without asking the database: metadata, and that words of states are known.
pub(super) fn check(
    errors: &mut ValidationErrors,
    known: bool,
    to_state_rule: &'static str,
    to_state: &str,
    metadata: Option<&JsonText>,
) {
    if !known {
        errors.rule("to_state", to_state_rule);
    }
    errors.text("to_state", to_state, None);
    if let Some(json) = errors.json("metadata", metadata)
        && json.as_object().is_none()
    {
        errors.rule("metadata", "must be a hash");
    }
}

/// Metadata as it is stored: what is blank becomes an empty object (B-MOD-156).
pub(super) fn stored_metadata(metadata: Option<JsonText>) -> JsonText {
    let blank = metadata.as_ref().and_then(|text| text.parse().ok()).is_some_and(|json| match json {
        Json::Null | Json::Bool(false) => true,
        Json::Array(elements) => elements.is_empty(),
        Json::String(text) => text.chars().all(char::is_whitespace),
        Json::Object(_) | Json::Number(_) | Json::Bool(true) => false,
    });
    metadata.filter(|_| !blank).unwrap_or_else(JsonText::empty_object)
}

/// The metadata read; an empty object where the column holds something else.
pub(super) fn metadata(stored: Option<&JsonText>) -> IndexMap<String, Json> {
    match stored.and_then(|text| text.parse().ok()) {
        Some(Json::Object(members)) => members,
        _ => IndexMap::new(),
    }
}

pub(super) async fn check_sort_key<M: Model>(
    connection: &mut PgConnection,
    errors: &mut ValidationErrors,
    rivals: Scope<M>,
    owner: Expr,
    (owner_field, owner_rule): (&'static str, &'static str),
) -> Result<(), ModelError> {
    let [taken, there] = statement::ask(connection, [rivals.existence(), owner]).await?;
    if !there {
        errors.add(owner_field, Problem::MustExist);
        errors.rule(owner_field, owner_rule);
    }
    if taken {
        errors.add("sort_key", Problem::Taken);
    }
    Ok(())
}

/// Rows whose metadata has this key at the top.
pub(super) fn with_metadata_key<M: Model>(
    scope: Scope<M>,
    metadata: Column<M, Option<JsonText>>,
    key: &str,
) -> Scope<M> {
    // `?` is the operator's own name; the builder would take it for a place of a value.
    scope.holding(sea_query::Func::cust("pg_catalog.jsonb_exists").arg(metadata.expr()).arg(Expr::val(key)).into())
}

/// Rows whose metadata has this value under this key.
pub(super) fn with_metadata_value<M: Model>(
    scope: Scope<M>,
    metadata: Column<M, Option<JsonText>>,
    key: &str,
    value: &Json,
) -> Scope<M> {
    let stored = metadata.expr().binary(PgBinOper::GetJsonField, Expr::val(key));
    scope.holding(stored.eq(Expr::val(value.to_string()).cast_as("jsonb")))
}

pub(super) async fn statistics<M: Model>(
    scope: &Scope<M>,
    to_state: Column<M, String>,
    created_at: Column<M, NaiveDateTime>,
    connection: &mut PgConnection,
) -> Result<TransitionStatistics, ModelError> {
    let rows = |columns: SelectStatement| {
        let mut select = Query::select();
        select.from_subquery(columns, "rows");
        select
    };
    let mut columns = scope.clone().unordered().select_only(to_state.expr());
    columns.expr(created_at.expr());
    let mut states = rows(columns.clone());
    states.column("to_state").expr(Expr::cust("count(*)")).group_by_col("to_state");
    let mut counts = BTreeMap::new();
    for row in statement::all(connection, statement::built(&states)).await? {
        counts.insert(row.try_get(0)?, row.try_get(1)?);
    }
    let mut figures = rows(columns);
    let day_ago = instant().sub(Expr::cust("interval '24 hours'"));
    figures.expr(Expr::cust("count(*)"));
    figures.expr(sea_query::Func::count(Expr::case(Expr::col("created_at").gte(day_ago), Expr::cust("1"))));
    figures.expr(Expr::cust(
        "(extract(epoch FROM max(created_at) - min(created_at)) / nullif(count(*) - 1, 0))::double precision",
    ));
    let row = statement::one(connection, statement::built(&figures)).await?;
    let total: i64 = row.try_get(0)?;
    Ok(TransitionStatistics {
        total_transitions: total,
        states: counts,
        recent_activity: row.try_get(1)?,
        average_time_between_transitions: if total < 2 { None } else { row.try_get(2)? },
    })
}

/// `2025-07-01T12:34:56Z`
pub(super) fn iso8601(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A value of metadata as a sentence shows it: texts without quotes.
pub(super) fn shown(value: &Json) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Seconds between two instants.
pub(super) fn seconds_between(earlier: NaiveDateTime, later: NaiveDateTime) -> f64 {
    let gap = later - earlier;
    gap.num_microseconds().map_or(gap.num_seconds() as f64, |micros| micros as f64 / 1_000_000.0)
}

/// Declares what both models offer. `$owner` is the column of the owner's key.
macro_rules! transition {
    ($model:ident owned by $owner:ident) => {
        impl $model {
            /// Whether it leads to `error` (B-MOD-160).
            #[must_use]
            pub fn is_error_transition(&self) -> bool {
                self.to_state == "error"
            }

            /// Whether it leads to `complete` or `resolved_manually` (B-MOD-160).
            #[must_use]
            pub fn is_completion_transition(&self) -> bool {
                matches!(self.to_state.as_str(), "complete" | "resolved_manually")
            }

            /// Whether it leads to `cancelled` (B-MOD-160).
            #[must_use]
            pub fn is_cancellation_transition(&self) -> bool {
                self.to_state == "cancelled"
            }

            /// Its metadata; empty where the column holds something else than an object.
            #[must_use]
            pub fn metadata_map(&self) -> indexmap::IndexMap<String, tasker_domain::json::Json> {
                shared::metadata(self.metadata.as_ref())
            }

            /// Whether its metadata has this key at the top.
            #[must_use]
            pub fn has_metadata(&self, key: &str) -> bool {
                self.metadata_map().contains_key(key)
            }

            /// The value that its metadata has under this key.
            #[must_use]
            pub fn get_metadata(&self, key: &str) -> Option<tasker_domain::json::Json> {
                self.metadata_map().swap_remove(key)
            }

            /// Sets a value of the metadata in memory; [`Self::update`] stores it.
            pub fn set_metadata(&mut self, key: &str, value: impl Into<tasker_domain::json::Json>) {
                let mut members = self.metadata_map();
                members.insert(key.to_owned(), value.into());
                self.metadata = Some(crate::models::JsonText::from(tasker_domain::json::Json::Object(members)));
            }

            /// Seconds since the owner's transition of the next lower sort key; nothing for the first (B-MOD-159).
            ///
            /// # Errors
            /// What the database says.
            pub async fn duration_since_previous<'c>(
                &self,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<Option<f64>, crate::models::ModelError> {
                let previous = Self::scope()
                    .filter(Self::$owner.eq(self.owner()))
                    .filter(Self::SORT_KEY.lt(self.sort_key))
                    .order(Self::SORT_KEY.desc())
                    .first(session)
                    .await?;
                Ok(previous.map(|previous| shared::seconds_between(previous.created_at, self.created_at)))
            }

            /// The newest of the transitions to this state among those of the scope: the one of the greatest sort key,
            /// whichever owner it belongs to.
            ///
            /// # Errors
            /// What the database says.
            pub async fn most_recent_to_state<'c>(
                scope: crate::models::Scope<Self>,
                state: &str,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<Option<Self>, crate::models::ModelError> {
                scope.unordered().to_state(state).recent().first(session).await
            }

            /// Deletes the transition. The state of its owner is then that of no row, unless another is made the most
            /// recent one.
            ///
            /// # Errors
            /// What the database says.
            pub async fn delete<'c>(
                self,
                session: impl Into<crate::models::Session<'c>>,
            ) -> Result<(), crate::models::ModelError> {
                let mut connection = session.into().acquire_primary().await?;
                crate::models::record::delete_row(&mut connection, &self).await
            }
        }

        /// B-MOD-168.
        impl crate::models::Scope<$model> {
            /// Greatest sort key first.
            #[must_use]
            pub fn recent(self) -> Self {
                self.order($model::SORT_KEY.desc())
            }

            /// Transitions to this state.
            #[must_use]
            pub fn to_state(self, state: &str) -> Self {
                self.filter($model::TO_STATE.eq(state))
            }

            /// Transitions whose metadata has this key at the top.
            #[must_use]
            pub fn with_metadata_key(self, key: &str) -> Self {
                shared::with_metadata_key(self, $model::METADATA, key)
            }

            /// Transitions whose metadata has this value under this key, numbers by value.
            #[must_use]
            pub fn with_metadata_value(self, key: &str, value: &tasker_domain::json::Json) -> Self {
                shared::with_metadata_value(self, $model::METADATA, key, value)
            }

            /// Transitions written from the first instant to the second (UTC), both included.
            #[must_use]
            pub fn in_time_range(self, from: chrono::NaiveDateTime, to: chrono::NaiveDateTime) -> Self {
                self.filter($model::CREATED_AT.ge(from)).filter($model::CREATED_AT.le(to))
            }
        }
    };
}

pub(super) use transition;
