"""Small drawings made of boxes, lines and words, the same in HTML and in PDF.

Belongs here: the marks and their SVG. Drawn by hand rather than by a plotting library: the report's
plots are a dozen marks each, stay sharp at any size, and both formats show the very same ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

INK, QUIET, RULE, LINE = "#22303c", "#4a5866", "#c3ccd5", "#0b5394"


@dataclass(frozen=True, slots=True)
class Box:
    """A filled rectangle with a dark outline, its corner at the left top."""

    x: float
    y: float
    width: float
    height: float
    color: str


@dataclass(frozen=True, slots=True)
class Path:
    """A line through points."""

    points: Sequence[tuple[float, float]]
    color: str = RULE
    width: float = 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text whose baseline begins, ends or is centred at a point."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    size: float = 12.0
    bold: bool = False
    color: str = INK


Mark = Box | Path | Words


@dataclass(slots=True)
class Drawing:
    """Marks on a sheet of `width` by `height` units, in the order in which they are drawn."""

    width: float
    height: float
    marks: list[Mark] = field(default_factory=list)


def svg_of(drawing: Drawing, *, id: str, title: str, description: str) -> str:
    """The drawing as an SVG element with title and description for those who cannot see it."""
    lines = [
        f'<svg viewBox="0 0 {drawing.width:g} {drawing.height:g}" role="img"'
        f' aria-labelledby="{id}-title {id}-desc" xmlns="http://www.w3.org/2000/svg">',
        f'<title id="{id}-title">{escape(title)}</title>',
        f'<desc id="{id}-desc">{escape(description)}</desc>',
        *(_element(mark) for mark in drawing.marks),
        "</svg>",
    ]
    return "\n".join(lines)


def _element(mark: Mark) -> str:
    if isinstance(mark, Box):
        return (
            f'<rect x="{mark.x:.2f}" y="{mark.y:.2f}" width="{mark.width:.2f}"'
            f' height="{mark.height:.2f}" fill="{mark.color}" stroke="{INK}" stroke-width="0.6"/>'
        )
    if isinstance(mark, Path):
        points = " ".join(f"{x:.2f},{y:.2f}" for x, y in mark.points)
        return (
            f'<polyline points="{points}" fill="none" stroke="{mark.color}"'
            f' stroke-width="{mark.width:g}"/>'
        )
    weight = ' font-weight="bold"' if mark.bold else ""
    return (
        f'<text x="{mark.x:.2f}" y="{mark.y:.2f}" text-anchor="{mark.anchor}" fill="{mark.color}"'
        f' font-size="{mark.size:g}"{weight}>{escape(mark.text)}</text>'
    )
