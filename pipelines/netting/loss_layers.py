"""The layers of loss sharing as data: whose money is used, in which order, and how it is shared.

Belongs here: the form of a scheme's `default_fund` and what must hold in it. Using the layers up is in
`waterfall.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

WHOLE: Final = 10_000
"""Basis points in one."""


class LayerKind(StrEnum):
    """Whose money a layer is."""

    DEFAULTER_COLLATERAL = "defaulter_collateral"
    """What the defaulter lodged against its own position, after haircut."""
    DEFAULTER_CONTRIBUTION = "defaulter_contribution"
    """What the defaulter paid into the default fund."""
    OPERATOR_TRANCHE = "operator_tranche"
    """A share of the operator's own funds, so that it loses before those who did nothing."""
    SURVIVOR_CONTRIBUTIONS = "survivor_contributions"
    """What the others paid into the default fund."""
    ASSESSMENTS = "assessments"
    """What the others are called to pay on top, up to a share of their contributions."""
    UNALLOCATED = "unallocated"
    """What is left when all layers are used up; always the last rows, never in a scheme's file."""


class ProRata(StrEnum):
    """By what survivors share a layer."""

    CONTRIBUTION = "contribution"
    """By what they paid into the default fund."""
    EXPOSURE = "exposure"
    """By what they were ready to be owed by the defaulter; who was not, bears nothing of the layer."""


_FIELD_OF: Final = {
    LayerKind.OPERATOR_TRANCHE: "share_basis_points",
    LayerKind.ASSESSMENTS: "cap_basis_points",
}
"""The field that a layer of this kind must have, and no other kind may."""
MUTUAL: Final = frozenset({LayerKind.SURVIVOR_CONTRIBUTIONS, LayerKind.ASSESSMENTS})


class InvalidDefaultFund(ValueError):
    """The layers of a scheme say something that cannot hold; carries the field and the reason."""

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"default fund, {field}: {reason}")


class Layer(BaseModel):
    """One layer of a waterfall, as it stands in a scheme's file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: LayerKind
    share_basis_points: Annotated[int, Field(ge=0, le=WHOLE, strict=True)] | None = None
    """Of the operator's own funds; rounded down."""
    pro_rata: ProRata | None = None
    """How survivors share the layer; by contribution where it is not said."""
    cap_basis_points: Annotated[int, Field(ge=0, le=100 * WHOLE, strict=True)] | None = None
    """Of a survivor's contribution, what it can be assessed for; rounded down."""

    @model_validator(mode="after")
    def _fields_of_kind(self) -> Self:
        if self.kind == LayerKind.UNALLOCATED:
            raise ValueError("kind: unallocated is what is left, not a layer")
        for kind, field in _FIELD_OF.items():
            if (getattr(self, field) is not None) != (self.kind == kind):
                raise ValueError(f"{field}: stands with {kind}, and only there")
        if self.pro_rata is not None and self.kind not in MUTUAL:
            raise ValueError(f"pro_rata: {self.kind} is not shared")
        return self


class DefaultFund(BaseModel):
    """The layers of a scheme in the order in which they are used; without any, nothing is shared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    layers: tuple[Layer, ...] = ()

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        kinds = [layer.kind for layer in self.layers]
        for kind in kinds:
            if kinds.count(kind) > 1:
                raise ValueError(f"layers: {kind} occurs twice")
        return self


def read_default_fund(said: Mapping[str, Any]) -> DefaultFund:
    """The layers of a mapping, such as `Scheme.default_fund`; raises `InvalidDefaultFund`."""
    try:
        return DefaultFund.model_validate(dict(said))
    except ValidationError as error:
        first = error.errors()[0]
        path = [str(part) for part in first["loc"]]
        reason = first["msg"].removeprefix("Value error, ")
        if first["type"] == "value_error" and ": " in reason:
            field, reason = reason.split(": ", 1)
            path = path if path[-1:] == [field] else [*path, field]
        raise InvalidDefaultFund(".".join(path) or "layers", reason) from error
