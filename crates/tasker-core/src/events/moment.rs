//! What the engine itself tells, and a set of it that is cheap to ask.

/// An event of the catalogue that the engine publishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    Enqueued,
    TaskStarted,
    StartRequested,
    InitializeRequested,
    Completed,
    Failed,
    BeforeTransition,
    ViableSteps,
    NoViableSteps,
    ExecutionStarted,
    ExecutionCompleted,
    StepExecutionRequested,
    StepRetryRequested,
    StepBeforeHandle,
    StepCompleted,
    StepFailed,
    Backoff,
    MaxRetries,
    FinalizationStarted,
    FinalizationCompleted,
}

impl Moment {
    pub(crate) const ALL: [Moment; 20] = [
        Moment::Enqueued,
        Moment::TaskStarted,
        Moment::StartRequested,
        Moment::InitializeRequested,
        Moment::Completed,
        Moment::Failed,
        Moment::BeforeTransition,
        Moment::ViableSteps,
        Moment::NoViableSteps,
        Moment::ExecutionStarted,
        Moment::ExecutionCompleted,
        Moment::StepExecutionRequested,
        Moment::StepRetryRequested,
        Moment::StepBeforeHandle,
        Moment::StepCompleted,
        Moment::StepFailed,
        Moment::Backoff,
        Moment::MaxRetries,
        Moment::FinalizationStarted,
        Moment::FinalizationCompleted,
    ];

    /// The name in the catalogue.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Moment::Enqueued => "observability.task.enqueue",
            Moment::TaskStarted => "workflow.task_started",
            Moment::StartRequested => "task.start_requested",
            Moment::InitializeRequested => "task.initialize_requested",
            Moment::Completed => "task.completed",
            Moment::Failed => "task.failed",
            Moment::BeforeTransition => "task.before_transition",
            Moment::ViableSteps => "workflow.viable_steps_discovered",
            Moment::NoViableSteps => "workflow.no_viable_steps",
            Moment::ExecutionStarted => "workflow.steps_execution_started",
            Moment::ExecutionCompleted => "workflow.steps_execution_completed",
            Moment::StepExecutionRequested => "step.execution_requested",
            Moment::StepRetryRequested => "step.retry_requested",
            Moment::StepBeforeHandle => "step.before_handle",
            Moment::StepCompleted => "step.completed",
            Moment::StepFailed => "step.failed",
            Moment::Backoff => "observability.step.backoff",
            Moment::MaxRetries => "observability.step.max_retries_reached",
            Moment::FinalizationStarted => "workflow.task_finalization_started",
            Moment::FinalizationCompleted => "workflow.task_finalization_completed",
        }
    }
}

/// Some of the moments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Moments(u32);

impl Moments {
    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    pub(crate) const fn bits(self) -> u32 {
        self.0
    }

    pub(crate) fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn has(self, moment: Moment) -> bool {
        self.0 & (1 << moment as u32) != 0
    }

    pub(crate) fn has_any(self, moments: &[Moment]) -> bool {
        moments.iter().any(|&moment| self.has(moment))
    }

    pub(crate) fn with(self, moment: Moment) -> Self {
        Self(self.0 | 1 << moment as u32)
    }
}
