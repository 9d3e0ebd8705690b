"""Quality: what tables that enter or leave the platform must look like, checked by Great Expectations.

Belongs here: the rules of each table (`suites/`), their evaluation, their report. What the database can
guarantee is a constraint there; what the warehouse derives is a dbt test.
"""
