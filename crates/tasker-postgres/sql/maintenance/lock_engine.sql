-- All our tables, without waiting for any: whoever is at work on them is not kept waiting in a circle.
lock table tasker_engine.migrations, tasker_engine.lane, tasker_engine.definition, tasker_engine.definition_step,
  tasker_engine.definition_edge, tasker_engine.task, tasker_engine.queue, tasker_engine.ready, tasker_engine.later,
  tasker_engine.worker, tasker_engine.deadline, tasker_engine.step_deadline, tasker_engine.operation, tasker_engine.pause,
  tasker_engine.job, tasker_engine.job_bell in access exclusive mode nowait
