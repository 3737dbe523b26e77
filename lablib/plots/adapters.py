"""Lab 03's pictures: two thin matrices beside a wide one, a hearing, a dial, a sequence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lablib.history import History
from lablib.lessons import sequences
from lablib.lessons.court import FULL, LORA, MEASURES, Hearing
from lablib.lessons.dial import Notch
from lablib.plots.chart import COLORS, Chart, Cross, Expected, Level, Line
from lablib.plots.lessons import interval_note, shaded_map
from lablib.plots.retention import RANGE
from lablib.plots.strokes import n, open_svg, text
from lablib.sweep.analysis import Estimate

_STYLE = {FULL: 0, LORA: 1}  # as in the pictures of all arms
_NAMES = {FULL: "full", LORA: "LoRA"}
_PIXELS = 150  # the longer side of the drawn matrix


def matrices(layer: str, n_in: int, n_out: int, rank: int) -> str:
    """Return one layer's frozen matrix and the two that are learned, drawn to scale.

    Parameters
    ----------
    layer : str
        Name of the layer.
    n_in, n_out, rank : int
        Its sizes; the area of each rectangle is its number of weights.
    """
    scale = _PIXELS / max(n_in, n_out)
    wide, tall, thin = n_in * scale, n_out * scale, max(rank * scale, 1.0)
    left, top = 8, 58
    second = left + wide + 90
    third = second + max(thin + 56, 104)  # room for both labels
    height = top + max(tall, 96) + 34
    said = (
        f"{layer}: {n_out} by {n_in} frozen weights, and a product of {n_out} by {rank} and "
        f"{rank} by {n_in} learned ones"
    )

    def box(x: float, y: float, w: float, h: float, color: str, fill: float, about: str) -> str:
        return (
            f"<rect x='{n(x)}' y='{n(y)}' width='{n(w)}' height='{n(h)}' fill='{color}' "
            f"fill-opacity='{fill}' stroke='{color}'><title>{text(about)}</title></rect>"
        )

    def word(x: float, y: float, what: str, extra: str = "") -> str:
        return f"<text x='{n(x)}' y='{n(y)}' {extra}>{text(what)}</text>"

    width = round(max(third + wide + 20, 470))
    parts = [
        open_svg(width, height, said),
        word(0, 14, f"{layer}: what is frozen and what is learned", "font-weight='600'"),
        word(0, 32, "areas are numbers of weights, to scale", "font-size='11' opacity='.8'"),
        box(left, top, wide, tall, COLORS[4], 0.25, f"W: {n_out} x {n_in}, frozen"),
        word(left, top - 7, f"W  {n_out} × {n_in}, frozen"),
        word(left + wide + 14, top + 44, "+ α/r ·", "font-size='15'"),
        box(second, top, thin, tall, COLORS[0], 0.6, f"B: {n_out} x {rank}, learned"),
        word(second, top - 7, f"B  {n_out} × {rank}"),
        word((second + thin + third) / 2 - 4, top + 44, "·", "font-size='18'"),
        box(third, top, wide, thin, COLORS[1], 0.6, f"A: {rank} x {n_in}, learned"),
        word(third, top - 7, f"A  {rank} × {n_in}"),
        word(
            left,
            height - 8,
            f"{n_in * n_out:,} weights frozen, {rank * (n_in + n_out):,} learned "
            f"({100 * rank * (n_in + n_out) / (n_in * n_out):.1f}% of this layer)",
        ),
        "</svg>",
    ]
    return "".join(parts)


def hearing(found: Hearing, source: str = "replayed") -> Chart:
    """Return the runs that are heard as trails of task score and kept, and where they stand."""
    name, which, capability = MEASURES[found.measure]
    lines, crosses = [], []
    for arm in (FULL, LORA):
        for run in found.runs[arm]:
            kept = run.kept_curve(which, capability)
            if kept:
                about = f"{_NAMES[arm]}, seed {run.job.seed}"
                lines.append(Line(about, run.task, kept, _STYLE[arm], faint=True, markers=False))
        task, kept = found.task[arm], found.kept[arm]
        if kept is None or task is None:
            continue
        x = found.level if found.level is not None else task.mean
        ends = (None, None) if found.level is not None else (task.low, task.high)
        said = f"{_NAMES[arm]}: task score {x:.2f}, kept {kept}, {kept.n} seeds"
        crosses.append(
            Cross(_NAMES[arm], x, kept.mean, _STYLE[arm], False, *ends, kept.low, kept.high, said)
        )
    return Chart(
        "What is put beside each other",
        "task score",
        f"kept: {name} (retention)",
        tuple(lines),
        levels=(Level("base", 1.0, strong=True), Level("chance", 0.0)),
        y_range=RANGE,
        x_range=(0.0, 1.0),
        cursor=found.level,
        notes=("Dotted: single runs, from the base to their end. Marks: what the rule compares.",),
        source=source,
        empty="No stored runs for this rule yet.",
        crosses=tuple(crosses),
    )


def dial(
    traces: Mapping[int, Sequence[Notch]],
    at: float | None = None,
    guesses: Mapping[str, float] | None = None,
    source: str = "live",
) -> Chart:
    """Return task score and what is kept over the dial; of several seeds the mean and range.

    Parameters
    ----------
    traces : mapping of int to sequence of Notch
        One trace a seed, all with the same notches.
    at : float, optional
        Where the dial stands.
    guesses : mapping of str to float, optional
        What the learner expected, by what is said of it.
    source : str
        Of the badge.
    """
    runs = [list(notches) for notches in traces.values() if notches]
    lines = []
    for place, (name, value) in enumerate(_OF_NOTCH.items()):
        columns = [[value(notch) for notch in notches] for notches in zip(*runs, strict=False)]
        if not columns or any(v is None for column in columns for v in column):
            continue
        several = len(runs) > 1
        lines.append(
            Line(
                name,
                tuple(notch.dial for notch in min(runs, key=len)),
                tuple(sum(column) / len(column) for column in columns),
                (0, 1, 2)[place],
                dashed=place == 2,
                hollow=place == 2,
                label=name.partition(",")[0],
                low=tuple(min(column) for column in columns) if several else (),
                high=tuple(max(column) for column in columns) if several else (),
            )
        )
    expected = tuple(
        Expected(name, value, style) for style, (name, value) in enumerate((guesses or {}).items())
    )
    return Chart(
        "The dial: from the base to the adapter at full strength",
        "dial (share of the adapter's strength)",
        "task score, and retention (mean over what there is to lose)",
        tuple(lines),
        (Level("base", 1.0, strong=True), Level("chance", 0.0)),
        expected,
        y_range=RANGE,
        x_range=(0.0, 1.0),
        cursor=at,
        source=source,
        empty="Train the adapter first.",
    )


_OF_NOTCH = {
    "tickets, score": lambda notch: notch.task,
    "says, kept": lambda notch: notch.kept("says"),
    "ranks first, kept": lambda notch: notch.kept("knows"),
}


def dial_plane(
    arms: Mapping[str, Mapping[int, Sequence[Notch]]], source: str = "replayed"
) -> Chart:
    """Return dials as trails on the plane of gain against what was kept, means over seeds."""
    lines = []
    for name, traces in arms.items():
        style = _STYLE[FULL if name.startswith(FULL) else LORA]
        runs = [list(notches) for notches in traces.values() if notches]
        columns = list(zip(*runs, strict=False))
        if not columns or any(notch.kept() is None for column in columns for notch in column):
            continue
        xs = [sum(notch.task for notch in column) / len(column) for column in columns]
        ys = [sum(notch.kept() for notch in column) / len(column) for column in columns]
        lines.append(Line(name, tuple(xs), tuple(ys), style, label=name.partition(":")[0]))
    return Chart(
        "Every notch on the plane",
        "score on tickets",
        "kept: mean says retention",
        tuple(lines),
        levels=(Level("base", 1.0, strong=True), Level("chance", 0.0)),
        y_range=RANGE,
        x_range=(0.0, 1.0),
        source=source,
        empty="Nothing measured yet.",
    )


def sequence(
    histories: Sequence[History], until: int | None = None, source: str = "replayed"
) -> Chart:
    """Return the scores of three tasks over the steps, means over seeds, up to a step.

    Parameters
    ----------
    histories : sequence of History
        One sequence a seed.
    until : int, optional
        What comes after this step is not drawn.
    source : str
        Of the badge.
    """
    lines = []
    for style, task in enumerate(sequences.ORDER):
        curves = [
            {p.step: p.task_scores[task] for p in h.points() if task in p.task_scores}
            for h in histories
        ]
        steps = sorted(set.intersection(*(set(c) for c in curves))) if curves else []
        steps = [step for step in steps if until is None or step <= until]
        if steps:
            values = tuple(sum(c[step] for c in curves) / len(curves) for step in steps)
            lines.append(Line(task, tuple(steps), values, style, label=task))
    ends = [done.step for done in histories[0].tasks_done] if histories else []
    return Chart(
        "Three tasks, one after another",
        "steps",
        "score on each task",
        tuple(lines),
        y_range=(0.0, 1.0),
        x_range=(0, ends[-1] if ends else 1),
        cursor=until,
        source=source,
        empty="No stored sequence yet.",
    )


def matrix(fields: Sequence[Sequence[Estimate]], kept: Sequence[Estimate | None], rows: int) -> str:
    """Return the score matrix with what is kept of knowledge beside it, the first rows of it."""
    names = ["before", *(f"after\n{task}" for task in sequences.ORDER)][:rows]
    columns = [*(f"score on\n{task}" for task in sequences.ORDER), "knowledge\nkept (says)"]
    shown = [[*fields[i], kept[i]] for i in range(min(rows, len(fields)))]
    values = [[None if f is None else f.mean for f in row] for row in shown]
    notes = [[interval_note(f) for f in row] for row in shown]
    said = "; ".join(
        f"{name.replace(chr(10), ' ')}: " + ", ".join("–" if v is None else f"{v:.2f}" for v in row)
        for name, row in zip(names, values, strict=False)
    )
    return shaded_map(names, columns, values, notes, f"Score matrix. {said}.")
