INSERT INTO gateway.signing_key (kid, public_jwk, sealed, created_at, signs_from)
VALUES (%(kid)s, %(public_jwk)s::jsonb, %(sealed)s, %(at)s, %(signs_from)s)
