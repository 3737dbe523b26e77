"""Lab 06: how much each token of real training rows surprises the base, and words to cross out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lablib import atomic, experiment, tasks
from lablib.events import Progress
from lablib.methods import METHODS
from lablib.methods.stm import STM, ScoredToken
from lablib.models import LoadedModel, Rows
from lablib.runtime import data_folder, machine, versions
from lablib.tasks.base import MAX_LENGTH

TASKS = ("replies", "tickets")  # prose, and one rigid line
TAU = STM().threshold  # of the paper: more surprising tokens are masked
BUDGET = STM().share  # of a task's answer tokens that may be masked by quantile, or by hand
N_READ = 96  # training rows that are read: enough for shares, a second for mini
REAL = "smollm2-135m"  # whose stored reading stands beside that of mini


@dataclass(frozen=True)
class ReadRow:
    """One training row as the base reads it; the last token is the end of turn."""

    prompt: str
    texts: tuple[str, ...]
    perplexities: tuple[float, ...]  # 1 / p0(token | what stands before it), at least 1


@dataclass(frozen=True)
class Reading:
    """Training rows of one task as one base reads them."""

    model: str
    task: str
    rows: tuple[ReadRow, ...]

    def __len__(self) -> int:
        return len(self.rows)

    def tokens(self, i: int, tau: float = TAU) -> list[ScoredToken]:
        """Return the answer tokens of row ``i``, masked by a threshold; the end never is."""
        row = self.rows[i]
        last = len(row.texts) - 1
        return [
            ScoredToken(text, perplexity, at < last and perplexity > tau)
            for at, (text, perplexity) in enumerate(zip(row.texts, row.perplexities, strict=True))
        ]

    def perplexities(self) -> list[float]:
        """Return the perplexities of all answer tokens, ends of turn included."""
        return [p for row in self.rows for p in row.perplexities]

    def masked_share(self, tau: float = TAU) -> float:
        """Return the share of all answer tokens that a threshold masks; no end of turn."""
        n = sum(p > tau for row in self.rows for p in row.perplexities[:-1])
        return n / len(self.perplexities())

    def share_above(self, tau: float = TAU) -> float:
        """Return the share of all answer tokens, ends included, above a perplexity."""
        found = self.perplexities()
        return sum(p > tau for p in found) / len(found)

    def shares_below(self, at: Sequence[float]) -> list[float]:
        """Return, for each probability, the share of tokens that the base gave less."""
        found = self.perplexities()
        return [sum(1 / p < x for p in found) / len(found) for x in at]

    def ends_above(self, tau: float = TAU) -> float:
        """Return in which share of the rows the end of turn lies above a perplexity."""
        return sum(row.perplexities[-1] > tau for row in self.rows) / len(self.rows)


def read(loaded: LoadedModel, task: str, n: int = N_READ) -> Generator[Progress, None, Reading]:
    """Let the base read the first ``n`` training rows of a task.

    Parameters
    ----------
    loaded : LoadedModel
        The base; left as it is.
    task : str
        Key of ``TASKS``.
    n : int
        How many rows.
    """
    method = STM(rule="threshold")
    given = experiment.defaults(loaded.n_parameters, method, task)
    rows = Rows(tasks.load(task).rows("train")[:n], loaded.tokenizer, given.max_length)
    yield from method.prepare(loaded.model, loaded.tokenizer, [rows], rows.like(()), seed=0)
    found = []
    for i, row in enumerate(rows.rows):
        ids, n_prompt = rows.encoded(i)
        texts = pieces(loaded.tokenizer, ids[n_prompt:])
        found.append(ReadRow(row.prompt, tuple(texts), tuple(method.perplexities_[0][i].tolist())))
    return Reading(loaded.name, task, tuple(found))


def path_of(model: str) -> Path:
    """Return the file of the stored readings of a model."""
    return data_folder() / "results" / "readings" / f"{model}.json"


def save(model: str, readings: Mapping[str, Reading], command: str, digest: str) -> Path:
    """Write the readings of a model, by task; the file appears whole or not at all."""
    content = {
        "command": command,
        "digest": digest,
        "versions": versions(),
        "machine": machine(),
        "readings": {
            task: [
                [row.prompt, row.texts, [float(f"{p:.4g}") for p in row.perplexities]]
                for row in reading.rows
            ]
            for task, reading in readings.items()
        },
    }
    path = path_of(model)
    text = json.dumps(content, separators=(",", ":")) + "\n"
    atomic.write_text(path, text)
    return path


def stored(model: str) -> dict[str, Reading]:
    """Return the stored readings of a model by task; empty if there are none."""
    try:
        content = json.loads(path_of(model).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return {
        task: Reading(model, task, tuple(ReadRow(p, tuple(t), tuple(x)) for p, t, x in rows))
        for task, rows in content["readings"].items()
    }


def pieces(tokenizer, ids: Sequence[int]) -> list[str]:
    """Return the text of each token, with the space that stands before a word."""
    made = []
    for i, name in zip(ids, tokenizer.convert_ids_to_tokens(list(ids)), strict=True):
        text = tokenizer.decode([i])
        # SentencePiece marks the space in the token's name only.
        made.append(f" {text}" if str(name).startswith("▁") and text[:1] != " " else text)
    return made


def words(texts: Sequence[str]) -> list[tuple[str, range]]:
    """Return the words that tokens make up, each with the places of its tokens.

    A word ends where a space or another kind of character begins; signs are words too.
    """
    found: list[tuple[str, range]] = []
    for i, text in enumerate(texts):
        before = texts[i - 1] if i else " "
        goes_on = bool(text) and not text[0].isspace() and before[-1:].strip() != ""
        alike = goes_on and text[0].isalnum() == before[-1].isalnum()
        if found and (alike or not found[-1][0]):  # a lone space belongs to what follows
            found[-1] = (found[-1][0] + text.strip(), range(found[-1][1].start, i + 1))
        else:
            found.append((text.strip(), range(i, i + 1)))
    return found


@dataclass(frozen=True)
class Vocabulary:
    """The words of a task's answers, by how many of all answer tokens they take.

    Attributes
    ----------
    tokens : dict of str to int
        Answer tokens that a word has in all training rows of a run.
    total : int
        All answer tokens, ends of turn included, as selective masking counts them.
    """

    tokens: dict[str, int]
    total: int

    def share(self, crossed: Iterable[str]) -> float:
        """Return the share of all answer tokens that these words have."""
        return sum(self.tokens.get(word, 0) for word in set(crossed)) / self.total


def vocabulary(loaded: LoadedModel, task: str) -> Vocabulary:
    """Return the words of the answers that a default run of a task trains on."""
    given = experiment.defaults(loaded.n_parameters, METHODS["full"](), task)
    rows = tasks.load(task).rows("train")[: given.train_rows]
    counts = Counter(row.completion for row in rows)  # a few dozen answers in thousands of rows
    examples = list({row.completion: row for row in rows}.values())
    encoded = Rows(examples, loaded.tokenizer, given.max_length)
    tokens: Counter[str] = Counter()
    total = 0
    for i, row in enumerate(examples):
        ids, n_prompt = encoded.encoded(i)
        often = counts[row.completion]
        total += often * (len(ids) - n_prompt)
        for word, places in words(pieces(loaded.tokenizer, ids[n_prompt:-1])):
            tokens[word] += often * len(places)
    return Vocabulary(dict(tokens), total)


def answer_words(loaded: LoadedModel, task: str, i: int) -> tuple[str, list[str]]:
    """Return the prompt of training row ``i``, and the words of its answer in order."""
    row = tasks.load(task).rows("train")[i]
    one = Rows([row], loaded.tokenizer, MAX_LENGTH)
    ids, n_prompt = one.encoded(0)
    return row.prompt, [word for word, _ in words(pieces(loaded.tokenizer, ids[n_prompt:-1]))]
