-- The steps of each run, the edges between them and their states.
-- Columns stand in the order of the catalogue (R-01): it is part of the format. Times are UTC.

CREATE TABLE public.tasker_workflow_steps (
    workflow_step_id bigserial NOT NULL,
    task_id bigint NOT NULL,
    named_step_id integer NOT NULL,
    retryable boolean DEFAULT true NOT NULL,
    retry_limit integer DEFAULT 3,
    in_process boolean DEFAULT false NOT NULL,
    processed boolean DEFAULT false NOT NULL,
    processed_at timestamp,
    attempts integer,
    last_attempted_at timestamp,
    backoff_request_seconds integer,
    inputs jsonb,
    results jsonb,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    skippable boolean DEFAULT false NOT NULL,
    CONSTRAINT tasker_workflow_steps_pkey PRIMARY KEY (workflow_step_id),
    CONSTRAINT workflow_steps_named_step_id_foreign FOREIGN KEY (named_step_id)
        REFERENCES public.tasker_named_steps (named_step_id),
    CONSTRAINT workflow_steps_task_id_foreign FOREIGN KEY (task_id)
        REFERENCES public.tasker_tasks (task_id)
);

CREATE TABLE public.tasker_workflow_step_edges (
    id bigserial NOT NULL,
    from_step_id bigint NOT NULL,
    to_step_id bigint NOT NULL,
    name varchar NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_workflow_step_edges_pkey PRIMARY KEY (id),
    CONSTRAINT fk_rails_7b4652ccf2 FOREIGN KEY (from_step_id)
        REFERENCES public.tasker_workflow_steps (workflow_step_id),
    CONSTRAINT fk_rails_93ec0bf6eb FOREIGN KEY (to_step_id)
        REFERENCES public.tasker_workflow_steps (workflow_step_id)
);

CREATE TABLE public.tasker_workflow_step_transitions (
    id bigserial NOT NULL,
    to_state varchar NOT NULL,
    from_state varchar,
    metadata jsonb DEFAULT '{}',
    sort_key integer NOT NULL,
    most_recent boolean DEFAULT true NOT NULL,
    workflow_step_id bigint NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_workflow_step_transitions_pkey PRIMARY KEY (id),
    CONSTRAINT fk_rails_6e0f6eb833 FOREIGN KEY (workflow_step_id)
        REFERENCES public.tasker_workflow_steps (workflow_step_id)
);
