//! Handing in tasks that workers carry out.

use chrono::NaiveDateTime;
use tasker_domain::json::Json;
use tasker_domain::request::places_to_bypass;
use tasker_domain::template::Template;
use tasker_postgres::ledger::{Created, DefinitionId, EXCHANGE_BYTES, Exchange, NewTask, Registered};
use tokio::sync::oneshot;

use crate::error::RunError;
use crate::orchestration::Asked;
use crate::tasker::Tasker;
use crate::work::Inbox;

/// Most tasks that one call creates.
const TASKS_A_CALL: usize = 500;

/// A task that is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    context: Json,
    key: Option<String>,
    details: indexmap::IndexMap<String, Json>,
    bypass_steps: Vec<String>,
    run_at: Option<NaiveDateTime>,
    deadline: Option<NaiveDateTime>,
}

impl Request {
    /// A task with this context, to be carried out at once.
    pub fn new(context: impl Into<Json>) -> Self {
        Self {
            context: context.into(),
            key: None,
            details: indexmap::IndexMap::new(),
            bypass_steps: Vec::new(),
            run_at: None,
            deadline: None,
        }
    }

    /// Its identity: a task that was asked for under the same key before is answered instead of creating another.
    #[must_use]
    pub fn with_key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Who asks for it and why: `initiator`, `source_system`, `reason` of the record.
    #[must_use]
    pub fn asked_by(mut self, initiator: &str, source_system: &str, reason: &str) -> Self {
        for (name, value) in [("initiator", initiator), ("source_system", source_system), ("reason", reason)] {
            self.details.insert(name.to_owned(), Json::String(value.to_owned()));
        }
        self
    }

    /// Words to find it by.
    #[must_use]
    pub fn with_tags(mut self, tags: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let tags = tags.into_iter().map(|tag| Json::String(tag.into())).collect();
        self.details.insert("tags".to_owned(), Json::Array(tags));
        self
    }

    /// Steps that are passed over: when everything before such a step has ended well, it is complete without its handler,
    /// with the results `{"bypassed": true}`. Each must be called `skippable` by the template.
    #[must_use]
    pub fn bypassing(mut self, steps: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.bypass_steps.extend(steps.into_iter().map(Into::into));
        self
    }

    /// None of its steps starts before this instant (UTC).
    #[must_use]
    pub fn not_before(mut self, instant: NaiveDateTime) -> Self {
        self.run_at = Some(instant);
        self
    }

    /// The instant (UTC) before which none of its steps starts.
    pub(crate) fn starts_at(&self) -> Option<NaiveDateTime> {
        self.run_at
    }

    /// It is cancelled if it has not ended by this instant (UTC).
    #[must_use]
    pub fn until(mut self, instant: NaiveDateTime) -> Self {
        self.deadline = Some(instant);
        self
    }
}

impl Tasker {
    /// Creates a task for workers to carry out.
    ///
    /// # Errors
    /// As [`submit_all`](Self::submit_all).
    pub async fn submit(&self, template: &Template, request: Request) -> Result<Created, RunError> {
        let mut created = self.submit_all(template, vec![request]).await?;
        created.pop().ok_or_else(|| RunError::Database {
            task_id: None,
            error: tasker_postgres::ledger::LedgerError::Inconsistent(
                "a task was neither created nor found".to_owned(),
            ),
        })
    }

    /// Creates many tasks of one type, hundreds in a round trip, each as a whole or not at all. The answers stand in the
    /// order of the requests.
    ///
    /// # Errors
    /// [`RunError::Schema`], [`RunError::Context`], [`RunError::Bypass`], [`RunError::DeadlinePassed`] and their kin before anything was written; [`RunError::Database`]: the
    /// tasks of the calls before stand.
    pub async fn submit_all(&self, template: &Template, requests: Vec<Request>) -> Result<Vec<Created>, RunError> {
        self.check_deadlines(&requests).await?;
        let Registered { definition_id, .. } = self.register(template).await?;
        let checked: Vec<NewTask> = requests
            .into_iter()
            .map(|request| self.new_task(template, definition_id, request).map(|(task, _)| task))
            .collect::<Result<_, RunError>>()?;
        let mut all = Vec::with_capacity(checked.len());
        let mut batch: Vec<NewTask> = Vec::new();
        let mut bytes = 0;
        for task in checked {
            let size = task.context.get().len();
            if !batch.is_empty() && (batch.len() >= TASKS_A_CALL || bytes + size > EXCHANGE_BYTES) {
                all.extend(self.create(std::mem::take(&mut batch)).await?);
                bytes = 0;
            }
            bytes += size;
            batch.push(task);
        }
        if !batch.is_empty() {
            all.extend(self.create(batch).await?);
        }
        Ok(all)
    }

    /// Refuses deadlines that have passed, or that are not later than the instant before which the task may not start. A
    /// request whose key a task has already is left alone, as it creates nothing. [`submit`](Self::submit) and its kin do
    /// this first of all; where no request has a deadline it costs nothing.
    ///
    /// # Errors
    /// [`RunError::DeadlinePassed`], [`RunError::DeadlineBeforeStart`], [`RunError::Database`].
    pub async fn check_deadlines(&self, requests: &[Request]) -> Result<(), RunError> {
        let limited: Vec<(Option<&str>, NaiveDateTime, Option<NaiveDateTime>)> = requests
            .iter()
            .filter_map(|request| Some((request.key.as_deref(), request.deadline?, request.run_at)))
            .collect();
        if limited.is_empty() {
            return Ok(());
        }
        match self.ledger().passed_before(&limited, self.clock.record_time()).await? {
            None => Ok(()),
            Some((place, now)) => Err(match limited[place] {
                (_, deadline, Some(run_at)) if deadline > now => RunError::DeadlineBeforeStart { run_at, deadline },
                (_, deadline, _) => RunError::DeadlinePassed { deadline, now },
            }),
        }
    }

    /// The task of a request, and whether its key was made for it.
    fn new_task(
        &self,
        template: &Template,
        definition_id: DefinitionId,
        mut request: Request,
    ) -> Result<(NewTask, bool), RunError> {
        if !request.bypass_steps.is_empty() {
            let places = places_to_bypass(&request.bypass_steps, template).map_err(RunError::Bypass)?;
            let names = Json::Array(request.bypass_steps.into_iter().map(Json::String).collect());
            let places = places.into_iter().map(|place| Json::Number(place.to_string())).collect();
            // As text, because the column keeps it as it is written.
            request.details.insert("bypass_steps".to_owned(), Json::String(names.to_string()));
            request.details.insert("bypass_places".to_owned(), Json::Array(places));
        }
        let (context, details) = self.checked(template, &request.context, &Json::Object(request.details))?;
        let key_is_new = request.key.is_none();
        let key = request.key.unwrap_or_else(|| self.entropy.uuid().to_string());
        let (run_at, deadline) = (request.run_at, request.deadline);
        Ok((NewTask { definition_id, context, key, details, reserved: false, run_at, deadline }, key_is_new))
    }

    /// Has a task created by a worker of this process, with its next exchange.
    ///
    /// # Errors
    /// As [`submit_all`](Self::submit_all), and [`RunError::WorkerGone`] when the worker ended before it could.
    pub async fn submit_by_way_of(
        &self,
        inbox: &Inbox,
        template: &Template,
        registered: &Registered,
        request: Request,
    ) -> Result<Created, RunError> {
        self.check_deadlines(std::slice::from_ref(&request)).await?;
        let (task, key_is_new) = self.new_task(template, registered.definition_id, request)?;
        let (answer, answered) = oneshot::channel();
        let asked = Asked { task, key_is_new, answer: Some(answer) };
        inbox.sender.send(asked).await.map_err(|_| RunError::WorkerGone)?;
        answered.await.map_err(|_| RunError::WorkerGone)
    }

    async fn create(&self, tasks: Vec<NewTask>) -> Result<Vec<Created>, RunError> {
        let call = Exchange { tasks: &tasks, now: self.clock.record_time(), ..Exchange::new(0, &self.label) };
        let reply = self.ledger().exchange(&call).await?;
        self.events.tell_created(&reply);
        let mut created = reply.created;
        created.sort_by_key(|task| task.place);
        Ok(created)
    }
}
