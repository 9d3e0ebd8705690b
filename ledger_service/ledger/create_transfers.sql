SELECT ledger.create_transfers(
    %s, %s, %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::text[], %s::uuid[], %s::boolean[], %s::text[], %s::uuid[], %s::timestamptz[],
    %s::timestamptz[], %s::date[], %s::uuid[], %s::bigint[], %s::text[]
)
