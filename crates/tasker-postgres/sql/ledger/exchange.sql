select kind::text as kind, a, b, n, m, k, w, at, doc::text as doc
from tasker_engine.exchange_1($1, $2, $3, $4, $5,
  $6, $7, $8::text[]::"char"[], $9::text[]::jsonb[], $10, $11, $12,
  $13, $14, $15, $16, $17, $18, $19,
  $20, $21::text[]::jsonb[], $22, $23::text[]::jsonb[], $24, $25, $26, $27)
