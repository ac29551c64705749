"""Drift and profiles drawn with matplotlib, which is imported only here."""

from __future__ import annotations

import importlib
import math
from collections.abc import Mapping, Sequence
from typing import Any

from ._frames import needed

#: Axes in a row, where several are drawn.
_ACROSS = 2
#: Categories of a profile that are drawn.
_CATEGORIES = 12


def drifts(features: Sequence[Mapping[str, Any]], names: tuple[str, str], cumulative: bool) -> list[Any]:
    """The two sides of each feature, by the bins of the reference; ``names`` says what the sides are."""
    axes = _axes(len(features), 3.2)
    for one, feature in zip(axes, features, strict=True):
        _drift(one, feature, names, cumulative)
    return axes


def profiles(features: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The values of each feature in a training set."""
    axes = _axes(len(features), 2.6)
    for one, feature in zip(axes, features, strict=True):
        one.set_title(feature["feature"], fontsize="medium")
        one.set_ylabel("rows")
        categories = feature["categories"]
        if categories is not None:
            listed = categories["listed"][:_CATEGORIES]
            one.bar([str(category["value"]) for category in listed], [category["count"] for category in listed])
        elif feature["sample"]:
            one.hist(feature["sample"], bins=min(30, max(5, len(feature["sample"]) // 20)))
            one.set_xlabel(feature["measure"].replace("_", " "))
        else:
            _say(one, "no values")
    return axes


def _axes(count: int, height: float) -> list[Any]:
    needed("matplotlib", "plot()", "plot")
    pyplot = importlib.import_module("matplotlib.pyplot")
    across = min(_ACROSS, max(count, 1))
    down = max(math.ceil(count / across), 1)
    _, grid = pyplot.subplots(down, across, figsize=(5.2 * across, height * down), squeeze=False, layout="constrained")
    axes = list(grid.flat)
    for unused in axes[count:]:
        unused.set_axis_off()
    return axes[:count]


def _drift(axes: Any, feature: Mapping[str, Any], names: tuple[str, str], cumulative: bool) -> None:
    psi, ks = feature["psi"], feature["ks"]
    figures = [] if psi is None else [f"PSI {psi:.3f}"]
    figures += [] if ks is None else [f"KS D {ks['d']:.3f}"]
    verdict = feature["verdict"].replace("_", " ")
    axes.set_title(f"{feature['feature']}\n{', '.join([verdict, *figures])}", fontsize="medium")
    bins = feature["bins"]
    if not bins:
        _say(axes, "no values on one side")
        return
    sides = ("reference", "observed")
    # What neither side has is not drawn: between whole numbers there is nothing.
    drawn = [at for at, bin in enumerate(bins) if any(bin[side] for side in sides)]
    labels = [_label(bins, at) for at in drawn]
    shares = [[bins[at][side] / max(1, sum(bin[side] for bin in bins)) for at in drawn] for side in sides]
    if names[0] == names[1]:
        names = (f"{names[0]} (usual)", f"{names[1]} (looked at)")
    places = range(len(drawn))
    for at, (name, heights) in enumerate(zip(names, shares, strict=True)):
        if cumulative:
            summed = [sum(heights[: end + 1]) for end in places]
            axes.plot(places, summed, marker="o", markersize=3, label=name)
        else:
            axes.bar([place + 0.4 * at - 0.2 for place in places], heights, 0.4, label=name)
    axes.set_xticks(list(places), labels, rotation=45, ha="right", fontsize="small")
    axes.set_ylabel("share up to it" if cumulative else "share")
    # Room for the legend.
    axes.margins(y=0.25)
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="small")


def _label(bins: Sequence[Mapping[str, Any]], at: int) -> str:
    """A bin in words: up to a decile, a value by itself, beyond the last one, or a category."""
    one = bins[at]
    if all(bin["upper"] is None for bin in bins) and len(bins) > 1:
        return "other" if one["category"] is None else str(one["category"])
    before = bins[at - 1] if at else None
    if one["upper"] is None:
        return f"> {before['upper']:g}" if before is not None else "all"
    if before is not None and before["upper"] == one["upper"]:
        return f"= {one['upper']:g}"
    return f"{'≤' if one['closed'] else '<'} {one['upper']:g}"


def _say(axes: Any, text: str) -> None:
    axes.text(0.5, 0.5, text, ha="center", va="center", transform=axes.transAxes)
    axes.set_xticks([])
    axes.set_yticks([])
