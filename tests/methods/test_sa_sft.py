"""SA-SFT: what the base writes anchors it, and nothing unfit or asked by a probe gets in."""

from __future__ import annotations

import pytest
import torch

from lablib import experiment, models, runtime, tasks, world
from lablib.events import Finished, Progress, StepDone
from lablib.history import History
from lablib.methods.sa_sft import SASFT
from lablib.models import Rows, diary, encode_row
from lablib.models.dialogues import Dialogue, iter_dialogues
from lablib.models.encode import stop_ids
from lablib.models.sample import sample
from lablib.models.sieve import Sieve, loops, mentions, topics
from tests import tiny

QUIET = {"probes": [], "full_probes": False, "probe_early": False, "task_test_rows": 0}
PROMPTS = [row.prompt for row in tiny.Letters().rows("train")]


def sharp():
    """A tiny model with opinions: the default one finds all bytes about alike."""
    model = tiny.model()
    with torch.no_grad():
        for p in model.parameters():
            p.mul_(3)
    return model


def raw(n, **options):
    """Return encoded answers of the sharp model as they were drawn, none left out."""
    prompts = [PROMPTS[i % len(PROMPTS)] for i in range(n)]
    options = {"seed": 0, "prompts": prompts, "max_new_tokens": 10, "batch_size": 64} | options
    batches = iter_dialogues(sharp(), tiny.tokenizer(), n, **options)
    return [(list(d.ids), d.n_prompt) for batch in batches for d in batch]


def external(n):
    """Return as many answers that somebody else has written."""
    answers = ("a list of", "one, two!", "Yes it is", "No, not so", "42 and 7", "why not?")
    return [
        encode_row(tiny.tokenizer(), PROMPTS[i % len(PROMPTS)], answers[i % len(answers)], 64)
        for i in range(n)
    ]


def gradients(rows):
    """Return the gradient of each row's summed loss at the base, (rows, parameters)."""
    model, found = sharp(), []
    for row in rows:
        loss = models.token_losses(model, tiny.collate([row])).sum()
        grads = torch.autograd.grad(loss, list(model.parameters()))
        found.append(torch.cat([g.reshape(-1) for g in grads]))
    return torch.stack(found)


def surprise_over_entropy(rows):
    """Return -log p0(token) minus the entropy of p0 there, in nats, for each answer token."""
    batch = tiny.collate(rows)
    with torch.no_grad():
        logprobs = models.forward(sharp(), batch).logits.double().log_softmax(-1)
    labels = models.answer_labels(batch)
    surprise = -logprobs.gather(-1, labels.clamp(min=0)[..., None])[..., 0]
    return (surprise + (logprobs.exp() * logprobs).sum(-1))[labels != -100]


def dialogue(prompt, completion="An answer.", **fields):
    ids = tuple(range(10))
    return Dialogue(**{"prompt": prompt, "completion": completion, "ids": ids, "n_prompt": 5,
                       "asked": True, "ended": True} | fields)  # fmt: skip


def prepared(model, tokenizer, n_rows=200, general=tiny.GENERAL, seed=0, **settings):
    rows = Rows(tiny.Letters().rows("train") * (n_rows // 40), tokenizer, 128)
    method, pool = SASFT(**settings), rows.like(general)
    parts = list(method.prepare(model, tokenizer, [rows], pool, seed))
    return method, method.pool(pool, []), parts


@pytest.fixture(scope="module")
def mini():
    return models.load("mini")


def test_the_mean_gradient_of_own_samples_shrinks_with_the_root_of_their_number():
    n, groups = 8, 16
    own = gradients(raw(n * groups))
    # With mean 0 the squared norm of a mean over n has expectation S / n, and a relative
    # standard deviation of sqrt(2 / d), d = tr(C)^2 / tr(C^2) being the effective dimension.
    gram = own.double() @ own.double().T
    trace = gram.diagonal().mean()
    off = gram - gram.diagonal().diag()
    d = trace**2 / ((off**2).sum() / (len(own) * (len(own) - 1)))
    small = own.view(groups, n, -1).mean(1).pow(2).sum(-1).mean()
    large = own.mean(0).pow(2).sum()
    spread = (2 / d) ** 0.5
    assert d > 8  # else the bounds below would say nothing
    assert abs(n * small / trace - 1) < 3 * spread / groups**0.5 + 0.05
    assert abs(n * groups * large / trace - 1) < 3 * spread
    others = gradients(external(n * groups))
    small, large = others.view(groups, n, -1).mean(1).pow(2).sum(-1).mean(), others.mean(0).pow(2)
    assert (small / large.sum()).sqrt() < 1.5  # where own samples have 4
    assert n * groups * large.sum() / others.pow(2).sum(-1).mean() > 1 + 3 * spread


def test_own_samples_surprise_the_base_as_much_as_its_entropy_says():
    own, others = surprise_over_entropy(raw(128)), surprise_over_entropy(external(128))
    assert abs(own.mean()) < 3 * own.std() / len(own) ** 0.5
    assert others.mean() > 10 * others.std() / len(others) ** 0.5
    cold = surprise_over_entropy(raw(128, temperature=0.5))
    assert cold.mean() < -3 * cold.std() / len(cold) ** 0.5  # sharper than the model itself


def test_the_base_finds_its_own_dialogues_likelier_than_others_data(mini):
    rows = prepared(mini.model, mini.tokenizer, n_dialogues=60, seed=3)[1]
    nats = []
    for given in (rows, rows.like(tasks.load("diverse").rows("train")[:60])):
        batch = given.batch(range(60))
        with torch.no_grad():
            losses = models.token_losses(mini.model, batch)
        nats.append((losses.sum() / (batch.labels != -100).sum()).item())
    assert nats[0] < nats[1] / 4


def test_own_samples_estimate_divergence_plus_entropy():
    """``E[-log p] = KL(p0 || p) + H(p0)`` over all 67,600 answers of two tokens."""
    base, moved = sharp(), sharp()
    with torch.no_grad():
        for i, p in enumerate(moved.parameters()):
            p.add_(0.03 * torch.randn(p.shape, generator=torch.Generator().manual_seed(i)))
    beginning = models.encode_prompt(tiny.tokenizer(), "Hi")

    def logprobs(model):
        ids = torch.tensor([[*beginning, token] for token in range(260)])
        with torch.no_grad():
            logits = model(input_ids=ids).logits.double().log_softmax(-1)
        return logits[0, -2][:, None] + logits[:, -1]  # (first token, second token)

    p0, p = logprobs(base), logprobs(moved)
    divergence, entropy = (p0.exp() * (p0 - p)).sum(), -(p0.exp() * p0).sum()
    assert divergence > 0.05
    texts = sample(base, tiny.tokenizer(), [beginning] * 1500, ends=(), seed=1, max_new_tokens=2,
                   batch_size=250)  # fmt: skip
    first, second = torch.tensor([text.ids for text in texts]).T
    losses = -p[first, second]
    error = losses.std() / len(losses) ** 0.5
    assert abs(losses.mean() - (divergence + entropy)) < 3 * error
    assert abs(losses.mean() - entropy) > 3 * error  # the divergence is seen


@pytest.mark.parametrize(
    ("unfit", "reason"),
    [
        (dialogue("Tell me.", asked=False), "not terminated"),
        (dialogue(""), "empty"),
        (dialogue("Tell me.", " . "), "empty"),
        (dialogue("Tell me.", ids=tuple(range(200))), "too long"),
        (dialogue("Tell me.", "so it goes on and so it goes on and so it goes on"), "looping"),
        (dialogue("Tell me.", "no no no no no"), "looping"),
        (dialogue("Hello. What is the capital of France?"), "asked by a probe"),
    ],
)
def test_what_is_unfit_is_dropped_for_its_reason(unfit, reason):
    sieve = Sieve(100, world.probe_prompts())
    assert not sieve.passes(unfit)
    assert sieve.dropped == {reason: 1}


def test_a_dialogue_passes_once():
    sieve = Sieve(100, ())
    long = "Please explain to me in a few words how a small boat crosses the wide sea at night"
    assert sieve.passes(dialogue(long)) and sieve.passes(dialogue("What is 3 + 4?", "7"))
    assert not sieve.passes(dialogue("what is 3+4", "7"))
    assert not sieve.passes(dialogue(long + " please"))
    assert sieve.passes(dialogue("What is 3 + 5?", "8"))
    assert sieve.dropped == {"near duplicate": 2}


def test_a_plain_text_needs_no_question():
    assert Sieve(100, ()).passes(dialogue("", "Paris lies in France.", n_prompt=1))


def test_loops_are_told_from_lists():
    assert loops("a b c d e a b c d e a b c d") and loops("x x x x")
    assert not loops("a b c d e f g h a b c d") and not loops("x x x y") and not loops("")


def test_topics_are_counted_by_keyword():
    asked = ["Write a poem.", "What is 3 + 4?", "Is it so?", "Write a story.", "Sort the list: a"]
    found = topics(map(dialogue, asked))
    assert found == {"writing": 2, "numbers": 1, "words and lists": 1, "other": 1}


def test_mini_writes_questions_of_its_own_and_none_of_a_probe(mini):
    method, pool, parts = prepared(mini.model, mini.tokenizer, n_dialogues=60)
    report = method.report_
    assert len(pool) == 60 and report["kept"] == {"own": 60, "given": 0}
    assert report["written"] <= 128 and sum(report["topics"].values()) == 60
    asked = world.probe_prompts()
    assert not any(world.holds(row.prompt, asked) for row in pool.rows)
    assert len({row.prompt for row in pool.rows}) == 60
    assert all(isinstance(part, Progress) for part in parts) and parts[-1].done == 60
    batch = pool.batch(range(60))
    assert report["answer_tokens"] == int((batch.labels != -100).sum())
    end = mini.tokenizer.eos_token_id
    assert all(pool.encoded(i)[0][-1] == end for i in range(60))


def test_a_subject_is_left_out_of_what_was_written_once(mini, tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    whole, pool, _ = prepared(mini.model, mini.tokenizer, n_dialogues=60)
    thinned, rest, parts = prepared(
        mini.model, mini.tokenizer, n_dialogues=60, leave_out="arithmetic"
    )
    assert not parts  # the same diary, read from the cache
    assert 0 < len(rest) < 60 and thinned.report_["left_out"] == 60 - len(rest)
    assert whole.report_["left_out"] == 0
    assert set(rest.rows) < set(pool.rows)
    assert not any(char.isdigit() for row in rest.rows for char in row.prompt + row.completion)


@pytest.mark.parametrize(
    ("text", "subject", "found"),
    [
        ("What is 3 + 4?", "arithmetic", True),
        ("How many words are here?", "arithmetic", True),
        ("Spell address.", "arithmetic", False),
        ("Name Peru's capital.", "capitals", True),
        ("Where is Peru?", "capitals", False),
    ],
)
def test_a_line_mentions_a_subject(text, subject, found):
    assert mentions(dialogue(text), subject) == found


def test_given_questions_are_answered_by_the_base(mini):
    general = world.general_rows(n=200)
    method, pool, _ = prepared(
        mini.model, mini.tokenizer, general=general, n_dialogues=30, prompts="given"
    )
    assert len(pool) == 30 and method.report_["kept"] == {"own": 0, "given": 30}
    assert {row.prompt for row in pool.rows} <= {row.prompt for row in general}


def test_an_answer_that_is_cut_off_is_learned_as_far_as_it_goes(mini):
    method, pool, _ = prepared(
        mini.model, mini.tokenizer, general=world.general_rows(n=200), n_dialogues=30,
        prompts="given", max_new_tokens=4,
    )  # fmt: skip
    cut = sum(not d.ended for d in method.dialogues_)
    assert method.report_["cut_off"] == cut and 0 < cut < 30
    for i, d in enumerate(method.dialogues_):
        ids, n_prompt = pool.encoded(i)
        assert (ids[-1] in stop_ids(mini.model, mini.tokenizer)) == d.ended
        assert len(ids) - n_prompt == 4 or d.ended  # all of its tokens, and no end


def test_no_more_is_written_than_the_run_has_rows(mini):
    _, pool, _ = prepared(mini.model, mini.tokenizer, n_rows=40)
    assert len(pool) == 40


def test_a_base_that_writes_nothing_fit_is_an_error_in_words(monkeypatch):
    monkeypatch.setattr(Sieve, "_reason", lambda self, dialogue: "not terminated")
    with pytest.raises(ValueError, match=r"none can be used .*not terminated.*set sa_sft.prompts"):
        prepared(tiny.model(), tiny.tokenizer(), prompts="own", max_new_tokens=4)


def test_dialogues_are_written_once_and_read_from_then_on(mini, tmp_path, monkeypatch):
    monkeypatch.setenv("LETHE_HOME", str(tmp_path))
    settings = {"n_dialogues": 8, "max_new_tokens": 32}
    first, pool, _ = prepared(mini.model, mini.tokenizer, **settings)
    (file,) = (tmp_path / "cache").glob("dialogues-*.json")
    again, same, parts = prepared(mini.model, mini.tokenizer, **settings)
    assert again.report_ == first.report_ and not parts
    assert [same.encoded(i) for i in range(8)] == [pool.encoded(i) for i in range(8)]
    prepared(mini.model, mini.tokenizer, **settings, seed=1)
    assert len(list((tmp_path / "cache").glob("dialogues-*.json"))) == 2
    file.write_text("{")  # half a file is no file
    _, third, parts = prepared(mini.model, mini.tokenizer, **settings)
    assert parts and list(third.rows) == list(pool.rows)


def test_other_weights_write_other_dialogues(mini):
    name = diary.fingerprint(mini.model, mini.tokenizer, [])
    weight = next(mini.model.parameters())
    with torch.no_grad():
        weight[0, 0] += 1e-3
        other = diary.fingerprint(mini.model, mini.tokenizer, [])
        weight[0, 0] -= 1e-3
    assert name != other


def test_without_a_home_the_dialogues_are_written_all_the_same(mini, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("LETHE_HOME", str(tmp_path / "file"))
    with pytest.raises(OSError):
        runtime.home_folder()
    assert len(prepared(mini.model, mini.tokenizer, n_dialogues=5)[1]) == 5


def test_stop_acts_while_dialogues_are_written():
    run = tiny.run(method="sa_sft", seed=77, **QUIET)
    for event in run:
        if isinstance(event, Progress) and event.what.startswith("writing"):
            run.controls.stop()
    assert isinstance(event, Finished) and event.reason == "stopped" and run.step == 0


def test_a_model_that_learns_from_its_own_dialogues_only_stays_what_it_is(mini):
    run = experiment.build(
        mini, "tickets", "sa_sft", mix_ratio=1.0, max_steps=20, seed=0, watch=(),
        probe_names=["knowledge", "instruction"], probe_every=100, task_test_rows=0,
    )  # fmt: skip
    history = History.of(run)
    for name in ("knowledge", "instruction"):
        assert history.final_retention(name, "says") > 0.95


def test_the_ratio_is_that_of_own_dialogues(mini):
    run = tiny.run(method="sa_sft", mix_ratio=1.0, max_steps=2, **QUIET)
    steps = [event for event in run if isinstance(event, StepDone)]
    assert all(step.n_general == step.n_rows for step in steps)
    assert set(run.pool.rows).isdisjoint(tiny.GENERAL)


@pytest.mark.smollm2
@pytest.mark.slow
@pytest.mark.timeout(1800)  # a real model writes on two cores
def test_smollm2_talks_to_itself():
    loaded = models.load("smollm2-135m")
    method, pool, _ = prepared(loaded.model, loaded.tokenizer, n_dialogues=8, general=())
    assert len(pool) == 8
    assert method.report_["kept"]["own"] == 8
    own = pool.batch(range(8))
    with torch.no_grad():
        losses = models.token_losses(loaded.model, own)
    assert losses.sum() / (own.labels != -100).sum() < 3
