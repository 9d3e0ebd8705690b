INSERT INTO gateway.transfer_reference (book_id, transfer_id, reference)
SELECT %(book_id)s, transfer_id, reference
FROM unnest(%(transfer_ids)s::uuid[], %(references)s::text[]) AS item(transfer_id, reference)
