select kind::text as kind, a, b, n, m, k, w, at, doc::text as doc
from tasker_engine.succeed_1($1, $2, $3, $4, $5, $6::text::jsonb, $7, $8, $9, $10)
