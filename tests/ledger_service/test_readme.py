"""The page of the ledger says what the code does: its code tables and the output of its examples."""

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger_service.ledger import results
from ledger_service.runtime.database import Database, Role, Server

PAGE = Path(results.__file__).parents[1] / "README.md"


def documented_codes(enumeration: str) -> Iterator[str]:
    """Rows of the table of a list of codes, in order of precedence, from the source."""
    tree = ast.parse(Path(results.__file__).read_text())
    body = next(
        node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == enumeration
    )
    members = [node for node in body if isinstance(node, ast.Assign)]
    meanings = [ast.literal_eval(node.value) for node in body[1:] if isinstance(node, ast.Expr)]
    for number, (member, meaning) in enumerate(zip(members, meanings, strict=True), start=1):
        yield f"| {number} | `{ast.literal_eval(member.value)}` | {' '.join(meaning.split())} |"


@pytest.mark.parametrize("enumeration", ["TransferResult", "AccountResult", "AccountChangeResult"])
def test_every_code_stands_in_its_table_in_order_of_precedence(enumeration: str) -> None:
    assert "\n".join(documented_codes(enumeration)) in PAGE.read_text()


def test_the_examples_give_the_output_that_is_shown(ledger_database: Server) -> None:
    examples = doctest.DocTestParser().get_doctest(
        PAGE.read_text(), {}, name="README", filename=str(PAGE), lineno=0
    )
    assert examples.examples
    with ledger_database.connect(Database.LEDGER, Role.APP, autocommit=True) as connection:
        assert isinstance(connection, psycopg.Connection)
        examples.globs = {"connection": connection}
        runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE | doctest.ELLIPSIS)
        report: list[str] = []
        assert runner.run(examples, out=report.append).failed == 0, "".join(report)
