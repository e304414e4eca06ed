//! Tasks.

use serde_json::{Value, json};
use tasker_postgres::factories::{TaskRow, TaskTransitionRow};

use super::{Factory, Stored, TaskMove, histories::task_rows};

/// A task: of the type `dummy_task` 0.1.0 in the namespace `default`, pending without a history, unless told otherwise.
#[derive(Debug)]
pub struct TaskBuilder<'f> {
    factory: &'f Factory,
    named_task_id: Option<i32>,
    named_task: &'static str,
    moves: Vec<TaskMove>,
    row: TaskRow,
}

/// A task that stands in the database, and its history.
pub type TaskWithHistory = (Stored<TaskRow>, Vec<Stored<TaskTransitionRow>>);

impl Factory {
    /// A task.
    pub fn task(&self) -> TaskBuilder<'_> {
        let identity_hash = self.entropy.uuid().to_string();
        let row = TaskRow {
            named_task_id: 0,
            complete: false,
            requested_at: self.now,
            initiator: Some("test_user".to_owned()),
            source_system: Some("test_system".to_owned()),
            reason: Some("automated_test".to_owned()),
            bypass_steps: Some(json!([])),
            tags: Some(json!([])),
            context: Some(json!({"test": true, "timestamp": self.now.and_utc().timestamp_millis()})),
            identity_hash,
            created_at: self.now,
            updated_at: self.now,
        };
        TaskBuilder { factory: self, named_task_id: None, named_task: "dummy_task", moves: Vec::new(), row }
    }
}

impl TaskBuilder<'_> {
    /// Of this type.
    #[must_use]
    pub fn named_task(mut self, named_task_id: i32) -> Self {
        self.named_task_id = Some(named_task_id);
        self
    }

    /// With these values changed; the type is what [`named_task`](Self::named_task) says.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut TaskRow)) -> Self {
        change(&mut self.row);
        self
    }

    /// About this.
    #[must_use]
    pub fn context(self, context: Value) -> Self {
        self.with(|row| row.context = Some(context))
    }

    /// Begun.
    #[must_use]
    pub fn in_progress(self) -> Self {
        self.moved(&[TaskMove::Initial, TaskMove::Start])
    }

    /// Ended well.
    #[must_use]
    pub fn complete(self) -> Self {
        self.moved(&TaskMove::COMPLETED).with(|row| row.complete = true)
    }

    /// Failed.
    #[must_use]
    pub fn error(self) -> Self {
        self.moved(&TaskMove::FAILED)
    }

    /// Called off before it began.
    #[must_use]
    pub fn cancelled(self) -> Self {
        self.moved(&[TaskMove::Initial, TaskMove::Cancel])
    }

    /// With this history.
    #[must_use]
    pub fn moved(mut self, moves: &[TaskMove]) -> Self {
        self.moves = moves.to_vec();
        self
    }

    /// About a cart.
    #[must_use]
    pub fn with_cart_context(self) -> Self {
        self.context(json!({"cart_id": 456, "user_id": 789}))
    }

    /// About an order.
    #[must_use]
    pub fn with_order_context(self) -> Self {
        self.context(json!({"order_id": 123, "customer_id": 456}))
    }

    /// About a cart, a user, an order, an address and two items.
    #[must_use]
    pub fn with_complex_context(self) -> Self {
        self.context(json!({
            "cart_id": 456, "user_id": 789, "order_id": 123,
            "shipping_address": {"street": "1 Main St", "city": "Springfield", "postcode": "12345"},
            "items": [{"id": 1, "quantity": 2}, {"id": 2, "quantity": 1}],
        }))
    }

    /// The checkout of a cart that a client of an API asks for.
    #[must_use]
    pub fn api_integration(mut self) -> Self {
        self.named_task = "api_integration_task";
        self.asked_for("api_client", "ecommerce_api", "process_cart_checkout").context(json!({"cart_id": 123}))
    }

    /// A nightly batch.
    #[must_use]
    pub fn data_processing(mut self) -> Self {
        self.named_task = "data_processing_task";
        self.asked_for("batch_processor", "data_pipeline", "daily_batch_processing")
    }

    /// By whom, from where and why.
    #[must_use]
    pub fn asked_for(self, initiator: &str, source_system: &str, reason: &str) -> Self {
        self.with(|row| {
            row.initiator = Some(initiator.to_owned());
            row.source_system = Some(source_system.to_owned());
            row.reason = Some(reason.to_owned());
        })
    }

    /// With the tags `urgent`, `customer_facing` and `revenue_impacting`.
    #[must_use]
    pub fn with_tags(self) -> Self {
        self.with(|row| row.tags = Some(json!(["urgent", "customer_facing", "revenue_impacting"])))
    }

    /// With two steps to be left out.
    #[must_use]
    pub fn with_bypass_steps(self) -> Self {
        self.with(|row| row.bypass_steps = Some(json!(["validation_step", "approval_step"])))
    }

    /// The row, without its type.
    pub(super) fn into_row(self) -> TaskRow {
        self.row
    }

    /// Writes it, its type where none was given, and its history.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create(self) -> Result<Stored<TaskRow>, sqlx::Error> {
        Ok(self.create_with_history().await?.0)
    }

    /// As [`create`](Self::create); gives the history, too.
    ///
    /// # Errors
    /// What the database says.
    pub async fn create_with_history(self) -> Result<TaskWithHistory, sqlx::Error> {
        let mut row = self.row;
        row.named_task_id = match self.named_task_id {
            Some(id) => id,
            None => self.factory.named_task().named(self.named_task).create().await?.small_id(),
        };
        let (begun, now) = (row.created_at, self.factory.now);
        let task = self.factory.insert(row).await?;
        let history = self.factory.insert_all(task_rows(task.id, &self.moves, begun, now)).await?;
        Ok((task, history))
    }
}
