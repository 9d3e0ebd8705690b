SELECT kid, public_jwk, sealed, signs_from
FROM (
    SELECT kid, public_jwk, sealed, signs_from, distrusted_at, lead(signs_from) OVER (ORDER BY signs_from) AS signs_until
    FROM gateway.signing_key
) key
WHERE distrusted_at IS NULL AND (signs_until IS NULL OR signs_until > %(ended)s)
ORDER BY signs_from
