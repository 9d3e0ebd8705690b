"""Connections of an installation are read from YAML, or refused by file and field."""

import re
import textwrap
from datetime import time, timedelta
from pathlib import Path

import pytest

from pipelines.settlement.banks.connection import Sftp, read_connections
from pipelines.settlement.problems import FileRefused

README = Path(__file__).resolve().parents[4] / "README.md"


def shown() -> str:
    """The connection that the README shows."""
    found = re.search(r"^    bank_id: .*?(?=^\S)", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return textwrap.dedent(found.group())


def test_the_connection_of_the_readme_is_one_and_its_keys_lie_beside_it(tmp_path: Path) -> None:
    (tmp_path / "bank.yaml").write_text(shown())
    connection = read_connections(tmp_path)["ke-b01"]
    assert isinstance(connection.transport, Sftp)
    assert connection.transport.host_key == tmp_path / "keys" / "ke-b01.pub"
    assert connection.cut_offs == {"KES": time(15, 30)}
    assert connection.answer_within == timedelta(hours=4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (shown().replace("country: KE", "country: Kenya"), "country"),
        (shown().replace("wire: sftp", "wire: fax"), "wire"),
        (shown() + "passwort: x\n", "passwort"),
        ("- [", "bank.yaml"),
        ("\udcff", "bank.yaml"),
    ],
)
def test_what_is_no_connection_is_refused_by_file_and_field(
    content: str, said: str, tmp_path: Path
) -> None:
    (tmp_path / "bank.yaml").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(FileRefused, match=said) as refused:
        read_connections(tmp_path)
    assert "bank.yaml" in str(refused.value)


def test_a_bank_has_one_connection(tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(shown())
    with pytest.raises(FileRefused, match=r"b\.yaml.*has a file already"):
        read_connections(tmp_path)
