"""A run as files: figures, tables, settings and model, in one folder of the learner's."""

from __future__ import annotations

import base64
import csv
import io
import json
import re
import shutil
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

import ipywidgets as widgets

from lablib import experiment
from lablib.history import History
from lablib.plots import curves, figures, plane, retention
from lablib.runtime import home_folder
from lablib.train import Run
from lablib.widgets import share, theme
from lablib.widgets.control import control

_MOST_DOWNLOAD = 3_000_000  # bytes that fit into a link


def points_csv(history: History) -> str:
    """Return every probe point as CSV: one row a step and capability."""
    rows = [["step", "task", "set", "capability", "says", "knows", "items", "displacement",
             "validation_loss", "task_score"]]  # fmt: skip
    for point in history.scores:
        for name, score in point.scores.items():
            rows.append(
                [point.step, point.task, "full" if point.full else "quick", name, score.says,
                 score.knows, score.n, point.displacement, point.validation_loss,
                 point.task_scores.get(point.task)]
            )  # fmt: skip
    return _csv(rows)


def steps_csv(history: History) -> str:
    """Return every step as CSV."""
    names = ("step", "task", "epoch", "loss", "penalty", "lr", "mix_ratio", "n_general", "n_rows",
             "seconds")  # fmt: skip
    return _csv([names, *([getattr(step, name) for name in names] for step in history.steps)])


def answers_csv(history: History) -> str:
    """Return every answer as CSV."""
    rows = [[a.step, a.prompt, a.text] for a in history.answers]
    return _csv([["step", "prompt", "answer"], *rows])


def _csv(rows) -> str:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()


def config_json(history: History) -> str:
    """Return what is needed to repeat the run, as JSON."""
    started = history.started
    changes = [{"step": c.step, "name": c.name, "old": c.old, "new": c.new}
               for c in history.changes]  # fmt: skip
    return json.dumps(
        {
            "share": share.to_string(share.settings_of(history)),
            "run_id": started.run_id,
            "model": started.model,
            "tasks": list(started.tasks),
            "method": started.method,
            "seed": started.seed,
            "config": started.config,
            "changes": changes,
            "versions": started.versions,
            "finished": history.finished.reason if history.finished else None,
        },
        indent=2,
        default=str,
    )


def pictures(history: History, pins: Mapping[str, History], source: str) -> dict[str, bytes]:
    """Return the charts as PNG files by name. Never call it while a step runs."""
    charts = {
        "retention": retention.retention(history, pins=pins, source=source),
        "task_score": curves.task_score(history, pins=pins, source=source),
        "loss": curves.loss(history, pins=pins, source=source),
        "displacement": curves.displacement(history, pins=pins, source=source),
        "plane": plane.plane({"this run": history}, source=source),
    }
    return {f"{name}.png": figures.png(chart) for name, chart in charts.items()}


def export(
    history: History,
    run: Run | None = None,
    *,
    pins: Mapping[str, History] | None = None,
    source: str = "live",
    folder: Path | None = None,
) -> Path:
    """Write a run to a folder and return the folder.

    Parameters
    ----------
    history : History
        The run.
    run : Run, optional
        Its model is written as safetensors to the subfolder ``model``, for ``models.load``.
    pins : mapping, optional
        Runs drawn behind it.
    source : str
        Where the run comes from, for the badge on the figures.
    folder : Path, optional
        Default: ``exports/<run>`` in the learner's folder.

    Raises
    ------
    ValueError, OSError
        If there is nothing to write, or it cannot be written.
    """
    if not history.started or not history.scores:
        raise ValueError("There is nothing to export yet: start a run first.")
    name = re.sub(r"[^\w.-]+", "_", history.started.run_id) or "run"
    folder = folder or home_folder() / "exports" / name
    files: dict[str, bytes] = {
        "points.csv": points_csv(history).encode(),
        "steps.csv": steps_csv(history).encode(),
        "answers.csv": answers_csv(history).encode(),
        "config.json": config_json(history).encode(),
        "history.json": history.to_json().encode(),
        **pictures(history, pins or {}, source),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
        if run is not None:
            shutil.rmtree(folder / "model", ignore_errors=True)  # of an earlier export of this run
            experiment.save_model(run, folder / "model")
    except OSError as error:
        raise OSError(
            f"The run cannot be written to {folder} ({error.strerror or error}). Set the "
            "environment variable LETHE_HOME to a folder you may write to."
        ) from error
    return folder


def download_link(folder: Path) -> str:
    """Return a link that holds the exported files without the model, or nothing if too large."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.iterdir()):
            if path.is_file():
                archive.write(path, path.name)
    if buffer.tell() > _MOST_DOWNLOAD:
        return ""
    data = base64.b64encode(buffer.getvalue()).decode()
    return (
        f"<a download='{theme.escape(folder.name)}.zip' href='data:application/zip;base64,{data}'>"
        "Download without the model (zip)</a>"
    )


class ExportPanel(widgets.VBox):
    """Export to a folder, and the share string that restores the controls.

    Parameters
    ----------
    on_export : callable
        ``on_export(with_model)`` writes the run and returns the folder.
    on_restore : callable
        ``on_restore(text)`` sets the controls.
    say : callable
        ``say(sentence)`` says what went wrong.
    """

    def __init__(
        self,
        on_export: Callable[[bool], Path],
        on_restore: Callable[[str], None],
        say: Callable[[str], None],
    ):
        self._on_export, self._on_restore, self._say = on_export, on_restore, say
        self.with_model = widgets.Checkbox(
            value=False, description="with the model (safetensors)", indent=False
        )
        self.button = widgets.Button(description="Export the run above", icon="download")
        self.button.on_click(lambda _: self.export())
        self.where = widgets.HTML()
        self.string = control(
            widgets.Text(description="Share string: copy it, or paste one and press Restore")
        )
        self.restore = widgets.Button(description="Restore", icon="upload")
        self.restore.on_click(lambda _: self._act(lambda: on_restore(self.string.value)))
        row = widgets.HBox([self.button, self.with_model])
        share_row = widgets.HBox([self.string, self.restore])
        row.add_class("lethe-buttons")
        share_row.add_class("lethe-ask")
        super().__init__([row, self.where, share_row])

    def export(self) -> None:
        """Write the run, and say where."""
        self._act(self._export)

    def _export(self) -> None:
        folder = self._on_export(self.with_model.value)
        self.where.value = theme.plain(
            f"Written to <code class='lethe-path'>{theme.escape(folder)}</code>. "
            + download_link(folder)
        )

    def _act(self, action: Callable[[], None]) -> None:
        try:
            action()
        except (ValueError, OSError) as error:
            self._say(str(error))
