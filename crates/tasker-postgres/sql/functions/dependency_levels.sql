select workflow_step_id, dependency_level
from public.calculate_dependency_levels($1::bigint)
