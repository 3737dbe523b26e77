"""The generator of the labs as a module, and the list of labs."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

LABS = Path(__file__).resolve().parents[2] / "labs"


@pytest.fixture(scope="session")
def build():
    """``labs/build.py``, which is a script and lies in no package."""
    spec = importlib.util.spec_from_file_location("labs_build", LABS / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pytest_generate_tests(metafunc):
    """Give ``lab`` the path of every notebook in turn."""
    if "lab" in metafunc.fixturenames:
        labs = sorted(LABS.glob("[0-9]*.ipynb"))
        metafunc.parametrize("lab", labs, ids=[path.stem for path in labs])
