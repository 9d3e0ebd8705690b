"""NACHA files, the format of the United States' ACH network: 94 characters a record.

Belongs here: reading files of every standard entry class, and writing CCD, PPD, CTX and IAT entries,
returns and notifications of change. The facts are those of the Nacha Operating Rules as the
documentation of moov-io/ach publishes them.
"""
