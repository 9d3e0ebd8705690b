-- Whether two tables hold different rows, or not as many.
SELECT (SELECT count(*) FROM {copied}) <> (SELECT count(*) FROM {original})
    OR EXISTS (SELECT * FROM {original} EXCEPT SELECT * FROM {copied})
