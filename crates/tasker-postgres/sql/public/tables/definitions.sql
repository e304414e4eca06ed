-- What a workflow is: namespaces, task and step definitions, the systems that steps belong to.
-- Columns stand in the order of the catalogue (R-01): it is part of the format. Times are UTC.

CREATE TABLE public.tasker_task_namespaces (
    task_namespace_id serial NOT NULL,
    name varchar(64) NOT NULL,
    description varchar(255),
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_task_namespaces_pkey PRIMARY KEY (task_namespace_id)
);

CREATE TABLE public.tasker_named_tasks (
    named_task_id serial NOT NULL,
    name varchar(64) NOT NULL,
    description varchar(255),
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    task_namespace_id bigint DEFAULT 1 NOT NULL,
    version varchar(16) DEFAULT '0.1.0' NOT NULL,
    configuration jsonb DEFAULT '"{}"',
    CONSTRAINT tasker_named_tasks_pkey PRIMARY KEY (named_task_id),
    CONSTRAINT fk_rails_16a0297759 FOREIGN KEY (task_namespace_id)
        REFERENCES public.tasker_task_namespaces (task_namespace_id)
);

CREATE TABLE public.tasker_dependent_systems (
    dependent_system_id serial NOT NULL,
    name varchar(64) NOT NULL,
    description varchar(255),
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_dependent_systems_pkey PRIMARY KEY (dependent_system_id)
);

CREATE TABLE public.tasker_named_steps (
    named_step_id serial NOT NULL,
    dependent_system_id integer NOT NULL,
    name varchar(128) NOT NULL,
    description varchar(255),
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_named_steps_pkey PRIMARY KEY (named_step_id),
    CONSTRAINT named_steps_dependent_system_id_foreign FOREIGN KEY (dependent_system_id)
        REFERENCES public.tasker_dependent_systems (dependent_system_id)
);

CREATE TABLE public.tasker_named_tasks_named_steps (
    id serial NOT NULL,
    named_task_id integer NOT NULL,
    named_step_id integer NOT NULL,
    skippable boolean DEFAULT false NOT NULL,
    default_retryable boolean DEFAULT true NOT NULL,
    default_retry_limit integer DEFAULT 3 NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_named_tasks_named_steps_pkey PRIMARY KEY (id),
    CONSTRAINT named_tasks_named_steps_named_step_id_foreign FOREIGN KEY (named_step_id)
        REFERENCES public.tasker_named_steps (named_step_id),
    CONSTRAINT named_tasks_named_steps_named_task_id_foreign FOREIGN KEY (named_task_id)
        REFERENCES public.tasker_named_tasks (named_task_id)
);
