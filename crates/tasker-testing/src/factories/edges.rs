//! Edges between steps.

use tasker_postgres::factories::{WorkflowStepEdgeRow, WorkflowStepRow};

use super::{Factory, Stored};

/// An edge named `provides` between two new steps of one new task, unless told otherwise.
#[derive(Debug)]
pub struct EdgeBuilder<'f> {
    factory: &'f Factory,
    name: String,
    task_id: Option<i64>,
    from: End,
    to: End,
}

/// An edge that stands in the database, with the steps that were made for it: from, to.
pub type EdgeWithEnds = (Stored<WorkflowStepEdgeRow>, Option<Stored<WorkflowStepRow>>, Option<Stored<WorkflowStepRow>>);

#[derive(Debug)]
enum End {
    Given(i64),
    Named(&'static str, &'static str),
    New,
}

impl Factory {
    /// An edge.
    pub fn workflow_step_edge(&self) -> EdgeBuilder<'_> {
        EdgeBuilder { factory: self, name: "provides".to_owned(), task_id: None, from: End::New, to: End::New }
    }
}

impl EdgeBuilder<'_> {
    /// Between these steps.
    #[must_use]
    pub fn between(mut self, from_step_id: i64, to_step_id: i64) -> Self {
        self.from = End::Given(from_step_id);
        self.to = End::Given(to_step_id);
        self
    }

    /// Of this kind; the engine uses only `provides`. The original's traits are `depends_on`, `blocks` and `triggers`.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Between steps of this task.
    #[must_use]
    pub fn of(mut self, task_id: i64) -> Self {
        self.task_id = Some(task_id);
        self
    }

    /// From `fetch_cart` to `validate_products`.
    #[must_use]
    pub fn cart_to_validation(self) -> Self {
        self.joining(("fetch_cart", "api"), ("validate_products", "database"))
    }

    /// From `fetch_products` to `validate_products`.
    #[must_use]
    pub fn products_to_validation(self) -> Self {
        self.joining(("fetch_products", "api"), ("validate_products", "database"))
    }

    /// From `validate_products` to `create_order`.
    #[must_use]
    pub fn validation_to_order(self) -> Self {
        self.joining(("validate_products", "database"), ("create_order", "database"))
    }

    /// From `create_order` to `publish_event`.
    #[must_use]
    pub fn order_to_event(self) -> Self {
        self.joining(("create_order", "database"), ("publish_event", "notification"))
    }

    fn joining(mut self, from: (&'static str, &'static str), to: (&'static str, &'static str)) -> Self {
        self.from = End::Named(from.0, from.1);
        self.to = End::Named(to.0, to.1);
        self
    }

    /// Writes it, and its steps where none were given.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<EdgeWithEnds, sqlx::Error> {
        let factory = self.factory;
        let task_id = match (self.task_id, &self.from, &self.to) {
            (Some(id), _, _) => id,
            // Nothing is made, so no task is needed.
            (None, End::Given(_), End::Given(_)) => 0,
            (None, _, _) => factory.task().create().await?.id,
        };
        let (from_step_id, from) = self.from.create(factory, task_id).await?;
        let (to_step_id, to) = self.to.create(factory, task_id).await?;
        let row = WorkflowStepEdgeRow {
            from_step_id,
            to_step_id,
            name: self.name,
            created_at: factory.now,
            updated_at: factory.now,
        };
        Ok((factory.insert(row).await?, from, to))
    }
}

impl End {
    async fn create(
        &self,
        factory: &Factory,
        task_id: i64,
    ) -> Result<(i64, Option<Stored<WorkflowStepRow>>), sqlx::Error> {
        let step = match *self {
            Self::Given(id) => return Ok((id, None)),
            Self::Named(name, system) => factory.workflow_step().of(task_id).named(name, system).create().await?,
            Self::New => factory.workflow_step().of(task_id).create().await?,
        };
        Ok((step.id, Some(step)))
    }
}
