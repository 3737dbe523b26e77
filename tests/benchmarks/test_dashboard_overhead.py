"""What watching costs: the same run with the whole dashboard and without, in a real kernel.

In a kernel rather than here, because the messages to the page are part of the price. In half of
the pairs the watched run comes first, so that a machine that grows faster or slower favors
neither.
"""

from __future__ import annotations

import json
import math

import pytest
from jupyter_client.manager import start_new_kernel

from lablib.metrics import bootstrap_mean_interval
from tests.benchmarks.conftest import middle

pytestmark = pytest.mark.bench

PAIRS = 12  # a shared machine's speed moves by more than what is sought: one pair says nothing
STEPS = 100
CODE = f"""
import json, tempfile
from pathlib import Path
from IPython.display import display
from lablib import experiment
from lablib.widgets import Dashboard

def headless():
    folder = Path(tempfile.mkdtemp())  # the dashboard keeps snapshots for Rewind, so does this
    run = experiment.build(
        "mini", "tickets", "full", max_steps={STEPS}, snapshots=True, snapshot_folder=folder
    )
    *_, finished = run
    return finished.seconds

def live():
    dashboard = Dashboard("mini", "tickets", "full", max_steps={STEPS})
    display(dashboard)
    dashboard.start()
    dashboard.wait()
    assert dashboard.background.error is None, dashboard.background.traceback
    return dashboard.state.history.finished.seconds

headless(), live()
pairs = []
for number in range({PAIRS}):
    if number % 2:
        pairs.append((headless(), live()))
    else:
        pairs.append((live(), headless())[::-1])
print("PAIRS", json.dumps(pairs))
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
    ratios = [math.log(watched / unwatched) for unwatched, watched in pairs]
    ends = [100 * math.expm1(x) for x in (middle(ratios), *bootstrap_mean_interval(ratios))]
    say(
        f"mini, tickets: {headless:.2f} s headless, {live:.2f} s with the dashboard: "
        f"{ends[0]:+.1f}% (95% interval of the mean {ends[1]:+.1f} to {ends[2]:+.1f}%; "
        "designed for at most +5%)"
    )
    say(f"  pairs: {[(round(a, 2), round(b, 2)) for a, b in pairs]}")
