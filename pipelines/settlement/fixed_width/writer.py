"""Writing payments as a fixed-width file by a layout.

Belongs here: values of fields as expressions, totals, and records put together a chunk at a time.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

import polars as pl

from pipelines.settlement.fixed_width.layout import Kind, Layout, Slot, Total, layout
from pipelines.settlement.problems import FileRefused
from pipelines.settlement.profile import Profile
from pipelines.settlement.writing import FileIdentity

_CHUNK: Final = 20_000


def write(payments: pl.DataFrame, *, identity: FileIdentity, profile: Profile) -> Iterator[bytes]:
    """The file of the layout that the profile's setting `layout` names. Raises `FileRefused`."""
    by = layout(str(profile.settings.get("layout", profile.name)))
    settings = by.settings | {name: str(value) for name, value in profile.settings.items()}
    direction = settings.get("direction", "credit")
    kinds = [kind for kind in by.records if kind.direction in (None, direction)]
    if payments.is_empty():
        raise FileRefused("empty", "payments", "there is no payment to write")
    if not (payments["currency"] == by.currency).all():
        raise FileRefused("currency", "currency", f"this layout is of {by.currency} alone")
    yield from _File(by, kinds, settings, identity).write(payments)


class _File:
    """One file while it is written."""

    def __init__(
        self, by: Layout, kinds: list[Kind], settings: Mapping[str, str], identity: FileIdentity
    ) -> None:
        self.by, self.settings, self.identity = by, settings, identity
        self.kinds = {kind.name: kind for kind in kinds}
        self.at = {
            place: [kind for kind in kinds if kind.at == place]
            for place in ("file_start", "payment", "group_end", "file_end")
        }

    def write(self, payments: pl.DataFrame) -> Iterator[bytes]:
        rows = payments.with_row_index("given", offset=1)
        payment = self.at["payment"][0]
        common = [
            self._value(slot).alias(f"g_{slot.name}")
            for slot in payment.fields
            if slot.name in self.by.groups
        ]
        names = [f"g_{name}" for name in self.by.groups]
        rows = rows.with_columns(*common).sort(*names, "given", nulls_last=True)
        begun = [pl.col(name).ne_missing(pl.col(name).shift(1)) for name in names]
        group = pl.any_horizontal(pl.int_range(pl.len()) == 0, *begun).cast(pl.Int64).cum_sum()
        rows = rows.with_columns(group=group).drop(names)
        ends = len(self.at["group_end"]) * (pl.col("group") - 1)
        rows = rows.with_columns(sequence=pl.int_range(1, pl.len() + 1) + ends)
        rows = rows.with_columns(self._values(payment).alias("fields")).unnest("fields")
        self._check(payment, rows)
        around = self._group_records(rows)
        single = rows.head(1)
        for kind in self.at["file_start"]:
            yield self._one(kind, single, rows, around)
        for (group,), members in rows.group_by("group", maintain_order=True):
            for chunk in members.iter_slices(_CHUNK):
                yield self._lines(payment, chunk).str.join("").item().encode("ascii")
            for name, frame in around.items():
                one = frame.filter(pl.col("group") == group)
                yield self._lines(self.kinds[name], one).item().encode("ascii")
        for kind in self.at["file_end"]:
            yield self._one(kind, single, rows, around)

    def _group_records(self, rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
        """One frame a kind of group record, a row a group."""
        around: dict[str, pl.DataFrame] = {}
        for place, kind in enumerate(self.at["group_end"], start=1):
            totals = [
                _total(slot.total, rows.columns).alias(f"t_{slot.name}")
                for slot in kind.fields
                if slot.total
            ]
            own = [name for name in rows.columns if not name.startswith("f_")]
            first = [pl.col(name).first() for name in own if name not in {"group", "sequence"}]
            frame = rows.group_by("group", maintain_order=True).agg(
                *first, pl.col("sequence").max() + place, *totals
            )
            frame = frame.with_columns(self._values(kind).alias("fields"))
            around[kind.name] = frame.unnest("fields")
            self._check(kind, around[kind.name])
        return around

    def _one(
        self, kind: Kind, single: pl.DataFrame, rows: pl.DataFrame, around: Mapping[str, pl.DataFrame]
    ) -> bytes:
        """A record of the whole file, with its totals."""
        frames = {self.at["payment"][0].name: rows, **around}
        of_file = {kind.name for kind in (*self.at["file_start"], *self.at["file_end"])}
        values = {}
        for slot in kind.fields:
            if slot.total is None:
                continue
            parts = [frames[name] for name in slot.total.records if name in frames]
            found = [frame.select(_total(slot.total, frame.columns)).item() for frame in parts]
            if slot.total.what == "count":
                found += [1 for name in slot.total.records if name in of_file]
            merge = {"count": sum, "sum": sum, "first": min, "last": max}[slot.total.what]
            values[f"t_{slot.name}"] = merge(found) if found else 0  # type: ignore[operator]  # by `what`
        base = single.select(name for name in single.columns if not name.startswith("f_"))
        frame = base.with_columns(pl.lit(value).alias(name) for name, value in values.items())
        frame = frame.with_columns(self._values(kind).alias("fields")).unnest("fields")
        self._check(kind, frame)
        return bytes(self._lines(kind, frame).item().encode("ascii"))

    def _values(self, kind: Kind) -> pl.Expr:
        """A struct of the fields' texts before they are padded, `f_<name>`."""
        return pl.struct(self._value(slot).alias(f"f_{slot.name}") for slot in kind.fields)

    def _value(self, slot: Slot) -> pl.Expr:
        if slot.column is not None:
            return self._of_payment(slot, pl.col(slot.column))
        if slot.sequence:
            return pl.col("sequence").cast(pl.String)
        if slot.total is not None:
            value = pl.col(f"t_{slot.name}").cast(pl.String)
            return value.str.tail(slot.length) if slot.modulo else value
        if slot.setting is not None:
            return pl.lit(self.settings.get(slot.setting, ""))
        return pl.lit(slot.constant if slot.identity is None else self._identity(slot))

    def _of_payment(self, slot: Slot, column: pl.Expr) -> pl.Expr:
        if slot.kind == "date":
            return column.dt.strftime(slot.form)
        value = column.cast(pl.String).fill_null("")
        if slot.at_most is not None:
            value = pl.when(value.str.len_chars() <= slot.at_most).then(value).otherwise(pl.lit("0"))
        if slot.longer_than is not None:
            value = pl.when(value.str.len_chars() > slot.longer_than).then(value).otherwise(pl.lit("0"))
        return value.str.head(slot.length) if slot.cut else value

    def _identity(self, slot: Slot) -> str:
        value: object = self.identity
        for name in str(slot.identity).split("."):
            value = getattr(value, name)
        if isinstance(value, datetime):
            return value.strftime(slot.form)
        return "" if value is None else str(value)

    def _check(self, kind: Kind, frame: pl.DataFrame) -> None:
        """Every field fits, and numbers are digits. Raises `FileRefused`."""
        for slot in kind.fields:
            value = pl.col(f"f_{slot.name}")
            bad = value.str.len_chars() > slot.length
            if slot.kind == "number":
                bad = bad | ~value.str.contains(r"^[0-9]*$")
            elif slot.kind == "text":
                bad = bad | ~value.str.contains(r"^[ -~]*$")
            found = frame.filter(bad.fill_null(True))
            if found.height:
                given = found[f"f_{slot.name}"][0]
                where = f"row {int(found['given'][0])}"
                goes = f"{slot.length} characters of {slot.kind}"
                sentence = f"{slot.name} of {kind.name}: {given!r} does not go into {goes}"
                raise FileRefused("does_not_fit", where, sentence)

    def _lines(self, kind: Kind, frame: pl.DataFrame) -> pl.Series:
        fields = [
            pl.col(f"f_{slot.name}").str.pad_start(slot.length, "0")
            if slot.kind == "number"
            else pl.col(f"f_{slot.name}").str.pad_end(slot.length, " ")
            for slot in kind.fields
        ]
        return frame.select(pl.concat_str(*fields, pl.lit(self.by.line_end))).to_series()


def _total(total: Total, there: list[str]) -> pl.Expr:
    """A total over records of one kind, of which `there` are the columns."""
    if total.what == "count":
        return pl.len().cast(pl.Int64)
    values = [pl.col(f"f_{name}") for name in total.fields if f"f_{name}" in there]
    match total.what:
        case "sum":
            return pl.sum_horizontal(value.cast(pl.Int128).sum() for value in values)
        case "first":
            return pl.min_horizontal(value.min() for value in values)
        case _:
            return pl.max_horizontal(value.max() for value in values)
