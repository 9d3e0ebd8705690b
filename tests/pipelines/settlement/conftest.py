"""The official schemas that every settlement file must satisfy."""

from pathlib import Path

import pytest
from lxml import etree

from tests.pipelines.settlement.reading_back import Schemas


@pytest.fixture(scope="session")
def schemas(shared_data: Path) -> Schemas:
    folder = shared_data / "iso20022" / "xsd"
    types = ("pacs.008.001.08", "pacs.009.001.08")
    return Schemas({kind: etree.XMLSchema(file=str(folder / f"{kind}.xsd")) for kind in types})
