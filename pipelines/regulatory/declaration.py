"""Reading return templates from YAML; what is wrong with one is found here, not when it is filled.

Belongs here: the grammar of a template. Every refusal names the file and the field, cells by code.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from itertools import groupby, pairwise
from pathlib import Path

from ledger_service.ledger.chart import CHART, Side
from ledger_service.payments.instructions import PaymentKind
from pipelines.regulatory.fields import Fields, load_fields
from pipelines.regulatory.refusals import (
    CellDeclaredTwice,
    CellUndeclared,
    TemplateFieldMalformed,
    TemplateFieldMissing,
    TemplateVersionsOverlap,
)
from pipelines.regulatory.template import (
    Balance,
    BalanceOf,
    Cell,
    Check,
    Definition,
    Flow,
    Payments,
    Ratio,
    Rounding,
    Selection,
    Sum,
    Template,
    Unit,
)

TEMPLATES_FOLDER = Path(__file__).with_name("templates")

CHART_NAMES = frozenset(line.name for line in CHART.values())
ALL = "all"


def load_templates(folder: Path = TEMPLATES_FOLDER) -> tuple[Template, ...]:
    """Every template of a folder, all versions, sorted by id and date; raises a `TemplateRefused`."""
    templates = sorted(
        (read_template(file) for file in sorted(folder.glob("*.yaml"))),
        key=lambda template: (template.return_id, template.effective_from, template.version),
    )
    for _, versions in groupby(templates, key=lambda template: template.return_id):
        for earlier, later in pairwise(versions):
            if later.effective_from <= (earlier.effective_until or date.max):
                reason = f"version {earlier.version} in {earlier.file.name} is effective then, too"
                raise TemplateVersionsOverlap(file=later.file, field="effective_from", reason=reason)
    return tuple(templates)


def effective_templates(templates: Iterable[Template], business_date: date) -> tuple[Template, ...]:
    """The versions to fill on a date: at most one a return, sorted by id."""
    return tuple(
        sorted((t for t in templates if t.effective_on(business_date)), key=lambda t: t.return_id)
    )


def read_template(file: Path) -> Template:
    """One template, checked whole; raises a `TemplateRefused`."""
    top = load_fields(file)
    cells = _cells(top)
    template = Template(
        return_id=top.take("id", str),
        version=top.take("version", int),
        title=top.take("title", str),
        basis=" ".join(top.take("basis", str).split()),
        frequency=top.one_of("frequency", ("daily",)),
        effective_from=top.take("effective_from", date),
        effective_until=top.take("effective_until", date, default=None),
        scope_chart=_chart(top, "scope_chart") if "scope_chart" in top.fields else None,
        cells=cells,
        checks=_checks(top, {cell.code for cell in cells}),
        file=file,
    )
    top.finish()
    _check_template(template)
    return template


def _check_template(template: Template) -> None:
    file = template.file
    if template.version < 1:
        raise TemplateFieldMalformed(file=file, field="version", reason="must be 1 or more")
    if not template.effective_on(template.effective_from):
        reason = "is before effective_from"
        raise TemplateFieldMalformed(file=file, field="effective_until", reason=reason)
    if file.stem not in {template.return_id, f"{template.return_id}.v{template.version}"}:
        name = f"{template.return_id}.yaml or {template.return_id}.v{template.version}.yaml"
        raise TemplateFieldMalformed(file=file, field="id", reason=f"the file must be called {name}")


def _cells(top: Fields) -> tuple[Cell, ...]:
    cells: dict[str, Cell] = {}
    for fields in top.mappings("cells"):
        place = fields.at("code")
        cell = _cell(fields)
        if cell.code in cells:
            reason = f"{cell.code} stands above already"
            raise CellDeclaredTwice(file=top.file, field=place, reason=reason)
        for code in cell.inputs:
            if code not in cells:
                reason = f"{code} does not stand above"
                raise CellUndeclared(file=top.file, field=cell.code, reason=reason)
        _check_unit(top.file, cell, cells)
        cells[cell.code] = cell
    return tuple(cells.values())


def _cell(fields: Fields) -> Cell:
    code = str(fields.take("code", str))
    fields.path = code
    kinds = [kind for kind in _DEFINITIONS if kind in fields.fields]
    if len(kinds) != 1:
        reason = f"must have exactly one of {', '.join(_DEFINITIONS)}"
        raise TemplateFieldMissing(file=fields.file, field=code, reason=reason)
    inner = fields.inner(kinds[0])
    cell = Cell(
        code=code,
        label=fields.take("label", str),
        unit=Unit(fields.one_of("unit", Unit)),
        definition=_DEFINITIONS[kinds[0]](inner),
    )
    inner.finish()
    fields.finish()
    return cell


def _check_unit(file: Path, cell: Cell, above: Mapping[str, Cell]) -> None:
    inputs = {above[code].unit for code in cell.inputs}
    match cell.definition:
        case Balance() | Flow():
            expected = {Unit.MINOR}
        case Payments():
            expected = {Unit.COUNT}
        case Sum():
            expected = inputs
        case Ratio():
            expected = {Unit.BASIS_POINTS} if len(inputs) == 1 else inputs
    if expected != {cell.unit}:
        reason = f"{cell.unit} does not follow from {', '.join(sorted(inputs)) or 'the definition'}"
        raise TemplateFieldMalformed(file=file, field=f"{cell.code}.unit", reason=reason)


def _chart(fields: Fields, name: str = "chart") -> frozenset[str] | None:
    if fields.fields.get(name) == ALL:
        del fields.fields[name]
        return None
    return frozenset(fields.texts(name, CHART_NAMES))


def _selection(fields: Fields) -> Selection:
    counterparties = fields.texts("counterparties", None, default=())
    return Selection(chart=_chart(fields), counterparties=frozenset(counterparties) or None)


def _except_kinds(fields: Fields) -> frozenset[str]:
    return frozenset(fields.texts("except_kinds", tuple(PaymentKind), default=()))


def _balance(fields: Fields) -> Balance:
    side, of = Side(fields.one_of("side", Side)), BalanceOf(fields.one_of("of", BalanceOf))
    return Balance(_selection(fields), side, of)


def _flow(fields: Fields) -> Flow:
    return Flow(_selection(fields), Side(fields.one_of("side", Side)), _except_kinds(fields))


def _payments(fields: Fields) -> Payments:
    return Payments(_selection(fields), _except_kinds(fields))


def _sum(fields: Fields) -> Sum:
    return Sum(plus=fields.texts("plus", None), minus=fields.texts("minus", None, default=()))


def _ratio(fields: Fields) -> Ratio:
    return Ratio(
        numerator=fields.take("numerator", str),
        denominator=fields.take("denominator", str),
        rounding=Rounding(fields.one_of("rounding", Rounding)),
    )


_DEFINITIONS: dict[str, Callable[[Fields], Definition]] = {
    "balance": _balance,
    "flow": _flow,
    "payments": _payments,
    "sum": _sum,
    "ratio": _ratio,
}


def _checks(top: Fields, codes: set[str]) -> tuple[Check, ...]:
    checks = []
    for fields in top.mappings("checks", default=()):
        check = Check(
            check_id=fields.take("id", str),
            title=fields.take("title", str),
            left=fields.texts("left", None),
            right=fields.texts("right", None),
        )
        fields.finish()
        for code in (*check.left, *check.right):
            if code not in codes:
                reason = f"there is no cell {code}"
                raise CellUndeclared(file=top.file, field=check.check_id, reason=reason)
        checks.append(check)
    return tuple(checks)
