select silent, overdue, coalesce(adoptable, '{}') as adoptable, front, oldest_xid, next_xid, reached, coalesce(differ, '{}') as differ
from tasker_engine.look_around_1($1, $2, $3, $4)
