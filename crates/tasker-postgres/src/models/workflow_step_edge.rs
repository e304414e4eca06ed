//! Edges between steps: what has to be done before what.

use chrono::NaiveDateTime;
use sea_query::{CommonTableExpression, Expr, ExprTrait, JoinType, Query, UnionType, WithClause};
use sqlx::{PgConnection, Row};

use super::association::BelongsTo;
use super::model::model;
use super::record::{self, Record, Rule, Stamps};
use super::scope::Scope;
use super::statement;
use super::validation::{Problem, ValidationErrors};
use super::{Model, ModelError, Session, WorkflowStep};

/// Name of the edges that the engine makes.
pub const PROVIDES: &str = "provides";

model! {
    /// An edge from a step to one that depends on it (`tasker_workflow_step_edges`).
    pub struct WorkflowStepEdge in "tasker_workflow_step_edges" by id {
        /// Primary key.
        id: i64 => ID,
        /// Where it begins (B-MOD-094).
        from_step_id: i64 => FROM_STEP_ID,
        /// Where it ends (B-MOD-095).
        to_step_id: i64 => TO_STEP_ID,
        /// Its name.
        name: String => NAME,
        /// When it was stored, in UTC.
        created_at: NaiveDateTime => CREATED_AT,
        /// When it was last changed, in UTC.
        updated_at: NaiveDateTime => UPDATED_AT,
    }
}

/// An edge to store.
#[derive(Debug, Clone)]
pub struct NewWorkflowStepEdge {
    /// Where it begins.
    pub from_step_id: i64,
    /// Where it ends.
    pub to_step_id: i64,
    /// Its name.
    pub name: String,
    /// When it was made, in UTC; the database's instant unless given.
    pub created_at: Option<NaiveDateTime>,
    /// When it was last changed, in UTC; the database's instant unless given.
    pub updated_at: Option<NaiveDateTime>,
}

impl NewWorkflowStepEdge {
    /// An edge of this name (B-MOD-107).
    pub fn named(name: impl Into<String>, from: &WorkflowStep, to: &WorkflowStep) -> Self {
        Self {
            from_step_id: from.workflow_step_id,
            to_step_id: to.workflow_step_id,
            name: name.into(),
            created_at: None,
            updated_at: None,
        }
    }

    /// An edge `provides`.
    #[must_use]
    pub fn provides(from: &WorkflowStep, to: &WorkflowStep) -> Self {
        Self::named(PROVIDES, from, to)
    }

    fn unsaved(self) -> (WorkflowStepEdge, Stamps) {
        let stamps = Stamps::of(self.created_at, self.updated_at);
        let row = WorkflowStepEdge {
            id: 0,
            from_step_id: self.from_step_id,
            to_step_id: self.to_step_id,
            name: self.name,
            created_at: stamps.created_at,
            updated_at: stamps.updated_at,
        };
        (row, stamps)
    }
}

/// B-MOD-096.
impl Record for WorkflowStepEdge {
    const RULES: &'static [Rule] =
        &[Rule::parent("fk_rails_7b4652ccf2", "from_step"), Rule::parent("fk_rails_93ec0bf6eb", "to_step")];

    fn check(&self, errors: &mut ValidationErrors) {
        errors.present("name", &self.name);
        errors.text("name", &self.name, None);
    }

    async fn check_stored(
        &self,
        connection: &mut PgConnection,
        errors: &mut ValidationErrors,
    ) -> Result<(), ModelError> {
        let from = WorkflowStep::scope().with_keys([self.from_step_id]);
        let to = WorkflowStep::scope().with_keys([self.to_step_id]);
        let [from_there, to_there] = statement::ask(connection, [from.existence(), to.existence()]).await?;
        if !from_there {
            errors.add("from_step", Problem::MustExist);
        }
        if !to_there {
            errors.add("to_step", Problem::MustExist);
        }
        Ok(())
    }
}

/// Key of the advisory transaction lock under which edges are checked and stored; the letters `edges`.
const EDGE_LOCK: i64 = 0x65_6467_6573;

impl WorkflowStepEdge {
    /// The step where it begins.
    pub const FROM_STEP: BelongsTo<Self, WorkflowStep> = BelongsTo::new(Self::FROM_STEP_ID);
    /// The step where it ends.
    pub const TO_STEP: BelongsTo<Self, WorkflowStep> = BelongsTo::new(Self::TO_STEP_ID);

    /// Reads an edge by its primary key.
    ///
    /// # Errors
    /// [`ModelError::NotFound`] and what the database says.
    pub async fn find<'c>(key: i64, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire().await?;
        record::find(&mut connection, key).await
    }

    /// Checks an edge and stores it. All edges count for the search for cycles, also those of other tasks
    /// (B-MOD-109); several edges between two steps, and edges between tasks, are allowed. The search visits each step
    /// once, whatever the number of paths, and programs that store edges through here wait for each other, so that two
    /// of them cannot close a cycle together.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with every broken rule; [`ModelError::Cycle`] for an edge that would close one, from a step
    /// to itself included (B-MOD-098, B-MOD-099, B-MOD-108, B-MOD-110); what the database says.
    pub async fn create<'c>(new: NewWorkflowStepEdge, session: impl Into<Session<'c>>) -> Result<Self, ModelError> {
        let (row, stamps) = new.unsaved();
        let mut connection = session.into().acquire_primary().await?;
        let mut transaction = connection.begin().await?;
        record::checked(&mut transaction, &row).await?;
        Self::lock_all(&mut transaction).await?;
        if row.closes_cycle(&mut transaction).await? {
            return Err(ModelError::Cycle { from_step_id: row.from_step_id, to_step_id: row.to_step_id });
        }
        let stored = record::create(&mut transaction, &row, &stamps).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// Whoever else stores edges through the models waits until the transaction ends.
    pub(super) async fn lock_all(connection: &mut PgConnection) -> Result<(), ModelError> {
        sqlx::query("SELECT pg_catalog.pg_advisory_xact_lock($1)").bind(EDGE_LOCK).execute(connection).await?;
        Ok(())
    }

    /// Whether its beginning can be reached from its end.
    async fn closes_cycle(&self, connection: &mut PgConnection) -> Result<bool, ModelError> {
        let mut start = Query::select();
        start.expr_as(Expr::val(self.to_step_id).cast_as("bigint"), "step_id");
        let mut onward = Query::select();
        onward.column(("edge", "to_step_id")).from("reached");
        let on = Expr::col(("edge", "from_step_id")).equals(("reached", "step_id"));
        onward.join_as(JoinType::InnerJoin, ("public", Self::TABLE), "edge", on);
        // UNION without ALL: a step that was reached before is not followed again.
        start.union(UnionType::Distinct, onward);
        let reached = CommonTableExpression::new().query(start).column("step_id").table_name("reached").to_owned();
        let mut found = Query::select();
        found.expr(Expr::cust("1")).from("reached");
        found.and_where(Expr::col("step_id").eq(Expr::val(self.from_step_id)));
        let mut select = Query::select();
        select.expr(Expr::exists(found));
        let query = select.with(WithClause::new().recursive(true).cte(reached).to_owned());
        Ok(statement::one(connection, statement::built(&query)).await?.try_get(0)?)
    }

    /// Deletes the edge.
    ///
    /// # Errors
    /// What the database says.
    pub async fn delete<'c>(self, session: impl Into<Session<'c>>) -> Result<(), ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        record::delete_row(&mut connection, &self).await
    }

    /// All edges that lead to siblings of the step: to every other step that has exactly the same parents, with the
    /// same number of edges from each. A step without parents has no siblings (B-MOD-103…105).
    ///
    /// # Errors
    /// What the database says.
    pub async fn siblings_of<'c>(step_id: i64, session: impl Into<Session<'c>>) -> Result<Vec<Self>, ModelError> {
        Self::scope().to_siblings_of(step_id).order(Self::ID.asc()).fetch(session).await
    }
}

impl Scope<WorkflowStepEdge> {
    /// Edges out of the step (B-MOD-101).
    #[must_use]
    pub fn children_of(self, step_id: i64) -> Self {
        self.filter(WorkflowStepEdge::FROM_STEP_ID.eq(step_id))
    }

    /// Edges into the step (B-MOD-102).
    #[must_use]
    pub fn parents_of(self, step_id: i64) -> Self {
        self.filter(WorkflowStepEdge::TO_STEP_ID.eq(step_id))
    }

    /// Edges named `provides` (B-SCP-020).
    #[must_use]
    pub fn provides_edges(self) -> Self {
        self.filter(WorkflowStepEdge::NAME.eq(PROVIDES))
    }

    /// Edges named `provides` to the steps that depend on this one.
    #[must_use]
    pub fn provides_to_children(self, step_id: i64) -> Self {
        let children = WorkflowStepEdge::scope().children_of(step_id);
        self.provides_edges().filter(WorkflowStepEdge::TO_STEP_ID.within(&children, WorkflowStepEdge::TO_STEP_ID))
    }

    /// Edges into siblings of the step: see [`WorkflowStepEdge::siblings_of`].
    #[must_use]
    pub fn to_siblings_of(self, step_id: i64) -> Self {
        self.holding(WorkflowStepEdge::TO_STEP_ID.expr().in_subquery(siblings(step_id)))
    }
}

/// The ids of the step's siblings. Only steps that share its parents are looked at.
pub(super) fn siblings(step_id: i64) -> sea_query::SelectStatement {
    const PARENTS: &str = "array_agg(\"edge\".\"from_step_id\" ORDER BY \"edge\".\"from_step_id\")";
    let edges = || {
        let mut select = Query::select();
        select.from_as(("public", WorkflowStepEdge::TABLE), "edge");
        select
    };
    let mut own_parents = edges();
    own_parents.expr(Expr::cust(PARENTS)).and_where(Expr::col(("edge", "to_step_id")).eq(Expr::val(step_id)));
    let mut parents = Query::select();
    parents.column(("own", "from_step_id")).from_as(("public", WorkflowStepEdge::TABLE), "own");
    parents.and_where(Expr::col(("own", "to_step_id")).eq(Expr::val(step_id)));
    let mut neighbours = Query::select();
    neighbours.column(("near", "to_step_id")).from_as(("public", WorkflowStepEdge::TABLE), "near");
    neighbours.and_where(Expr::col(("near", "from_step_id")).in_subquery(parents));
    let mut siblings = edges();
    siblings.column(("edge", "to_step_id"));
    siblings.and_where(Expr::col(("edge", "to_step_id")).ne(Expr::val(step_id)));
    siblings.and_where(Expr::col(("edge", "to_step_id")).in_subquery(neighbours));
    siblings.group_by_col(("edge", "to_step_id"));
    siblings.and_having(Expr::cust(PARENTS).eq(Expr::SubQuery(None, Box::new(own_parents.into()))));
    siblings
}
