"""Access: scopes, the roles that hold them, and which acts need two people; data in `scopes.yaml`.

Denied by default: what the table does not name is refused when a client is registered, when a token is
issued, and when a route asks for it.
"""

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Final

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

_TABLE: Final = Path(__file__).with_name("scopes.yaml")


class UnknownScope(ValueError):
    """The table has no such scope."""

    def __init__(self, scopes: Iterable[str]) -> None:
        self.scopes = sorted(scopes)
        super().__init__(f"there is no scope {', '.join(self.scopes)}: see the table of scopes")


class UnknownRole(ValueError):
    """The table has no such role."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"there is no role {role!r}: there are {', '.join(access().roles)}")


class Scope(BaseModel):
    """What its holder may do."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    means: str = Field(min_length=1)
    checks: str | None = None
    """The scope of proposals that its holder decides; only people hold such a scope."""


class Role(BaseModel):
    """What a kind of person does, and the scopes for it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    means: str = Field(min_length=1)
    scopes: frozenset[str]


class Access(BaseModel):
    """The whole table."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scopes: dict[str, Scope]
    roles: dict[str, Role]

    @model_validator(mode="after")
    def _names_are_known(self) -> "Access":
        named = {name for role in self.roles.values() for name in role.scopes}
        named |= {scope.checks for scope in self.scopes.values() if scope.checks}
        if named - self.scopes.keys():
            raise UnknownScope(named - self.scopes.keys())
        return self

    @property
    def of_people(self) -> frozenset[str]:
        """Scopes that no program holds by itself."""
        return frozenset(name for name, scope in self.scopes.items() if scope.checks)


@cache
def access() -> Access:
    """The table; raises where it contradicts itself."""
    return Access.model_validate(yaml.safe_load(_TABLE.read_text()))


def known_scopes(names: Iterable[str]) -> frozenset[str]:
    """These scopes; raises `UnknownScope`."""
    asked = frozenset(names)
    if asked - access().scopes.keys():
        raise UnknownScope(asked - access().scopes.keys())
    return asked


def scopes_of_role(role: str) -> frozenset[str]:
    """What a role holds; raises `UnknownRole`."""
    if role not in access().roles:
        raise UnknownRole(role)
    return access().roles[role].scopes


def as_markdown() -> str:
    """The table as a person reads it: a row for each scope, a column for each role."""
    roles = access().roles
    head = f"| scope | what it allows | {' | '.join(name.replace('_', ' ') for name in roles)} |"
    lines = [head, f"|---|---|{':-:|' * len(roles)}"]
    for name, scope in access().scopes.items():
        marks = " | ".join("•" if name in role.scopes else "" for role in roles.values())
        two = f" (of what another proposed under `{scope.checks}`)" if scope.checks else ""
        lines.append(f"| `{name}` | {scope.means}{two} | {marks} |")
    return "\n".join(lines) + "\n"
