-- Pairs of identifiers of one thing in two systems.
-- Columns stand in the order of the catalogue (R-01): it is part of the format. Times are UTC.

CREATE TABLE public.tasker_dependent_system_object_maps (
    dependent_system_object_map_id bigserial NOT NULL,
    dependent_system_one_id integer NOT NULL,
    dependent_system_two_id integer NOT NULL,
    remote_id_one varchar(128) NOT NULL,
    remote_id_two varchar(128) NOT NULL,
    created_at timestamp(6) NOT NULL,
    updated_at timestamp(6) NOT NULL,
    CONSTRAINT tasker_dependent_system_object_maps_pkey PRIMARY KEY (dependent_system_object_map_id),
    CONSTRAINT dependent_system_object_maps_dependent_system_one_id_foreign FOREIGN KEY (dependent_system_one_id)
        REFERENCES public.tasker_dependent_systems (dependent_system_id),
    CONSTRAINT dependent_system_object_maps_dependent_system_two_id_foreign FOREIGN KEY (dependent_system_two_id)
        REFERENCES public.tasker_dependent_systems (dependent_system_id)
);
