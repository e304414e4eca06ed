drop schema if exists tasker_floor cascade
