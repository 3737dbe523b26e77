"""What a learner predicted, measured and solved in one lab, kept in one small JSON file.

The file lies in ``home_folder()/predictions/<learner>/lab_NN.json`` and is replaced as a
whole at every change, so a killed kernel leaves either the old state or the new one.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lablib import atomic
from lablib.report.labs import LABS
from lablib.runtime import home_folder

# Where a figure or number comes from; every figure of a lab carries one of these.
SOURCES = {
    "live": "trained live here",
    "replayed": "replayed from a stored run",
    "illustrative": "illustrative",
}

_lock = threading.Lock()  # two widgets may save at once, on two threads
_visitor = f"visitor-{uuid.uuid4().hex[:8]}"  # one Voila page is one kernel is one process


def learner_name() -> str:
    """Return whose work this is: ``LETHE_LEARNER``, else ``?learner=`` of a Voila page.

    A Voila page without a name gets a name of its own, so that two visitors of one server
    never share a file; elsewhere there is one learner, called ``me``.
    """
    name = os.environ.get("LETHE_LEARNER", "")
    query = os.environ.get("QUERY_STRING")
    if not name and query is not None:
        name = urllib.parse.parse_qs(query).get("learner", [""])[0]
        if not name and "voila" in os.environ.get("SERVER_SOFTWARE", "").lower():
            name = _visitor
    return re.sub(r"[^\w.-]+", "_", name).strip("._")[:64] or "me"


class Record:
    """A learner's work in one lab, read from disk at every look and written at every change.

    Parameters
    ----------
    lab : str
        Number of the lab, ``"02"``.
    learner : str, optional
        Whose work; default ``learner_name()``.
    folder : Path, optional
        Where the files of all learners lie; default ``home_folder() / "predictions"``.
    """

    def __init__(self, lab: str, learner: str | None = None, folder: Path | None = None):
        if lab not in LABS:
            raise ValueError(f"There is no lab {lab!r}; the labs are {', '.join(LABS)}.")
        self.lab = lab
        self.learner = learner or learner_name()
        # Functions of solved exercises, for widgets further down that use the learner's own.
        self.solved: dict[str, Callable[..., Any]] = {}
        self._folder = folder

    @property
    def path(self) -> Path:
        """The file that holds the record."""
        folder = self._folder or home_folder() / "predictions"
        return folder / self.learner / f"lab_{self.lab}.json"

    def read(self) -> dict[str, Any]:
        """Return the whole record; empty parts where nothing was saved yet."""
        empty: dict[str, Any] = {
            "lab": self.lab,
            "learner": self.learner,
            "predictions": {},
            "measurements": {},
            "exercises": {},
            "answers": {},
            "runs": {},
            "kept": {},
        }
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(found, dict):
                raise ValueError("it holds no record")
            return empty | found
        except FileNotFoundError:
            return empty
        except ValueError as error:  # no JSON, or no text
            raise ValueError(
                f"The record of your work, {self.path}, is damaged ({error}). "
                "Rename the file to start a new record."
            ) from error

    def _update(self, part: str, key: str, make: Callable[[dict[str, Any]], dict | None]) -> None:
        """Put ``make(what is there)`` in its place, with the time; None leaves it as it is."""
        with _lock:
            content = self.read()
            new = make(content[part].get(key, {}))
            if new is not None:
                content[part][key] = new | {"when": time.strftime("%Y-%m-%d %H:%M:%S")}
                atomic.write_text(self.path, json.dumps(content, indent=1, ensure_ascii=False))

    def _put(self, part: str, key: str, value: dict[str, Any]) -> None:
        self._update(part, key, lambda _: value)

    def predict(self, key: str, value: Any, question: str = "", unit: str = "") -> None:
        """Keep a prediction; the first one stays beside a later change of mind."""

        def make(before: dict[str, Any]) -> dict[str, Any]:
            first = before.get("first", before["value"]) if before else value
            return {"value": value, "first": first, "question": question, "unit": unit}

        self._update("predictions", key, make)

    def prediction(self, key: str) -> Any:
        """Return what was predicted, or None."""
        return self.read()["predictions"].get(key, {}).get("value")

    def measure(self, key: str, value: Any, source: str, detail: str = "") -> None:
        """Keep what was measured for the prediction ``key``; ``source`` is a key of SOURCES."""
        if source not in SOURCES:
            raise ValueError(f"A source is one of {', '.join(SOURCES)}, not {source!r}.")

        def make(known: dict[str, Any]) -> dict[str, Any] | None:
            if known.get("source") == "live" and source != "live":
                return None  # a replayed figure never replaces what the learner measured
            return {"value": value, "source": source, "detail": detail}

        self._update("measurements", key, make)

    def exercise(self, key: str, passed: bool, message: str, code: str = "") -> None:
        """Keep the result of a check and the code that was checked; solved stays solved."""

        def make(known: dict[str, Any]) -> dict[str, Any]:
            now = {"passed": passed, "message": message, "code": code}
            if known.get("passed") and not passed:
                now = {name: known[name] for name in now}
            return {**now, "attempts": known.get("attempts", 0) + 1}

        self._update("exercises", key, make)

    def answer(self, key: str, text: str) -> None:
        """Keep an answer in the learner's own words."""
        self._put("answers", key, {"text": text})

    def keep(self, key: str, **facts: Any) -> None:
        """Keep something that a later lab asks for, such as the card of lab 00."""
        self._put("kept", key, facts)

    def run(self, run_id: str, **facts: Any) -> None:
        """Keep the facts of a run that the lab used: model, task, method, seed, source, …"""
        self._put("runs", run_id, facts)
