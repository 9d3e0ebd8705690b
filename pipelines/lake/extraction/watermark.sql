SELECT pg_snapshot_xmin(pg_current_snapshot())::text AS watermark,
    coalesce(max(d.closed_xid) < pg_snapshot_xmin(pg_current_snapshot()), true) AS close_is_below
FROM ledger.business_day d
WHERE d.book_id = ANY ({book_ids}) AND d.business_date BETWEEN {first} AND {last}
