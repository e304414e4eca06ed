//! How the attempts of a simulated run go: what `--outcomes` and `--durations` say.

use std::time::Duration;

use chrono::DateTime;
use tasker_core::orchestration::{over_its_limit, simulated_end, simulated_failure};
use tasker_domain::script::{Behaviour, OutcomeScript};
use tasker_domain::simulation::{Attempt, Attempts, CutShort, Durations, Failed};
use tasker_domain::template::Template;

use crate::outcomes::{answer, told_to_stop};

pub(super) struct Scripted<'a> {
    template: &'a Template,
    script: OutcomeScript,
    durations: Durations,
}

impl<'a> Scripted<'a> {
    pub(super) fn new(template: &'a Template, script: OutcomeScript, durations: Durations) -> Self {
        Self { template, script, durations }
    }
}

impl Attempts for Scripted<'_> {
    fn attempt(&mut self, place: usize, number: u32) -> Attempt {
        let step = &self.template.steps[place];
        let Behaviour { sleep, end } = self.script.behaviour(&step.name, number);
        let takes = sleep.or_else(|| self.durations.of(place, number)).unwrap_or(Duration::ZERO);
        // What a script says counts from no date, so any instant will do.
        let answered = answer(end, DateTime::UNIX_EPOCH.naive_utc());
        Attempt { takes, ending: simulated_end(answered, step, number) }
    }

    fn cut_short(&mut self, place: usize, number: u32, cause: CutShort) -> Failed {
        let error = match cause {
            CutShort::TimeLimit(limit) => over_its_limit(limit),
            CutShort::ToldToStop => told_to_stop(),
        };
        simulated_failure(&error, &self.template.steps[place], number)
    }
}
