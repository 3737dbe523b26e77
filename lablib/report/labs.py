"""What a complete report of each lab contains, so that what is missing can be named.

A new lab: one entry here. The keys are those that the lab's widgets save under.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Expected:
    """One thing that a complete report holds."""

    key: str
    text: str  # the question or task, as a teacher reads it without the notebook


@dataclass(frozen=True)
class LabOutline:
    """The parts of one lab's report."""

    title: str
    predictions: tuple[Expected, ...]
    exercises: tuple[Expected, ...]
    answers: tuple[Expected, ...] = ()  # answered in the learner's own words
    recommends: bool = False  # True: a recommendation with its evidence belongs in the report


LABS: dict[str, LabOutline] = {
    "00": LabOutline(
        title="What does a model lose while it learns something new?",
        predictions=(
            Expected("00-survives", "Will your own question still be answered after training?"),
            Expected("00-count", "How many of those right on Monday will still be right?"),
            Expected("00-which", "Which of the six is the likeliest to be left?"),
        ),
        exercises=(Expected("kept", "Count the answers that were right and still are"),),
    ),
    "primer": LabOutline(
        title="Six ideas in ten minutes: the primer",
        predictions=(
            Expected("primer-likelihood", "Which of two right answers is the likelier?"),
            Expected("primer-perplexity", "Which of three answers has the highest perplexity?"),
            Expected("primer-step", "A step at a little more than twice the best rate"),
            Expected("primer-adam", "Adam's steps where all gradients are a hundred times larger"),
            Expected("primer-rank", "Which picture has the highest rank?"),
            Expected("primer-kl", "Is KL as far from one to the other as back?"),
        ),
        exercises=(),
    ),
    "01": LabOutline(
        title="Was this always so? The addition demo of 1989",
        predictions=(
            Expected("01-after-one", "Ones facts of 15 still right after one pass over the twos"),
            Expected("01-becomes", "What do the ones facts that go wrong turn into?"),
            Expected("01-rescue", "Which rescue keeps most ones when all twos are right?"),
            Expected("01-gentle", "Ones facts of 15 kept by the gentlest run, all twos right"),
            Expected("01-mixed", "Ones facts to mix into each pass so that 14 of 15 are kept"),
        ),
        exercises=(
            Expected("best_match", "Write the best-match measure"),
            Expected("ones_at", "Read a run at a given score on the twos"),
        ),
        answers=(
            Expected(
                "01-colleague",
                "A colleague lowers the learning rate and reports that forgetting is gone. In "
                "your own words: what do you ask to see, and why?",
            ),
        ),
    ),
    "02": LabOutline(
        title="What goes first, and is it mute or erased?",
        predictions=(
            Expected("02-order", "In which order do the six capabilities fall?"),
            Expected("02-tickets", "After tickets: is Paris still ranked first for France?"),
            Expected("02-wrong", "After wrong facts about other countries: is Paris still first?"),
            Expected("02-lr", "Retention of knowledge at a tenth of the learning rate"),
            Expected("02-mix", "What a fifth of general examples in each batch does"),
            Expected("02-recover", "Which patients that had lost their answers get them back?"),
        ),
        exercises=(
            Expected("retention", "Write retention with chance correction"),
            Expected("diagnose", "Write a test that tells mute from erased"),
            Expected("cheapest", "Find the cheapest setting that keeps both task and knowledge"),
        ),
        answers=(
            Expected(
                "02-friday",
                "In your own words: what happened to the help desk's assistant, and how would "
                "you show that to a colleague?",
            ),
        ),
    ),
    "03": LabOutline(
        title="You changed few weights; did you change little behavior?",
        predictions=(
            Expected("03-share-mini", "Share of mini that LoRA of rank 16 trains (percent)"),
            Expected("03-share-smollm2", "Share of SmolLM2 that LoRA of rank 16 trains (percent)"),
            Expected("03-rule", "Which rule of evidence is the fairest?"),
            Expected("03-verdict", "What does that rule say about LoRA on tickets?"),
            Expected("03-weights", "Which of the two moves the weights further?"),
            Expected("03-output", "Which of the two moves the output further?"),
            Expected("03-dial-task", "Score on tickets with the dial at one half"),
            Expected("03-dial-kept", "Retention of what it says with the dial at one half"),
            Expected("03-first-carried", "Tickets at the end of three tasks, one adapter"),
            Expected("03-first-per-task", "Tickets at the end of three tasks, an adapter a task"),
        ),
        exercises=(
            Expected("add_lora", "Write LoRA for one layer"),
            Expected("largest_rank", "Find the largest rank for a share of a model"),
        ),
        answers=(
            Expected(
                "03-claim",
                'A vendor writes: "our LoRA fine-tuning prevents forgetting". In your own words: '
                "what do you ask to see, and what would convince you?",
            ),
        ),
    ),
    "04": LabOutline(
        title="Where did the memory go?",
        predictions=(
            Expected("04-shares", "The four shares of memory in full fine-tuning"),
            Expected("04-lora", "What LoRA takes, in hundredths of full fine-tuning"),
            Expected(
                "04-cap", "Who survives two steps, capped at one and a half times the weights?"
            ),
            Expected("04-largest", "The largest model for a card of 24 GB"),
            Expected("04-nf4", "NF4's error, in hundredths of that of even levels"),
            Expected("04-absorbed", "What rounding to four bits does before any training"),
            Expected("04-forget", "QLoRA beside LoRA at the same task score"),
        ),
        exercises=(
            Expected("qlora_bytes", "Estimate the bytes of training with QLoRA"),
            Expected("quantize_block", "Round a block of weights to levels"),
        ),
        answers=(
            Expected(
                "04-colleague",
                "A colleague says: QLoRA fits on our card, so it also forgets less. In your own "
                "words: what is right in this, what is not, and what did you measure?",
            ),
        ),
    ),
    "05": LabOutline(
        title="Which weights carry France?",
        predictions=(
            Expected("05-stop", "Two weights: where does the best spring let the run stop?"),
            Expected("05-first", "Percent by which springs shorten the first step"),
            Expected("05-share", "Percent of the Fisher in one percent of the weights"),
            Expected("05-order", "Which choice of one percent does most harm?"),
            Expected("05-overlap", "Percent of France's weights that another capital shares"),
            Expected("05-stiff", "What do springs a hundred times stiffer do?"),
            Expected("05-helps", "Which illness do springs help?"),
            Expected("05-earns", "Does the Fisher keep more than its two controls?"),
        ),
        exercises=(
            Expected("fisher", "Write the Fisher of one weight; it passes the KL test"),
            Expected("spring", "Write the penalty of EWC and its derivative"),
        ),
        answers=(
            Expected(
                "05-colleague",
                "A colleague copies a strength from a paper that used another library, and EWC "
                "seems to do nothing. In your own words: what may be wrong, and what do you "
                "measure to find out?",
            ),
        ),
    ),
    "06": LabOutline(
        title="Which words of your training set surprise the model?",
        predictions=(
            Expected("06-replies", "Percent of the tokens of replies above the paper's threshold"),
            Expected("06-tickets", "Percent of the tokens of tickets above the paper's threshold"),
            Expected("06-stm-replies", "What does masking do on replies?"),
            Expected("06-stm-tickets", "What does masking do on tickets?"),
            Expected("06-winner", "STM or dice: which mask keeps more on replies?"),
            Expected("06-recipe", "Which recipe keeps most on replies at the same task score?"),
            Expected("06-threshold", "Percent of tickets right under the paper's threshold"),
            Expected("06-end", "What happens when the end of turn is masked too?"),
        ),
        exercises=(
            Expected("learned", "Write the mask from probabilities and a threshold"),
            Expected("masked_loss", "Write the loss over the tokens that are learned"),
            Expected("quantile", "Write the threshold that masks a given share"),
        ),
        answers=(
            Expected(
                "06-desk",
                "The help desk wants to mask surprising words in its own training set. In your "
                "own words: what do you look at in the data first, and what do you compare with?",
            ),
        ),
    ),
    "07": LabOutline(
        title="How little is enough, and what is in it? Replay and data mixing",
        predictions=(
            Expected("07-smallest", "Smallest mix ratio that keeps nine tenths of knowledge"),
            Expected("07-kit-tickets", "Cheapest kit that rescues knowledge on tickets"),
            Expected("07-kit-wrong", "Cheapest kit that rescues untouched capitals, wrong facts"),
            Expected("07-tokens", "Share of learned tokens, if a fifth of the rows is general"),
            Expected("07-buffer", "Rows of the first task left, if every new row gets in"),
        ),
        exercises=(
            Expected("realized_mix", "Count the mix that the loss really sees"),
            Expected("reservoir", "Write reservoir sampling"),
        ),
        answers=(
            Expected(
                "07-desk",
                "The help desk lets you keep very little of its old data. In your own words: which "
                "rows would you ask for, how many, and what would you measure?",
            ),
        ),
    ),
    "08": LabOutline(
        title="No old data may be kept: can the model write its own?",
        predictions=(
            Expected("08-mean", "Mean chance of heads of the coins after forty generations, T = 1"),
            Expected("08-cold", "Where most coins end at temperature 0.3"),
            Expected("08-right", "Share of the diary's checkable lines that are right"),
            Expected("08-arithmetic", "Arithmetic left if every line on arithmetic is deleted"),
            Expected("08-capitals", "Capitals left if every line on capitals is deleted"),
            Expected("08-real", "Does the diary keep less or more than real rows?"),
            Expected("08-gradient", "Length of the mean gradient over four times as many samples"),
            Expected("08-friday", "Which option keeps most at the same task score?"),
        ),
        exercises=(
            Expected("sample_token", "Draw a token at a temperature"),
            Expected("clean", "Sift a diary without breaking what must hold"),
        ),
        answers=(
            Expected(
                "08-letter",
                "Write to the help desk: what do you recommend, on what evidence, and what has "
                "nobody measured?",
            ),
        ),
        recommends=True,
    ),
}
