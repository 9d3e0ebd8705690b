"""Pure batch functions over the lake: frames in, frames out, one folder a subject.

Nothing here reads the clock, the environment, a random source or the ledger's tables, except
`pipelines.lake`, which is the one door to the ledger.
"""
