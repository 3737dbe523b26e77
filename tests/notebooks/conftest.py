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
    """Give ``lab`` the path of every lab in turn, ``opened`` also that of the primer."""
    labs = sorted(LABS.glob("[0-9]*.ipynb"))
    for name, paths in (("lab", labs), ("opened", [*labs, LABS / "primer.ipynb"])):
        if name in metafunc.fixturenames:
            metafunc.parametrize(name, paths, ids=[path.stem for path in paths])
