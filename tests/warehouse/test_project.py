"""What the project promises about itself, read from its manifest and its folders."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.dbt_runs import PROJECT, Build, Warehouse
from tests.warehouse.small_lake import TABLES

pytestmark = pytest.mark.xdist_group("warehouse")  # one build, in one worker
Node = dict[str, Any]
PERSONAL = {
    "holder_name",
    "debtor_name",
    "creditor_name",
    "external_ref",
    "debtor_account",
    "creditor_account",
    "content",
}


@pytest.fixture(scope="module")
def manifest(built: Build, warehouse: Warehouse) -> dict[str, Any]:
    assert built.statuses
    parsed: dict[str, Any] = json.loads((warehouse.target / "manifest.json").read_text())
    return parsed


def _models(manifest: dict[str, Any], layer: str = "") -> Iterator[Node]:
    for node in manifest["nodes"].values():
        if node["resource_type"] == "model" and (not layer or node["fqn"][1] == layer):
            yield node


def test_no_python_stands_in_the_project() -> None:
    assert list(PROJECT.rglob("*.py")) == []
    assert not (Path(__file__).resolve().parents[1] / "dbt").exists()


def test_every_lake_table_is_a_source(manifest: dict[str, Any]) -> None:
    sources = {source["name"] for source in manifest["sources"].values()}
    assert sources == {table.name for table in TABLES}
    assert all(source["freshness"]["warn_after"]["count"] for source in manifest["sources"].values())


def test_every_mart_has_a_contract_and_every_column_a_description(manifest: dict[str, Any]) -> None:
    marts = list(_models(manifest, "marts"))
    assert len(marts) >= 15
    for mart in marts:
        assert mart["contract"]["enforced"], mart["name"]
        assert mart["description"], mart["name"]
        for name, column in mart["columns"].items():
            assert column["data_type"], (mart["name"], name)
            assert column["description"], (mart["name"], name)


def test_every_mart_has_a_unique_key_a_group_and_a_consumer(manifest: dict[str, Any]) -> None:
    exposed = {p for exposure in manifest["exposures"].values() for p in exposure["depends_on"]["nodes"]}
    tested = {
        parent
        for node in manifest["nodes"].values()
        if node.get("test_metadata", {}).get("name") == "unique_together"
        for parent in node["depends_on"]["nodes"]
    }
    for mart in _models(manifest, "marts"):
        assert mart["unique_id"] in exposed, f"nobody reads {mart['name']}"
        assert mart["unique_id"] in tested, f"{mart['name']} has no unique key"
        assert mart["group"] == mart["fqn"][2]


def test_every_model_is_described_and_used(manifest: dict[str, Any]) -> None:
    read = {parent for parents in manifest["parent_map"].values() for parent in parents}
    for model in _models(manifest):
        assert model["description"], model["name"]
        assert model["unique_id"] in read, f"nothing reads {model['name']}"


def test_a_test_looks_at_models_of_one_layer(manifest: dict[str, Any]) -> None:
    """So that each layer can be built, and tested, alone and in order."""
    nodes = manifest["nodes"]
    for node in nodes.values():
        if node["resource_type"] == "test":
            layers = {nodes[parent]["fqn"][1] for parent in node["depends_on"]["nodes"]}
            assert len(layers) == 1, (node["name"], layers)


def test_names_of_people_and_account_numbers_end_before_the_marts(manifest: dict[str, Any]) -> None:
    for mart in _models(manifest, "marts"):
        assert not PERSONAL & set(mart["columns"]), mart["name"]


def test_the_logic_has_unit_tests(manifest: dict[str, Any]) -> None:
    tested = {parent for u in manifest["unit_tests"].values() for parent in u["depends_on"]["nodes"]}
    assert all(model["unique_id"] in tested for model in _models(manifest, "intermediate"))


def test_owners_have_example_addresses(manifest: dict[str, Any]) -> None:
    for part in ("groups", "exposures"):
        for item in manifest[part].values():
            assert item["owner"]["email"].endswith("@wekeza.example")


def test_sql_is_portable() -> None:
    for path in PROJECT.rglob("*.sql"):
        if "target" not in path.parts:
            assert "::" not in path.read_text(), path
