-- One row per run of a workflow, its states and its annotations.
-- Columns stand in the order of the catalogue (R-01): it is part of the format. Times are UTC.

CREATE TABLE public.tasker_tasks (
    task_id bigserial NOT NULL,
    named_task_id integer NOT NULL,
    complete boolean DEFAULT false NOT NULL,
    requested_at timestamp NOT NULL,
    initiator varchar(128),
    source_system varchar(128),
    reason varchar(128),
    bypass_steps json,
    tags jsonb,
    context jsonb,
    identity_hash varchar(128) NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_tasks_pkey PRIMARY KEY (task_id),
    CONSTRAINT tasks_named_task_id_foreign FOREIGN KEY (named_task_id)
        REFERENCES public.tasker_named_tasks (named_task_id)
);

CREATE TABLE public.tasker_task_transitions (
    id bigserial NOT NULL,
    to_state varchar NOT NULL,
    from_state varchar,
    metadata jsonb DEFAULT '{}',
    sort_key integer NOT NULL,
    most_recent boolean DEFAULT true NOT NULL,
    task_id bigint NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_task_transitions_pkey PRIMARY KEY (id),
    CONSTRAINT fk_rails_e8caec803c FOREIGN KEY (task_id)
        REFERENCES public.tasker_tasks (task_id)
);

CREATE TABLE public.tasker_annotation_types (
    annotation_type_id serial NOT NULL,
    name varchar(64) NOT NULL,
    description varchar(255),
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_annotation_types_pkey PRIMARY KEY (annotation_type_id)
);

CREATE TABLE public.tasker_task_annotations (
    task_annotation_id bigserial NOT NULL,
    task_id bigint NOT NULL,
    annotation_type_id integer NOT NULL,
    annotation jsonb,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_task_annotations_pkey PRIMARY KEY (task_annotation_id),
    CONSTRAINT task_annotations_annotation_type_id_foreign FOREIGN KEY (annotation_type_id)
        REFERENCES public.tasker_annotation_types (annotation_type_id),
    CONSTRAINT task_annotations_task_id_foreign FOREIGN KEY (task_id)
        REFERENCES public.tasker_tasks (task_id)
);
