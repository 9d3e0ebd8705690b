UPDATE gateway.signing_key SET signs_from = %(at)s
WHERE kid = (
    SELECT kid FROM gateway.signing_key WHERE signs_from > %(at)s AND distrusted_at IS NULL
    ORDER BY signs_from LIMIT 1
)
