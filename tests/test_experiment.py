"""The defaults that go together, and runs built from names."""

from __future__ import annotations

import json

import pytest
import torch

from lablib import experiment, inputs, methods, models, tasks, world
from lablib.controls import Controls
from lablib.events import Answered, Probed, StepDone
from lablib.methods import Full
from lablib.probes import PROBES, openended
from lablib.tasks.base import Row, Task

SHORT = {"max_steps": 2, "batch_size": 2, "full_probes": False, "task_test_rows": 2}


@pytest.fixture(scope="module")
def mini():
    return models.load("mini")


def test_watch_prompts_are_one_a_capability_and_france_first(mini):
    watch = experiment.watch_prompts(mini)
    assert len(watch) == len(PROBES)
    assert watch[0].prompt == "What is the capital of France?"
    assert watch[0].candidates[0] == "Paris"


def test_a_real_model_is_asked_open_questions_too(mini):
    large = models.LoadedModel("x", mini.model, mini.tokenizer, mini.folder, "d", 135_000_000)
    prompts = [w.prompt for w in experiment.watch_prompts(large)]
    assert prompts[-len(openended.PROMPTS) :] == list(openended.PROMPTS)


def test_the_general_pool_of_mini_is_its_own_world(mini):
    assert tuple(inputs.general_pool(mini, n=50)) == tuple(world.general_rows(seed=0, n=50))
    other = models.LoadedModel("x", mini.model, mini.tokenizer, mini.folder, "d", 1_000_000)
    assert inputs.general_pool(other, n=50) != inputs.general_pool(mini, n=50)


def test_a_loaded_model_stays_as_it_is(mini):
    before = {name: p.detach().clone() for name, p in mini.model.named_parameters()}
    run = experiment.build(mini, probe_names=["knowledge"], watch=[], **SHORT)
    assert sum(isinstance(event, StepDone) for event in run) == 2
    assert all(torch.equal(p, before[name]) for name, p in mini.model.named_parameters())
    moved = dict(run.model.named_parameters())
    assert any(not torch.equal(moved[name], p) for name, p in before.items())


def test_what_is_given_reaches_the_run(mini):
    run = experiment.build(
        mini,
        ["tickets", "wrong_facts"],
        seed=5,
        lr=3e-4,
        mix_ratio=0.5,
        probe_names=["reasoning"],
        watch=["Hello?"],
        name="mine",
        **SHORT,
    )
    events = list(run)
    assert {e.prompt for e in events if isinstance(e, Answered)} == {"Hello?"}
    assert {name for e in events if isinstance(e, Probed) for name in e.scores} == {"reasoning"}
    steps = [e for e in events if isinstance(e, StepDone)]
    assert [e.task for e in steps] == ["tickets"] * 2 + ["wrong_facts"] * 2
    assert {(e.lr, e.mix_ratio) for e in steps} == {(3e-4, 0.5)}
    assert run.config.seed == 5 and run.name == "mine" and run.model_name == "mini"


def test_defaults_fill_what_is_not_given(mini):
    run = experiment.build(mini)
    given = experiment.defaults(mini.n_parameters, Full())
    assert run.config.lr == given.lr == Full().default_lr(mini.n_parameters)
    assert (run.config.batch_size, run.config.train_rows) == (given.batch_size, given.train_rows)
    run = experiment.build(mini, **SHORT | {"max_steps": 3})
    points = [e.step for e in run if isinstance(e, Probed)]
    assert next(step for step in points if step) == 2  # a first point within a second
    large = experiment.defaults(135_000_000, Full())
    assert large.lr < given.lr and large.batch_size < given.batch_size


def test_rate_of_a_task_is_raised_only_where_all_weights_are_trained(mini):
    for name in ("full", "replay", "lora", "lora+ewc"):
        method = methods.make(name)
        plain, raised = (
            experiment.defaults(mini.n_parameters, method, task).lr
            for task in ("tickets", "wrong_facts")
        )
        assert (raised > plain) == ("lora" not in name)


def test_controls_are_shared(mini):
    controls = Controls(lr=5e-4)
    run = experiment.build(mini, controls=controls, watch=[], probe_names=[], **SHORT)
    assert run.controls is controls
    assert {e.lr for e in run if isinstance(e, StepDone)} == {5e-4}


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"task": "tickte"}, "tickte"),
        ({"task": []}, "no task to learn: give a name"),
        ({"probe_names": ["soul"]}, "no probe 'soul'"),
        ({"learning_rate": 1}, "no setting 'learning_rate'"),
        ({"lr": 0}, "above 0"),
        ({"model": "maxi"}, "no model 'maxi'"),
    ],
)
def test_mistakes_are_said_in_one_sentence(mini, options, says):
    with pytest.raises((ValueError, OSError), match=says):
        experiment.build(**{"model": mini, **options})


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_long_answer_is_found_at_its_line_before_anything_is_measured(mini, tmp_path, split):
    lines = [{"prompt": f"Question {i}?", "completion": "Yes."} for i in range(30)]
    file = tmp_path / "mine.jsonl"

    def written():
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    line = tasks.load(written()).rows(split)[-1].line
    lines[line - 1]["completion"] = "word " * 200
    says = rf"^In mine\.jsonl \({split}\): Line {line}: .*raise max_length \(--max-length\) or"
    with pytest.raises(ValueError, match=says):
        experiment.build(mini, written(), **SHORT)
    if split == "train":  # a row that the run leaves out may be as long as it is
        experiment.build(mini, file, train_rows=20, **SHORT)
    with pytest.raises(ValueError, match=rf"^In general examples: Line {line}: "):
        experiment.build(mini, general=file, **SHORT)


def test_bad_rows_of_task_and_general_rows_are_left_out_on_request(mini, tmp_path):
    file = tmp_path / "mine.jsonl"
    lines = [json.dumps({"prompt": f"Question {i}?", "completion": "Yes."}) for i in range(20)]
    file.write_text("\n".join([*lines, "nonsense"]))
    with pytest.raises(tasks.DataError, match="line 21"):
        experiment.build(mini, file, **SHORT)
    with pytest.raises(tasks.DataError, match="line 21"):
        experiment.build(mini, general=file, **SHORT)
    run = experiment.build(mini, file, general=file, drop_bad_rows=True, **SHORT)
    assert len(run.rows[0]) == 16 and len(run.general) == 20


def test_general_rows_by_name(mini, tmp_path):
    named = inputs.general_rows
    assert named("default", mini) == inputs.general_pool(mini)
    assert named("world", mini) == world.general_rows()
    assert named("diverse", mini) == tasks.load("diverse").rows("train")
    file = tmp_path / "chats.jsonl"
    rows = [{"prompt": f"Say {n}.", "completion": str(n)} for n in range(5)]
    file.write_text("\n".join(map(json.dumps, rows)))
    # however few, and none of them taken out to test on
    assert [row.prompt for row in named(file, mini)] == [row["prompt"] for row in rows]
    run = experiment.build(mini, general=str(file), watch=[], probe_names=[], **SHORT)
    assert list(run.general.rows) == list(named(file, mini))
    with pytest.raises(ValueError, match="no task 'wrold'"):
        named("wrold", mini)


def test_general_rows_that_a_probe_asks_are_refused(mini):
    rows = [Row("Hello?", "Hi."), Row("what is the capital of FRANCE", "Paris")]
    with pytest.raises(ValueError, match=r"1 of 2 general rows .* first row 2 .*knowledge"):
        experiment.build(mini, general=rows)
    experiment.build(mini, general=rows, probe_names=["reasoning"])


@pytest.mark.parametrize("source", ["world", *tasks.TASKS])
def test_no_source_of_ours_holds_what_a_probe_asks(mini, source):
    rows = inputs.general_rows(source, mini)
    assert inputs.check_unasked(rows, experiment.make_probes()) == rows


def test_a_task_of_ones_own(mini):
    class Own(Task):
        name = "own"

        def rows(self, split):
            return (Row("Say one.", "one"),) * 4

    run = experiment.build(mini, Own(), watch=[], probe_names=[], **SHORT)
    assert {e.task for e in run if isinstance(e, StepDone)} == {"own"}


def own_rows(folder, name="rows.jsonl"):
    folder.mkdir(parents=True, exist_ok=True)
    rows = [{"prompt": f"{folder.name} {n}?", "completion": str(n)} for n in range(20)]
    (folder / name).write_text("\n".join(map(json.dumps, rows)))
    return folder / name


def test_own_files_of_one_name_are_told_apart(mini, tmp_path):
    files = [own_rows(tmp_path / part) for part in ("a/jan", "b/jan", "b/feb")]
    files.append(own_rows(tmp_path / "b/feb", "other.jsonl"))
    run = experiment.build(mini, [str(file) for file in files], watch=[], probe_names=[], **SHORT)
    names = ["a/jan/rows.jsonl", "b/jan/rows.jsonl", "feb/rows.jsonl", "other.jsonl"]
    assert [task.name for task in run.tasks] == names
    points = [event for event in run if isinstance(event, Probed)]
    assert set(points[-1].task_scores) == set(names)


def test_a_task_given_twice_is_refused(mini, tmp_path, monkeypatch):
    file = own_rows(tmp_path)
    monkeypatch.chdir(tmp_path)
    for twice in (["tickets", "tickets"], [file, "./rows.jsonl"]):
        with pytest.raises(ValueError, match=r"Two tasks are called .* give each task once"):
            experiment.build(mini, twice)


def test_rows_are_a_task_and_a_pool(mini):
    rows = [Row(f"What is {n}?", str(n)) for n in range(20)]
    dicts = [{"prompt": row.prompt, "completion": row.completion} for row in rows]
    for given in (rows, dicts):
        run = experiment.build(mini, given, general=given[:3], watch=[], probe_names=[], **SHORT)
        (task,) = run.tasks
        learned = {row for split in ("train", "validation", "test") for row in task.rows(split)}
        assert learned == set(rows) and list(run.general.rows) == rows[:3]
    with pytest.raises(ValueError, match="line 2: completion is missing"):
        experiment.build(mini, [*dicts[:1], {"prompt": "And?"}, *dicts])


def test_one_probe_may_be_named_alone(mini):
    assert [probe.name for probe in experiment.make_probes("knowledge")] == ["knowledge"]
    run = experiment.build(mini, probe_names="knowledge", watch=[], **SHORT)
    assert list(run.chance) == ["knowledge"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"model": ("a model", "a tokenizer")}, "model is a name, .* not a tuple: save your own"),
        ({"task": [Row("Hello?", "Hi.")] * 3 + ["tickets"]}, "A task is a name, .* not a Row"),
        ({"task": None}, "A task is a name, .* not a NoneType"),
        ({"early_stopping": {"floor": 0.9}}, "not a dict: write EarlyStopping"),
        ({"general": ["Hello?"]}, "general is a name, a file or a list of rows"),
        ({"general": None}, "general is a name, a file or a list of rows"),
    ],
)
def test_what_is_of_another_kind_is_refused_in_one_sentence(mini, options, says):
    with pytest.raises(TypeError, match=says):
        experiment.build(**{"model": mini, **options})


def test_a_model_is_not_saved_over_another(mini, tmp_path):
    run = experiment.build(mini, watch=[], probe_names=[], **SHORT)
    experiment.save_model(run, tmp_path / "new")
    with pytest.raises(OSError, match="not empty; name a new folder"):
        experiment.save_model(run, tmp_path / "new")


def test_settings_go_with_the_name_of_a_method(mini):
    with pytest.raises(ValueError, match="a method has its own already"):
        experiment.build(mini, method=methods.make("ewc"), settings={"strength": 1.0})


def test_a_saved_model_is_loaded_as_it_was(mini, tmp_path):
    run = experiment.build(mini, watch=[], probe_names=[], **SHORT)
    list(run)
    experiment.save_model(run, tmp_path)
    again = models.load(str(tmp_path))
    for name, p in again.model.named_parameters():
        assert torch.equal(p, dict(run.model.named_parameters())[name])
    prompt = "What is the capital of France?"
    assert models.encode_prompt(again.tokenizer, prompt) == models.encode_prompt(
        mini.tokenizer, prompt
    )
