"""The mean gradient over more and more samples, on two logarithmic axes."""

from __future__ import annotations

import math
from collections.abc import Mapping

from lablib.lessons.anchor import KINDS, Curve
from lablib.plots.chart import Chart, Line


def lengths(curves: Mapping[str, Curve]) -> Chart:
    """Return the length of the mean gradient by number of samples, relative to the first.

    Both axes are logarithms to base 2: noise that averages away falls on the dashed line.
    """
    lines = []
    for style, (kind, said) in enumerate(KINDS.items()):
        if kind in curves:
            curve = curves[kind]
            xs = tuple(math.log2(number) for number in curve.numbers)
            ys = tuple(math.log2(length / curve.lengths[0]) for length in curve.lengths)
            lines.append(Line(said, xs, ys, style, label=kind))
    if lines:
        xs = max((line.xs for line in lines), key=len)
        falls = tuple(-(x - xs[0]) / 2 for x in xs)
        lines.append(Line("1 / √n", xs, falls, 4, dashed=True, markers=False, label="1/√n"))
    return Chart(
        "Length of the mean gradient at the base",
        "samples averaged (log2 of their number)",
        "length, relative (log2)",
        tuple(lines),
        empty="Press the button above.",
    )


def rows(curves: Mapping[str, Curve]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Return head and rows of the table beside the picture: the lengths as they were measured."""
    numbers = max((curve.numbers for curve in curves.values()), key=len, default=())
    head = ("text", *(f"{number} samples" for number in numbers), "per four times as many")
    body = [
        (
            KINDS[kind],
            *(f"{length:.3g}" for length in curve.lengths),
            *[""] * (len(numbers) - len(curve.lengths)),
            f"× {curve.ratio:.2f}",
        )
        for kind, curve in curves.items()
    ]
    return head, body
