select kind::text as kind, a, b, n, m, k, w, ids, at, doc::text as doc
from tasker_engine.exchange_1($1, $2, $3, $4, $5::text[]::"char"[], $6::text[]::jsonb[], $7, $8, $9, $10, $11, $12,
  $13, $14::text[]::jsonb[], $15, $16::text[]::jsonb[], $17, $18)
