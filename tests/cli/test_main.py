"""The command line as a user meets it: help, lists, mistakes."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lablib import experiment
from lablib.cli.main import MISTAKE, RUN_EXAMPLES, main
from lablib.methods import METHODS, Full
from lablib.models import MODELS
from lablib.probes import PROBES
from lablib.tasks import TASKS, readers, shapes


def test_help_needs_no_pytorch():
    code = (
        "import sys; from lablib.cli.main import main\n"
        "try: main(['run', '--help'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    for option in ("--lr", "--mix", "--set", "--early-stop", "--json", "--save", "--max-steps"):
        assert option in done.stdout
    assert "examples:" in done.stdout


@pytest.mark.parametrize(("row", "n_parameters"), [("mini", 1_000_000), ("real LLMs", 135_000_000)])
def test_help_states_the_defaults_that_hold(row, n_parameters):
    given = experiment.defaults(n_parameters, Full())
    line = next(x for x in RUN_EXAMPLES.splitlines() if x.strip().startswith(f"{row}   "))
    lr, batch, rows, steps, every = line.replace(row, "").replace(" steps", "").split()
    assert float(lr) == given.lr
    assert (int(batch), int(rows), int(every)) == (
        given.batch_size,
        given.train_rows,
        given.probe_every,
    )
    assert int(steps) == given.train_rows / given.batch_size


def test_help_names_every_shape_of_own_rows():
    known = [*readers.FORMATS, readers.PACKED, *map("/".join, shapes.PAIRS), *shapes.CHATS]
    assert [name for name in known if name not in RUN_EXAMPLES] == []


@pytest.mark.parametrize(
    ("what", "names"),
    [("models", MODELS), ("tasks", TASKS), ("probes", PROBES), ("methods", METHODS)],
)
def test_lists_have_one_line_each(what, names, capsys):
    assert main([what]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(names)
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--lr", "nan"], "lr must be a finite number"),
        (["--lr", "0"], "learning rate must be above 0"),
        (["--lr", "-1"], "learning rate must be above 0"),
        (["--lr", "30"], "at most 1"),
        (["--lr", "much"], "lr must be a number"),
        (["--mix", "1.5"], "between 0 and 1"),
        (["--epochs", "0"], "epochs must be above 0"),
        (["--max-steps", "0"], "max_steps must be a whole number from 1 up"),
        (["--clip", "nan"], "clip must be a number above 0"),
        (["--seed", "-1"], "seed must be a whole number from 0"),
        (["--mix", "1", "--mix-budget", "additive"], "mix ratio must be below 1"),
        (["--micro-batch-size", "0"], "micro_batch_size must be a whole number"),
        (["--early-stop", "soon"], "--early-stop takes a share"),
        (["--early-stop", "7"], "--early-stop takes a share"),
        (["--early-stop", "0.9", "--patience", "0"], "patience must be a whole number"),
        (["--early-stop", "0.9", "--probe", "reasoning"], "does not measure"),
        (["--set", "lora.rank=8"], "belongs to no method of full."),
        (["--method", "magic"], "no method 'magic'"),
        (["--probe", "soul"], "no probe 'soul'"),
        (["--set", "full"], "METHOD.FIELD=VALUE"),
        (["--set", "ewc.strength=1"], "belongs to no method of full"),
        (["--set", "full.strength=1"], "has no setting 'strength'"),
        (["--task", "ticket"], "ticket"),
        (["--task", "no/such/rows.jsonl"], "rows.jsonl"),
        (["--model", "maxi"], "no model 'maxi'"),
        (["--model", "."], "no config.json"),
        (["--json", "no/such/folder/out.json"], "does not exist"),
        (["--json", "."], "it is a folder"),
        (["--save", "."], "not empty"),
    ],
)
def test_a_mistake_is_one_sentence(arguments, says, capsys, root, monkeypatch):
    monkeypatch.chdir(root)
    assert main(["run", "--quiet", *arguments]) == MISTAKE
    out, err = capsys.readouterr()
    assert says in err, err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err and not out


def test_an_unknown_option_is_a_mistake(capsys):
    with pytest.raises(SystemExit) as end:
        main(["run", "--bogus"])
    assert end.value.code == MISTAKE
