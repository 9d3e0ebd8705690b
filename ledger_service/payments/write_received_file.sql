INSERT INTO payments.received_file (business_date, source_file, sha256, rows, accepted, rejected)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (business_date, source_file, sha256)
DO UPDATE SET accepted = excluded.accepted, rejected = excluded.rejected
WHERE (received_file.accepted, received_file.rejected) IS DISTINCT FROM (excluded.accepted, excluded.rejected)
