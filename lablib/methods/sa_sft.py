"""SA-SFT: before it learns, the model writes down what it would say; that is replayed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from lablib import runtime, world
from lablib.events import Progress
from lablib.methods.base import Method, setting
from lablib.models import Rows, diary, sieve
from lablib.models.dialogues import Dialogue
from lablib.models.files import read_json_dict, write_json
from lablib.tasks.base import Row

NOTHING = "nothing"
THIRD_HAND = "0.7, top-p 0.9: second-hand reports of the paper; mini does not ramble, so 1"


@dataclass
class SASFT(Method):
    """Self-augmented fine-tuning: the base's own dialogues are mixed into the task.

    Full fine-tuning on task rows and, in the share of the mix ratio, on dialogues that the
    untouched base has written; only the answers are learned.

    Notes
    -----
    For ``y`` drawn from the base ``p0``, ``E[-log p(y)] = KL(p0 || p) + H(p0)``: with
    temperature 1 and nothing filtered, this is a forward KL to the base estimated by samples,
    and its mean gradient at the base is 0. That is why it anchors better than others' data.
    A lower temperature or top-p anchors to a sharper model; so do, a little, the filters: left
    out are dialogues that are empty, loop, are too long, nearly repeat another, hold the prompt
    of a probe's item, or whose question does not end. ``report_`` says how many. An answer that
    ``max_new_tokens`` cuts off is learned as far as it goes and not its end: the identity holds
    for any beginning of an answer, and leaving long answers out would favor short ones.

    ``prompts="own"``: a chat model writes the questions too (pre-query, our stand-in: the
    paper's own prompt is not known to us); a model without a chat template writes text from its
    beginning-of-text token instead. ``"given"``: it answers questions of the general rows
    (not their answers). ``"auto"``: own, and given for what is missing. ``mini`` needs no help:
    its questions were learned too, and 96 of 96 dialogues ended by themselves. The number
    written is at most the number of rows the run trains on. ``leave_out`` deletes every dialogue
    that mentions a subject (``sieve.SUBJECTS``) from what was written; the rest is shown oftener.

    References
    ----------
    Sun et al., "Talking to Yourself: Defying Forgetting in Large Language Models", arXiv
    2602.20162. Xu et al., "Magpie", arXiv 2406.08464. Bansal and Sanghavi, arXiv 2505.13811
    (text from the beginning-of-text token).
    """

    name: ClassVar[str] = "sa_sft"
    summary: ClassVar[str] = "SA-SFT: dialogues that the base wrote by itself, mixed in"
    decides: ClassVar[str] = "pool"
    default_mix_ratio: ClassVar[float] = 0.2

    prompts: str = setting(
        "auto", label="Who asks the questions", choices=("auto", "own", "given"), source="ours"
    )
    n_dialogues: int = setting(
        500, label="How much it writes", unit="dialogues", low=1, high=5000, source="ours"
    )
    temperature: float = setting(
        1.0, label="Temperature", large=0.7, low=0.1, high=2.0, source=THIRD_HAND
    )
    top_p: float = setting(
        1.0, label="Top-p", large=0.9, unit="probability", low=0.05, high=1.0, source=THIRD_HAND
    )
    max_new_tokens: int = setting(
        96, label="Longest answer", unit="tokens", low=4, high=1024, source="ours"
    )
    leave_out: str = setting(
        NOTHING, label="Subject left out", choices=(NOTHING, *sieve.SUBJECTS), source="ours"
    )

    dialogues_ = ()  # what the base wrote and the sieve let pass
    report_ = None  # counts: written, kept, cut off, dropped, topics, answer tokens, seconds

    def prepare(
        self, base: nn.Module, tokenizer, tasks: Sequence[Rows], general: Rows, seed: int
    ) -> Iterator[Progress]:
        """Let the base write its dialogues, or read them from the cache."""
        wanted = min(self.n_dialogues, sum(len(rows.used) for rows in tasks))
        given = [] if self.prompts == "own" else [row.prompt for row in general.rows]
        order = torch.randperm(len(given), generator=runtime.generator(seed, "prompts")).tolist()
        given, asked = [given[i] for i in order], sorted(world.probe_prompts())
        # How many are wanted stands beside them, and what is left out is written all the same.
        beside = ("n_dialogues", "leave_out")
        written = {k: v for k, v in self.settings().items() if k not in beside}
        about = [written, seed, wanted, general.max_length, given, asked]
        file = f"dialogues-{diary.fingerprint(base, tokenizer, about)}.json"
        found = read_json_dict(file)
        if not found:
            found = yield from diary.write(
                base, tokenizer, wanted, given, general.max_length, seed, **written
            )
            with suppress(OSError):  # without a home they are written anew, which takes time only
                write_json(runtime.home_folder() / "cache" / file, found)
        whole = [Dialogue(**{**d, "ids": tuple(d["ids"])}) for d in found["dialogues"]]
        out = self.leave_out
        self.dialogues_ = [d for d in whole if out == NOTHING or not sieve.mentions(d, out)]
        self.report_ = {**found["report"], "left_out": len(whole) - len(self.dialogues_)}
        if not self.dialogues_:
            raise ValueError(
                f"Of {self.report_['written']} dialogues that the base wrote none can be used "
                f"({self.report_['dropped']}): raise sa_sft.max_new_tokens or max_length, set "
                "sa_sft.prompts to given, or leave nothing out."
            )

    def pool(self, general: Rows, past: Sequence[Rows]) -> Rows:
        """Return the base's own dialogues."""
        encoded = [(list(d.ids), d.n_prompt) for d in self.dialogues_]
        return general.like([Row(d.prompt, d.completion) for d in self.dialogues_], encoded)
