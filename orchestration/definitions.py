"""The one place where Dagster finds everything: `orchestration/defs/<subject>/`."""

from importlib import import_module
from pkgutil import walk_packages

import dagster as dg

from orchestration import automation, defs, jobs
from orchestration.resources import platform_resource


@dg.definitions
def definitions() -> dg.Definitions:
    """Every asset and check of `defs/`, with the jobs, schedules, sensors and resources."""
    modules = [
        import_module(module.name)
        for module in walk_packages(defs.__path__, f"{defs.__name__}.")
        if module.name.endswith((".assets", ".checks"))
    ]
    return dg.Definitions(
        assets=dg.load_assets_from_modules(modules),
        asset_checks=dg.load_asset_checks_from_modules(modules),
        jobs=jobs.JOBS,
        schedules=automation.SCHEDULES,
        sensors=automation.SENSORS,
        resources={"platform": platform_resource},
        executor=dg.in_process_executor,
    )
