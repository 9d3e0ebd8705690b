"""Rows that were refused: a person must be able to find each of them and to act on it."""

from quality.rules import Severity, Suite, as_long_as, between, present, shaped

_RULES = (
    present("source_file", "A refused row names its file"),
    present("row", "A refused row names its line"),
    between("row", "Lines are counted from 1, and 0 is the whole file", least=0),
    present("code", "A refusal has a code"),
    shaped("code", r"^[a-z][a-z0-9_]*$", "Codes are lower case words", severity=Severity.WARN),
    present("message", "A refusal says what is wrong"),
    as_long_as("message", "What is wrong is said in a sentence", least=10, severity=Severity.WARN),
)

SUITE = Suite("quarantine", _RULES)
STATEMENT_SUITE = Suite("statement_quarantine", _RULES)
