"""What watching costs: the same run with the whole dashboard and without, in a real kernel.

In a kernel rather than here, because the messages to the page are part of the price.
"""

from __future__ import annotations

import json

import pytest
from jupyter_client.manager import start_new_kernel

from tests.benchmarks.conftest import middle

pytestmark = pytest.mark.bench

PAIRS = 5
CODE = f"""
import json, tempfile
from pathlib import Path
from IPython.display import display
from lablib import experiment
from lablib.widgets import Dashboard

def headless():
    folder = Path(tempfile.mkdtemp())  # the dashboard keeps snapshots for Rewind, so does this
    run = experiment.build("mini", "tickets", "full", snapshots=True, snapshot_folder=folder)
    *_, finished = run
    return finished.seconds

def live():
    dashboard = Dashboard("mini", "tickets", "full")
    display(dashboard)
    dashboard.start()
    dashboard.wait()
    assert dashboard.background.error is None, dashboard.background.traceback
    return dashboard.state.history.finished.seconds

headless(), live()
print("PAIRS", json.dumps([(headless(), live()) for _ in range({PAIRS})]))
"""


def test_dashboard_against_headless(say, root):
    manager, client = start_new_kernel(cwd=str(root))
    written: list[str] = []

    def keep(message) -> None:
        content = message["content"]
        if message["msg_type"] == "stream":
            written.append(content["text"])
        if message["msg_type"] == "error":
            written.append("\n".join(content["traceback"]))

    try:
        client.execute_interactive(CODE, output_hook=keep, timeout=900)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    found = [line for line in "".join(written).splitlines() if line.startswith("PAIRS")]
    assert found, "".join(written)
    pairs = json.loads(found[0].removeprefix("PAIRS"))
    headless, live = (middle([pair[i] for pair in pairs]) for i in (0, 1))
    ratio = middle([with_ / without for without, with_ in pairs])
    say(
        f"mini, tickets: {headless:.2f} s headless, {live:.2f} s with the dashboard: "
        f"{100 * (ratio - 1):+.1f}% (designed for at most +5%)"
    )
    say(f"  pairs: {[(round(a, 2), round(b, 2)) for a, b in pairs]}")
