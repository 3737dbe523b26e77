"""What a learner predicted, measured and solved in one lab, kept in one small JSON file.

The file lies in ``home_folder()/predictions/<learner>/lab_NN.json`` and is replaced as a
whole at every change, so a killed kernel leaves either the old state or the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import tempfile
import threading
import time
import urllib.parse
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
            return empty | json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return empty
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise ValueError(
                f"The record of your work, {self.path}, is damaged ({error}). "
                "Rename the file to start a new record."
            ) from error

    def _save(self, part: str, key: str, value: dict[str, Any]) -> None:
        with _lock:
            content = self.read()
            content[part][key] = value | {"when": time.strftime("%Y-%m-%d %H:%M:%S")}
            path = self.path
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
            try:
                with os.fdopen(handle, "w", encoding="utf-8") as file:
                    json.dump(content, file, indent=1, ensure_ascii=False)
                os.replace(temporary, path)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary)
                raise

    def predict(self, key: str, value: Any, question: str = "", unit: str = "") -> None:
        """Keep a prediction; the first one stays beside a later change of mind."""
        before = self.read()["predictions"].get(key)
        first = before.get("first", before["value"]) if before else value
        self._save(
            "predictions",
            key,
            {"value": value, "first": first, "question": question, "unit": unit},
        )

    def prediction(self, key: str) -> Any:
        """Return what was predicted, or None."""
        return self.read()["predictions"].get(key, {}).get("value")

    def measure(self, key: str, value: Any, source: str, detail: str = "") -> None:
        """Keep what was measured for the prediction ``key``; ``source`` is a key of SOURCES."""
        if source not in SOURCES:
            raise ValueError(f"A source is one of {', '.join(SOURCES)}, not {source!r}.")
        known = self.read()["measurements"].get(key)
        if known and known["source"] == "live" and source != "live":
            return  # a replayed figure never replaces what the learner measured
        self._save("measurements", key, {"value": value, "source": source, "detail": detail})

    def exercise(self, key: str, passed: bool, message: str, code: str = "") -> None:
        """Keep the result of a check and the code that was checked."""
        known = self.read()["exercises"].get(key, {})
        if known.get("passed") and not passed:
            passed, message, code = True, known["message"], known["code"]  # solved stays solved
        attempts = known.get("attempts", 0) + 1
        self._save(
            "exercises",
            key,
            {"passed": passed, "message": message, "code": code, "attempts": attempts},
        )

    def answer(self, key: str, text: str) -> None:
        """Keep an answer in the learner's own words."""
        self._save("answers", key, {"text": text})

    def keep(self, key: str, **facts: Any) -> None:
        """Keep something that a later lab asks for, such as the card of lab 00."""
        self._save("kept", key, facts)

    def run(self, run_id: str, **facts: Any) -> None:
        """Keep the facts of a run that the lab used: model, task, method, seed, source, …"""
        self._save("runs", run_id, facts)
