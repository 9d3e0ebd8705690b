"""What Dagster sees, held by a snapshot: a change of the graph is a change that a reviewer reads."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from ledger_service.runtime.settings import PROJECT_ROOT

SNAPSHOT = Path(__file__).with_name("definitions.json")
UPDATE = "WGI_UPDATE_SNAPSHOTS"
pytestmark = pytest.mark.xdist_group("definitions")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where dbt's project is parsed to, once."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def repository(home: Path) -> Iterator[dg.RepositoryDefinition]:
    """All definitions, with dbt's output in a folder of the test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WGI_HOME", str(home))
        from orchestration.definitions import definitions

        yield definitions().get_repository_def()


def _described(repository: dg.RepositoryDefinition) -> dict[str, Any]:
    graph = repository.asset_graph
    assets = {}
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        if not node.is_materializable:
            continue
        assets[key.to_user_string()] = {
            "group": node.group_name,
            "owners": sorted(node.owners),
            "kinds": sorted(node.kinds),
            "deps": sorted(parent.to_user_string() for parent in node.parent_keys),
            "partitioned": node.partitions_def is not None,
        }
    checks = {
        f"{key.asset_key.to_user_string()}:{key.name}": "blocking"
        if graph.get(key).blocking
        else "warns"
        for key in sorted(graph.asset_check_keys, key=str)
    }
    return {
        "assets": assets,
        "checks": checks,
        "jobs": sorted(job.name for job in repository.get_all_jobs() if "__" not in job.name),
        "schedules": sorted(schedule.name for schedule in repository.schedule_defs),
        "sensors": sorted(sensor.name for sensor in repository.sensor_defs),
    }


def test_the_graph_is_the_one_that_was_reviewed(repository: dg.RepositoryDefinition) -> None:
    found = json.dumps(_described(repository), indent=1, sort_keys=True) + "\n"
    if os.environ.get(UPDATE):
        SNAPSHOT.write_text(found)
    assert found == SNAPSHOT.read_text(), f"reviewed? then run the tests once with {UPDATE}=1"


def test_every_asset_has_an_owner_a_kind_and_a_description(repository: dg.RepositoryDefinition) -> None:
    graph = repository.asset_graph
    lacking = [
        key.to_user_string()
        for key in graph.materializable_asset_keys
        if not (graph.get(key).owners and graph.get(key).kinds and graph.get(key).description)
    ]
    assert lacking == []


def test_every_step_of_a_business_date_is_tried_again(repository: dg.RepositoryDefinition) -> None:
    steps = {
        assets.op.name: assets.op.retry_policy
        for assets in repository.assets_defs_by_key.values()
        if assets.partitions_def is not None
    }
    assert steps
    assert [name for name, policy in steps.items() if policy is None] == []


def test_what_derives_from_the_books_waits_for_the_proof(repository: dg.RepositoryDefinition) -> None:
    blocking = {
        (key.asset_key.to_user_string(), key.name)
        for key in repository.asset_graph.asset_check_keys
        if repository.asset_graph.get(key).blocking
    }
    assert {("close", "control_totals"), ("netting", "nets_sum_to_zero")} <= blocking


def test_dagster_validates_the_definitions(home: Path) -> None:
    result = subprocess.run(
        [sys.executable, "-P", "-m", "dagster", "definitions", "validate"],
        cwd=PROJECT_ROOT,
        env={**os.environ, "WGI_HOME": str(home), "PYTHONPATH": str(PROJECT_ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
