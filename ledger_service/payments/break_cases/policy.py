"""How soon breaks are due, and what may be written off: data with dates, in `policy.yaml`."""

from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

POLICY_FILE: Final = Path(__file__).with_name("policy.yaml")
_OTHERWISE: Final = "otherwise"

Days = Annotated[int, Field(ge=0, strict=True)]
Minor = Annotated[int, Field(gt=0, strict=True)]


class Policy(BaseModel):
    """What is valid from a date on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    valid_from: date
    due_days: dict[str, Days]
    write_off_limits_minor: dict[str, Minor]

    def due_on(self, break_class: str, first_seen: date) -> date:
        """When a break of that class is due."""
        days = self.due_days.get(break_class, self.due_days[_OTHERWISE])
        return first_seen + timedelta(days=days)


@cache
def read_policies(path: Path = POLICY_FILE) -> tuple[Policy, ...]:
    """All policies, the earliest first; raises pydantic's `ValidationError` with the field."""
    read = TypeAdapter(list[Policy]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    return tuple(sorted(read, key=lambda policy: policy.valid_from))


def policy_on(day: date) -> Policy:
    """The policy that is valid on a date."""
    return [policy for policy in read_policies() if policy.valid_from <= day][-1]
