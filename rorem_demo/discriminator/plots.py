"""A report's pictures, drawn without a screen. Imported only where matplotlib is installed: the Space has none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rorem_demo.discriminator.figures import Evaluation, MethodRates, NamedCurve
from rorem_demo.statistics import Bin, Interval

_DPI = 120
_SIDE = 4.5
"""Inches."""
_MOST_CURVES = 10
_PEOPLE, _JUDGE, _FAINT = "#1b6ca8", "#d1495b", "#999999"


def plots(evaluation: Evaluation) -> dict[str, bytes]:
    """PNG files by name: reliability, ROC curves, success rate per method; the same bytes for the same figures."""
    return {
        "reliability.png": _png(_reliability(evaluation.bins, evaluation.bins_before)),
        "roc.png": _png(_roc(evaluation.curves)),
        "rates.png": _png(_rates(evaluation.test.methods, evaluation.held_out.methods)),
    }


def _reliability(bins: Sequence[Bin], before: Sequence[Bin]) -> Figure:
    figure, axes = _square("said by the judge", "said by raters", "Reliability")
    axes.plot((0, 1), (0, 1), color=_FAINT, linewidth=1, linestyle="--")
    for found, colour, name in ((before, _FAINT, "before calibration"), (bins, _JUDGE, "calibrated")):
        if found:
            axes.plot([b.predicted for b in found], [b.observed for b in found], color=colour, marker="o", label=name)
    most = max((each.n for each in bins), default=1)
    for each in bins:  # how many rows a point stands for, as bars along the bottom
        name = "rows" if each is bins[0] else ""
        axes.bar(
            each.low, 0.15 * each.n / most, each.high - each.low, align="edge", color=_JUDGE, alpha=0.2, label=name
        )
    _key(axes, bool(bins))
    return figure


def _roc(curves: Sequence[NamedCurve]) -> Figure:
    figure, axes = _square("said no, judged yes", "said yes, judged yes", "ROC")
    axes.plot((0, 1), (0, 1), color=_FAINT, linewidth=1, linestyle="--")
    for each in curves[: _MOST_CURVES + 1]:
        points = each.curve.false_positives, each.curve.true_positives
        if each.method:
            axes.plot(*points, linewidth=1, label=_plain(each.method))
        else:
            axes.plot(*points, linewidth=2.5, color="black", label="all methods")
    _key(axes, bool(curves))
    return figure


def _rates(known: Sequence[MethodRates], held_out: Sequence[MethodRates]) -> Figure:
    methods = (*known, *held_out)
    names = [_plain(rates.method) for rates in known] + [f"held out: {_plain(rates.method)}" for rates in held_out]
    figure = Figure(figsize=(1.5 * _SIDE, 1.2 + 0.45 * max(1, len(methods))), layout="constrained")
    axes = figure.add_subplot(title="Success rate per method", xlabel="%", xlim=(-3, 103))
    for name, colour, shift, values in (
        ("raters", _PEOPLE, -0.12, [(rates.people, rates.people_interval) for rates in methods]),
        ("judge", _JUDGE, 0.12, [(rates.judged, rates.judged_interval) for rates in methods]),
    ):
        _points(axes, values, name, colour, shift)
    axes.set_yticks(range(len(methods)), [f"{name} ({rates.rows})" for name, rates in zip(names, methods, strict=True)])
    axes.invert_yaxis()
    _key(axes, bool(methods))
    return figure


def _points(axes: Axes, values: Iterable[tuple[float, Interval | None]], name: str, colour: str, shift: float) -> None:
    for at, (rate, interval) in enumerate(values):
        if interval:
            axes.plot((100 * interval.low, 100 * interval.high), (at + shift,) * 2, color=colour, linewidth=1.5)
        axes.plot(100 * rate, at + shift, color=colour, marker="o", linestyle="", label=name if not at else "")


def _square(across: str, up: str, title: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(_SIDE, _SIDE), layout="constrained")
    limits = (-0.02, 1.02)
    return figure, figure.add_subplot(title=title, xlabel=across, ylabel=up, xlim=limits, ylim=limits, aspect="equal")


def _key(axes: Axes, anything: bool) -> None:  # noqa: FBT001
    if anything:
        axes.legend(fontsize="small")
    else:
        axes.text(0.5, 0.5, "no rows", transform=axes.transAxes, ha="center")


def _plain(text: str) -> str:
    """A name that matplotlib takes as text: a leading underscore would hide it, and $ would start a formula."""
    return text.lstrip("_").replace("$", r"\$")


def _png(figure: Figure) -> bytes:
    held = BytesIO()
    FigureCanvasAgg(figure)
    # Without the library's version, so that the bytes tell of the figures alone.
    figure.savefig(held, format="png", dpi=_DPI, metadata={"Software": None})
    return held.getvalue()
