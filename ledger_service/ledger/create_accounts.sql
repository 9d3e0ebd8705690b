SELECT ledger.create_accounts(
    %s, %s::bigint[], %s::text[], %s::integer[], %s::text[], %s::text[],
    %s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::date[],
    %s::bigint[], %s::bigint[]
)
