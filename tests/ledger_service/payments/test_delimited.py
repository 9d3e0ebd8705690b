"""Broken text never fails a reader: what is sound is read, what is not is quarantined with its line."""

import csv
import io

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger_service.payments import delimited
from ledger_service.payments.delimited import DelimitedFile, read_delimited

COLUMNS = ("a", "b", "c")


def read(data: bytes) -> DelimitedFile:
    return read_delimited(data, source_file="f.csv", columns=COLUMNS)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"\xff\xfea,b,c\n", "not_utf8"),
        (b"a,b,c\n1,2,\xc3\x28\n", "not_utf8"),
        (b"", "empty_file"),
        (b"\n \n", "empty_file"),
        (b"a,b\n1,2\n", "missing_columns"),
        (b"a;b;c\n1;2;3\n", "missing_columns"),
        (b"a,a,b,c\n1,2,3,4\n", "duplicate_columns"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(data: bytes, code: str) -> None:
    file = read(data)
    assert file.rows.is_empty()
    assert file.quarantine.select("row", "code").rows() == [(0, code)]


def test_a_file_above_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "FILE_LIMIT_BYTES", 10)
    assert read(b"a,b,c\n1,2,3\n").quarantine["code"].to_list() == ["file_too_large"]


def test_a_broken_line_spoils_no_other() -> None:
    data = (
        b'\xef\xbb\xbfc,extra,"a",b\r\n'  # a byte order mark, another order, a surplus column
        b'3,x,"one, ""1""",2\r\n'
        b'3,x,"unbalanced,2\n'
        b"3,x,1\n"
        b"3,x,1,2,surplus\n"
        b"\n"
        b"3,\x00,1,2\n"
        b'3,x,a"b,2\n'
        b"3,x,,2"
    )
    file = read(data)
    assert file.rows.drop("content").rows() == [(2, 'one, "1"', "2", "3"), (9, None, "2", "3")]
    assert sorted(file.quarantine.select("row", "code").rows()) == [
        (3, "broken_quotes"),
        (4, "wrong_columns"),
        (5, "wrong_columns"),
        (7, "control_character"),
        (8, "broken_quotes"),
    ]
    assert file.received == 7
    assert "\x00" not in "".join(file.quarantine["content"])


fields = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=8)


@given(rows=st.lists(st.tuples(fields, fields, fields), max_size=20))
def test_whatever_a_csv_writer_writes_is_read_back(rows: list[tuple[str, str, str]]) -> None:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    writer.writerows(rows)
    file = read(buffer.getvalue().encode())
    assert file.quarantine.is_empty()
    assert file.rows.select(pl.col(COLUMNS).fill_null("")).rows() == rows


@given(data=st.binary(max_size=200))
def test_no_bytes_make_the_reader_fail(data: bytes) -> None:
    file = read(b"a,b,c\n" + data)
    refused = set(file.quarantine["row"]) - {0}
    if file.quarantine["row"].to_list() != [0]:
        assert file.rows.height + len(refused) == file.received
