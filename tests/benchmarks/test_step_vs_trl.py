"""A training step of our loop against TRL's SFTTrainer, on the same batches in turns.

SmolLM2, support tickets, 8 rows a step, float32. TRL is no dependency of the lab: install it
with ``pip install -e '.[bench]'``. Its default of recomputing activations (gradient
checkpointing) saves memory for time, so both settings are measured.
"""

from __future__ import annotations

import copy
import time

import pytest

from lablib import models, tasks
from lablib.events import StepDone
from lablib.methods import METHODS
from lablib.models import Rows
from lablib.tasks.base import Row
from lablib.train import Run, TrainConfig
from lablib.train.data import Mixer
from tests.benchmarks.conftest import middle

pytestmark = pytest.mark.bench

STEPS = 6  # the first of them is a warm-up
BATCH_SIZE = 8
LR = 1e-4


class FirstRows(tasks.base.Task):
    """The first rows of a task, enough for the steps that are timed."""

    name = "tickets"

    def rows(self, split: str) -> tuple[Row, ...]:
        """Training rows only: nothing else is to be measured."""
        return tasks.load(self.name).rows("train")[: STEPS * BATCH_SIZE] if split == "train" else ()


def our_steps(loaded):
    """The loop as the lab runs it, without probes, and the encoded rows in its order."""
    config = TrainConfig(
        lr=LR,
        batch_size=BATCH_SIZE,
        max_length=256,
        task_test_rows=0,
        full_probes=False,
        probe_every=10 * STEPS,
        probe_early=False,
    )
    task = FirstRows()
    encoded = Rows(task.rows("train"), loaded.tokenizer, config.max_length)
    mixer = Mixer(encoded, Rows((), loaded.tokenizer, 1), loaded.tokenizer, config, "task 0")
    order = [
        encoded.encoded(i)
        for step in range(STEPS)
        for i in mixer.batch(step + 1, 0.0).example_ids.tolist()
    ]
    model = copy.deepcopy(loaded.model)
    run = Run(model, loaded.tokenizer, [task], METHODS["full"](), config, [], ())
    return steps_of(run), order


def steps_of(run):
    """The run, step by step."""
    events = iter(run)
    try:
        yield from (event for event in events if isinstance(event, StepDone))
    finally:
        events.close()


def trl_steps(loaded, rows, checkpointing: bool, after_step, folder):
    """Seconds and loss of TRL's steps; ``after_step`` is called between them, off the clock."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import SFTConfig, SFTTrainer

    class Watch(TrainerCallback):
        def __init__(self):
            self.begun, self.seconds, self.losses = 0.0, [], []

        def on_step_begin(self, *_, **__):
            self.begun = time.perf_counter()

        def on_step_end(self, *_, **__):
            self.seconds.append(time.perf_counter() - self.begun)
            after_step()

        def on_log(self, args, state, control, logs=None, **_):
            if "loss" in (logs or {}):
                self.losses.append(logs["loss"])

    watch = Watch()
    trainer = SFTTrainer(
        model=copy.deepcopy(loaded.model),
        processing_class=loaded.tokenizer,
        train_dataset=Dataset.from_list(
            [
                {
                    "input_ids": ids,
                    "completion_mask": [0] * n_prompt + [1] * (len(ids) - n_prompt),
                }
                for ids, n_prompt in rows
            ]
        ),
        args=SFTConfig(
            output_dir=str(folder),
            per_device_train_batch_size=BATCH_SIZE,
            max_steps=STEPS,
            learning_rate=LR,
            lr_scheduler_type="constant",
            max_length=256,
            completion_only_loss=True,
            bf16=False,
            gradient_checkpointing=checkpointing,
            train_sampling_strategy="sequential",
            logging_steps=1,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
            use_cpu=True,
        ),
        callbacks=[watch],
    )
    trainer.train()
    return watch.seconds, watch.losses


@pytest.mark.parametrize("checkpointing", [True, False], ids=["as it comes", "no recomputing"])
@pytest.mark.filterwarnings("ignore")
def test_step_against_trl(checkpointing, say, tmp_path, need_smollm2):
    pytest.importorskip("trl", reason="TRL is not installed: pip install -e '.[bench]'")
    loaded = models.load("smollm2-135m")
    ours, rows = our_steps(loaded)
    mine: list[StepDone] = []
    theirs, losses = trl_steps(
        loaded, rows, checkpointing, lambda: mine.append(next(ours)), tmp_path
    )
    ours.close()
    ours_s, theirs_s = middle([s.seconds for s in mine[1:]]), middle(theirs[1:])
    say(
        f"{'with' if checkpointing else 'without'} TRL's recomputing: a step takes us "
        f"{ours_s:.2f} s, TRL {theirs_s:.2f} s: {theirs_s / ours_s:.2f} times as fast"
    )
    say(f"  losses, ours: {[round(s.loss, 3) for s in mine]}")
    say(f"  losses, TRL:  {[round(loss, 3) for loss in losses]}")
    # The same rows and the same loss, or the comparison would mean nothing.
    assert mine[0].loss == pytest.approx(losses[0], rel=0.02)
