-- The role $1: whether it can do everything, and whether it may make tables beside ours.
select r.rolsuper as is_superuser, has_schema_privilege(r.oid, 'public', 'create') as creates_in_public,
  has_schema_privilege(r.oid, 'tasker_engine', 'create') as creates_in_engine
from pg_catalog.pg_roles r where r.rolname = $1
