"""What is written is valid by the official schemas, says its control figures, and is the same bytes."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from payments_to_write import DAY, IDENTITY, WRITERS, batches, example, written

from pipelines.settlement.iso20022 import messages
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import PROFILES, prepared, profile

OFFICIAL = [name for name in WRITERS if not name.startswith("pain.008")]
"""Formats whose official schema is at hand."""


@pytest.fixture(scope="session")
def schema(shared_data: Path) -> Callable[[str], etree.XMLSchema]:
    folder = shared_data / "iso20022" / "xsd"
    return cache(lambda name: etree.XMLSchema(file=str(folder / f"{name}.xsd")))


def validated(content: bytes, schema: etree.XMLSchema) -> etree._Element:
    """The root, parsed and validated as it is read."""
    parser = etree.iterparse(BytesIO(content), schema=schema)
    for _ in parser:
        pass
    return parser.root


@pytest.mark.parametrize("name", OFFICIAL)
@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_the_message_has_a_place_for_it_is_valid(
    schema: Callable[[str], etree.XMLSchema], name: str, data: st.DataObject
) -> None:
    validated(written(name, data.draw(batches(name))), schema(name.removesuffix("-cov")))
