"""The report's plots: static SVG by matplotlib, coloured and captioned by the page that holds them.

Why matplotlib: its SVG is some 10 kB a plot, prints, needs no script, and follows the page's colours
and fonts; plotly's library alone would add 4.5 MB to every report.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from qaloom.evaluate.results import Paired

# Colours that stand for the page's own; no plot uses them for anything else.
_INK, _MUTED, _LINE, _BASE, _TUNED, _GROUND = (f"#0{i}0{i}0{i}" for i in range(1, 7))
_VARIABLES = {_INK: "ink", _MUTED: "muted", _LINE: "line", _BASE: "base", _TUNED: "tuned", _GROUND: "card"}
_WIDTH = 3.8  # inches; the page scales the plot to its column
_STYLE: Any = {
    "svg.fonttype": "none", "font.size": 9, "text.color": _INK, "axes.edgecolor": _LINE,
    "xtick.color": _LINE, "ytick.color": _LINE, "xtick.labelcolor": _MUTED, "ytick.labelcolor": _MUTED,
    "axes.spines.top": False, "axes.spines.right": False, "axes.spines.left": False,
    "axes.grid": True, "grid.color": _LINE, "grid.linewidth": 0.6, "ytick.left": False,
}  # fmt: skip


def intervals(scores: Mapping[str, Paired], names: list[str], label: Markup) -> Markup:
    """Base (ring), tuned (dot) and the difference's interval for each score of a part.

    Scores without a figure are left out; returns an empty Markup when none is left. `label` holds the
    attributes that name the plot for screen readers, different for each plot of a page.
    """
    names = [name for name in names if name in scores and scores[name].base is not None]
    if not names:
        return Markup()
    figure, axes = _axes(0.45 + 0.44 * len(names))
    for row, name in enumerate(reversed(names)):
        _score(axes, row, name, scores[name])
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.5, len(names) - 0.2), yticks=[])
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25", "50", "75", "100%"])
    return _svg(figure, label)


def losses(history: Sequence[Mapping[str, Any]], label: Markup) -> Markup:
    """Training loss by optimizer step, with validation loss where there is one; empty without any."""
    curves = [(_curve(history, "loss"), _TUNED, "-"), (_curve(history, "eval_loss"), _BASE, "--")]
    if not any(curve for curve, *_ in curves):
        return Markup()
    figure, axes = _axes(2.3)
    for curve, colour, dashes in curves:
        marker = "o" if len(curve) < 3 else ""
        axes.plot(*zip(*curve, strict=True) if curve else ([], []), dashes, color=colour, marker=marker)
    axes.set_ylim(bottom=0)
    return _svg(figure, label)


def _curve(history: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    return [(entry["step"], entry[key]) for entry in history if entry.get(key) is not None]


def _score(axes: Any, row: int, name: str, score: Paired) -> None:
    base, tuned = score.base or 0.0, score.tuned or 0.0
    if score.low is not None and score.high is not None:
        reach = [max(0, base + score.low), min(1, base + score.high)]
        axes.plot(reach, [row, row], color=_TUNED, linewidth=5, alpha=0.3, solid_capstyle="round")
    axes.plot([base, tuned], [row, row], color=_MUTED, linewidth=1)
    axes.plot([tuned], [row], "o", color=_TUNED, markersize=7, clip_on=False)
    ring = {"markerfacecolor": _GROUND, "markeredgecolor": _BASE, "markeredgewidth": 2}
    axes.plot([base], [row], "o", markersize=7, clip_on=False, **ring)
    axes.text(-0.02, row + 0.3, name, gid=f"i18n:metric.{name}")


def _axes(height: float) -> tuple[Any, Any]:
    import matplotlib  # slow to load, and needed by no other command

    matplotlib.rcParams.update(matplotlib.rcParamsDefault | _STYLE)
    # Not pyplot: it keeps figures alive and looks for a display.
    figure = matplotlib.figure.Figure((_WIDTH, height), layout="constrained")
    return figure, figure.subplots()


def _svg(figure: Any, label: Markup) -> Markup:
    import matplotlib

    stream = io.StringIO()
    # A salt of the plot's own keeps the ids of two plots on a page apart, and the same on every run.
    with matplotlib.rc_context({"svg.hashsalt": str(label)}):
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    return _themed(stream.getvalue(), label)


def _themed(svg: str, label: Markup) -> Markup:
    svg = svg[svg.index("<svg") :]
    for tag in ("metadata", "style"):
        before, _, rest = svg.partition(f"<{tag}")
        svg = before + rest.partition(f"</{tag}>")[2] if rest else before
    for colour, name in _VARIABLES.items():
        svg = svg.replace(colour, f"var(--{name})")
    svg = re.sub(r'<g id="i18n:([\w.]+)"', r'<g data-i18n="\1"', svg)
    svg = re.sub(r'<(g|svg) id="[^"]*"', r"<\1", svg)  # figure_1 and its like recur in every plot
    svg = re.sub(r"font-family: [^;]{0,200}; ", "", svg)  # the page's own fonts
    found = re.search(r'viewBox="[^"]*"', svg)
    head = found[0] if found else ""
    return Markup(re.sub(r"\A<svg[^>]*>", lambda _: f'<svg {head} role="img" {label}>', svg, count=1))
