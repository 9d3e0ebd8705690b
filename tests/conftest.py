"""Fixtures that every test may use: where the real inputs lie, and nothing that costs time."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real inputs; the test skips where it is absent."""
    folder = Path(os.environ.get("WGI_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"the real inputs are not at {folder} (setting WGI_SHARED_DATA)")
    return folder
