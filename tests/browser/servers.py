"""Real JupyterLab and Voila on free ports, each with home and settings folders of its own."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = {
    # cells out of sight have no widgets in the page: draw them all, so that they can be counted
    "@jupyterlab/notebook-extension/tracker.jupyterlab-settings": {"windowingMode": "none"},
    # no question about news on the first start
    "@jupyterlab/apputils-extension/notification.jupyterlab-settings": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
}


@dataclass(frozen=True)
class Server:
    """A running Jupyter server."""

    url: str  # with a slash at the end
    log: Path  # what it wrote
    home: Path  # LETHE_HOME of its kernels


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def serve(kind: str, folder: Path, work: Path) -> Iterator[Server]:
    """Serve the notebooks of ``folder`` with ``"lab"`` or ``"voila"`` until the block ends."""
    port = free_port()
    common = [f"--port={port}", "--no-browser"]
    if kind == "lab":
        command = [
            "-m", "jupyterlab", *common, "--allow-root", f"--ServerApp.root_dir={folder}",
            "--IdentityProvider.token=", "--LabApp.expose_app_in_browser=True",
        ]  # fmt: skip
        for name, values in SETTINGS.items():
            file = work / "settings" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(values))
    else:
        command = ["-m", "voila", str(folder), *common, "--template=lethe", "--classic-tree"]
    env = {
        **os.environ,
        "LETHE_HOME": str(work / "home"),
        "OMP_NUM_THREADS": "1",  # the browser needs a core too
        "JUPYTER_CONFIG_DIR": str(work / "config"),
        "JUPYTER_DATA_DIR": str(work / "data"),
        "JUPYTER_RUNTIME_DIR": str(work / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(work / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(work / "workspaces"),
        "IPYTHONDIR": str(work / "ipython"),
        "JUPYTER_PATH": str(ROOT / "labs" / "home"),
    }
    log = work / f"{kind}.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,  # voila.json lies here
            env=env,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that its kernels can be ended with it
        )
    url = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(url + ("api/status" if kind == "lab" else ""), process, log)
        yield Server(url, log, work / "home")
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(15)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(15)


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended by itself:\n{log.read_text()}")
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.2)
    raise RuntimeError(f"The server did not answer within {seconds:.0f} s:\n{log.read_text()}")
