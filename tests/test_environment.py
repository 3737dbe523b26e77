"""One truth about what must be installed, and the rules about who imports whom."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest
import yaml

# conda-forge's names where they differ
CONDA = {"torch": "pytorch", "matplotlib": "matplotlib-base"}


@pytest.fixture
def project(root) -> dict:
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture
def pins(root) -> dict[str, str]:
    lines = (root / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def minima(requirements: list[str]) -> dict[str, str]:
    return dict(line.split(">=") for line in requirements)


def test_conda_asks_for_what_pip_asks_for(project, root):
    asked = yaml.safe_load((root / "environment.yml").read_text())
    assert asked["channels"] == ["conda-forge"]
    packages = [line for line in asked["dependencies"] if line != "pip"]
    python = packages.pop(0)
    assert python.startswith(f"python{project['requires-python']}")
    wanted = {CONDA.get(n, n): v for n, v in minima(project["dependencies"]).items()}
    assert minima(packages) == wanted
    assert not re.search("cuda|cpuonly", " ".join(packages))  # conda picks the build


def test_binder_uses_the_same_file(root):
    binder = root / "binder"
    assert (binder / "environment.yml").resolve() == root / "environment.yml"
    for name in ("postBuild", "start"):
        assert (binder / name).stat().st_mode & stat.S_IXUSR, f"{name} must be executable"
        subprocess.run(["bash", "-n", binder / name], check=True)
    assert (binder / "start").read_text().rstrip().endswith('exec "$@"')


def test_every_dependency_is_pinned_at_or_above_its_minimum(project, pins):
    def number(version: str) -> tuple[int, ...]:
        return tuple(int(part) for part in re.findall(r"\d+", version)[:3])

    extras = project["optional-dependencies"].values()
    wanted = minima([*project["dependencies"], *(line for extra in extras for line in extra)])
    for name, least in wanted.items():
        assert name in pins, f"{name} has no pin in constraints.txt"
        assert number(pins[name]) >= number(least), name


def test_pins_are_plain_versions(root):
    for line in (root / "constraints.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"[\w.-]+==[\w.!]+", line), line


def test_what_is_installed_is_what_is_pinned(pins):
    wrong = {}
    for name, version in pins.items():
        try:
            found = metadata.version(name).split("+")[0]
        except metadata.PackageNotFoundError:
            continue  # a platform may not need it
        if found != version:
            wrong[name] = f"{found}, pinned {version}"
    assert not wrong


def test_modules_import_downward_only(root):
    done = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command as f; f()"],
        cwd=root, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


def test_the_engine_loads_without_notebook_or_matplotlib():
    code = (
        "import sys, lablib.experiment\n"
        "heavy = {'ipywidgets', 'IPython', 'matplotlib', 'peft', 'bitsandbytes', 'datasets'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not done.stdout.split()


def test_no_file_of_the_library_is_long(root):
    long = {
        str(path.relative_to(root)): n
        for path in (root / "lablib").rglob("*.py")
        if (n := len(path.read_text(encoding="utf-8").splitlines())) > 400
    }
    assert not long


def test_ci_and_make_are_sound_shell(root):
    subprocess.run(["bash", "-n", root / ".ci" / "run"], check=True)
    assert (root / ".ci" / "run").stat().st_mode & stat.S_IXUSR
