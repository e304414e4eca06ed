//! Lines of histories, with the metadata that the original's suite gives them.

use serde_json::{Value, json};

macro_rules! moves {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident => $state:literal, $key:literal, $metadata:tt;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
        }

        impl $name {
            /// The state it leads to.
            pub fn to_state(self) -> &'static str {
                match self {
                    $(Self::$variant => $state,)+
                }
            }

            /// Its place in a history where nothing stands at that place or after it.
            pub fn sort_key(self) -> i32 {
                match self {
                    $(Self::$variant => $key,)+
                }
            }

            /// Its metadata.
            pub fn metadata(self) -> Value {
                match self {
                    $(Self::$variant => json!($metadata),)+
                }
            }
        }
    };
}

moves! {
    /// A change of a task's state.
    TaskMove {
        /// Made.
        Initial => "pending", 0, {"initial": true, "created_by": "factory"};
        /// Begun.
        Start => "in_progress", 1, {"triggered_by": "task_handler", "reason": "execution_started"};
        /// Ended well.
        Complete => "complete", 2, {"triggered_by": "task_finalizer", "reason": "all_steps_completed"};
        /// Failed.
        Error => "error", 2, {
            "triggered_by": "task_finalizer", "reason": "step_failures", "error_details": "a step failed",
            "failed_steps": ["step_1"],
        };
        /// Called off.
        Cancel => "cancelled", 2, {"triggered_by": "user", "reason": "user_requested"};
        /// To be tried again.
        Retry => "pending", 3, {"triggered_by": "retry", "reason": "retry_after_error", "retry_count": 1};
        /// Settled by a person.
        ManualResolution => "resolved_manually", 3, {
            "triggered_by": "operator", "reason": "manual_intervention", "resolution_notes": "settled by hand",
        };
    }
}

moves! {
    /// A change of a step's state.
    StepMove {
        /// Made.
        Initial => "pending", 0, {"initial": true, "created_by": "factory"};
        /// Begun.
        Start => "in_progress", 1, {"triggered_by": "step_executor", "reason": "execution_started", "attempt": 1};
        /// Ended well.
        Complete => "complete", 2, {
            "triggered_by": "step_executor", "reason": "execution_succeeded", "execution_time_ms": 150,
        };
        /// Failed.
        Error => "error", 2, {
            "triggered_by": "step_executor", "reason": "execution_failed", "error": "it did not work", "attempt": 1,
            "will_retry": true,
        };
        /// To be tried again.
        Retry => "pending", 3, {
            "triggered_by": "retry", "reason": "retry_after_error", "retry_count": 1, "backoff_seconds": 30,
        };
        /// Called off.
        Cancel => "cancelled", 2, {"triggered_by": "user", "reason": "user_requested"};
        /// Settled by a person.
        ManualResolution => "resolved_manually", 3, {
            "triggered_by": "operator", "reason": "manual_intervention", "resolution_notes": "settled by hand",
        };
        /// Left out.
        Skip => "complete", 1, {
            "triggered_by": "step_executor", "reason": "step_skipped", "skip_reason": "not needed",
        };
    }
}

impl TaskMove {
    /// Made, begun, ended well.
    pub const COMPLETED: [Self; 3] = [Self::Initial, Self::Start, Self::Complete];
    /// Made, begun, failed.
    pub const FAILED: [Self; 3] = [Self::Initial, Self::Start, Self::Error];
    /// Failed and tried again with success.
    pub const RETRIED: [Self; 6] = [Self::Initial, Self::Start, Self::Error, Self::Retry, Self::Start, Self::Complete];
}

impl StepMove {
    /// Made, begun, ended well.
    pub const COMPLETED: [Self; 3] = [Self::Initial, Self::Start, Self::Complete];
    /// Made, begun, failed.
    pub const FAILED: [Self; 3] = [Self::Initial, Self::Start, Self::Error];
    /// Failed and tried again with success.
    pub const RETRIED: [Self; 6] = [Self::Initial, Self::Start, Self::Error, Self::Retry, Self::Start, Self::Complete];
    /// Failed three times.
    pub const FAILED_THREE_TIMES: [Self; 9] = [
        Self::Initial,
        Self::Start,
        Self::Error,
        Self::Retry,
        Self::Start,
        Self::Error,
        Self::Retry,
        Self::Start,
        Self::Error,
    ];
}
