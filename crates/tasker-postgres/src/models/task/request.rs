//! Tasks asked for by the names of their types.

use tasker_domain::identity::{Identity, IdentityStrategy};

use super::{NewTask, Task};
use crate::models::{JsonText, ModelError, NamedTask, Session, named_task, record, statement, task_namespace};

/// A task asked for by the names of its type.
#[derive(Debug, Clone)]
pub struct TaskRequest {
    /// Name of the task type.
    pub name: String,
    /// Its namespace; `default` unless given.
    pub namespace: Option<String>,
    /// Its version; `0.1.0` unless given.
    pub version: Option<String>,
    /// What makes it the same as another request.
    pub strategy: IdentityStrategy,
    /// The caller's key, for [`IdentityStrategy::Key`].
    pub key: Option<String>,
    /// The task; its `named_task_id` is found by the names, its identity is the strategy's.
    pub task: NewTask,
}

impl TaskRequest {
    /// A task of the type of this name, with the original's defaults.
    pub fn named(name: impl Into<String>, context: impl Into<JsonText>) -> Self {
        let task = NewTask {
            named_task_id: 0,
            context: context.into(),
            identity: Identity::Random,
            complete: false,
            requested_at: None,
            initiator: None,
            source_system: None,
            reason: None,
            bypass_steps: Vec::new(),
            tags: Vec::new(),
            created_at: None,
            updated_at: None,
        };
        Self { name: name.into(), namespace: None, version: None, strategy: IdentityStrategy::Uuid, key: None, task }
    }
}

impl Task {
    /// Stores a task asked for by names. The task type and its namespace are found, or stored if they are not there
    /// (B-MOD-019); they stay even where the task is refused, as in Rails. The task's steps are not made here.
    ///
    /// # Errors
    /// [`ModelError::Invalid`] with every broken rule: a task of the same identity is there
    /// ([`Problem::Identical`](crate::models::Problem::Identical), with its id); [`ModelError::Identity`] where strategy
    /// and key do not fit; what the database says.
    pub async fn create_from_request<'c>(
        request: TaskRequest,
        session: impl Into<Session<'c>>,
    ) -> Result<Self, ModelError> {
        let mut connection = session.into().acquire_primary().await?;
        let (row, stamps) = identified(request, &mut connection).await?.unsaved();
        record::create(&mut connection, &row, &stamps).await
    }

    /// The same, but under [`IdentityStrategy::Key`] a task with the same key is given back: the task, and whether it is new
    /// . Of rivals with one key, one stores it and all get it.
    ///
    /// # Errors
    /// As [`Task::create_from_request`].
    pub async fn find_or_create_from_request<'c>(
        request: TaskRequest,
        session: impl Into<Session<'c>>,
    ) -> Result<(Self, bool), ModelError> {
        let keyed = matches!(request.strategy, IdentityStrategy::Key);
        let mut connection = session.into().acquire_primary().await?;
        let new = identified(request, &mut connection).await?;
        if keyed {
            return Self::find_or_create(new, &mut *connection).await;
        }
        let (row, stamps) = new.unsaved();
        Ok((record::create(&mut connection, &row, &stamps).await?, true))
    }
}

/// The task with its type and its identity. The time of a request that says none is the database's.
async fn identified(request: TaskRequest, connection: &mut sqlx::PgConnection) -> Result<NewTask, ModelError> {
    let namespace = request.namespace.as_deref().unwrap_or(task_namespace::DEFAULT_NAMESPACE);
    let version = request.version.as_deref().unwrap_or(named_task::DEFAULT_VERSION);
    let named_task = NamedTask::of_full_name(namespace, &request.name, version, connection).await?;
    let new = NewTask { named_task_id: named_task.named_task_id, ..request.task };
    // Under `uuid` the time does not count, so that the row's own statement can stamp it.
    if matches!(request.strategy, IdentityStrategy::Uuid) && request.key.is_none() {
        return Ok(NewTask { identity: Identity::Random, ..new });
    }
    let requested_at = match new.requested_at {
        Some(instant) => instant,
        None => statement::now(connection).await?,
    };
    new.identified(&request.strategy, request.key.as_deref(), &request.name, requested_at)
}
