"""Arguments and help of ``python -m lablib``.

Only the standard library is imported here: ``--help`` answers at once, PyTorch is loaded when
there is work for it.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence

from lablib import __version__

MISTAKE = 2  # exit status for anything the user can put right

RUN_EXAMPLES = """\
examples:
  python -m lablib run
      mini learns support tickets by full fine-tuning; twenty seconds on two cores
  python -m lablib run --mix 0.2 --seed 1 --json mixed.json
      the same with a fifth of every batch from the general pool, kept as JSON
  python -m lablib run --method stm+replay --general ./my-chats.jsonl --mix-unit tokens
      two methods together; rehearsed examples of your own, a fifth of the learned tokens
  python -m lablib run --model smollm2-135m --lr 1e-4 --max-steps 20
      a real language model; about two minutes on two cores
  python -m lablib run --model ./my-model --task ./my-rows.jsonl --epochs 3 --save ./tuned
      your own model and data
  python -m lablib run --task tickets --task wrong_facts
      one task after the other

your own rows:
  .jsonl, .json, .csv (parted by , ; or tab), .tsv or .parquet, also packed as .gz. Columns:
  prompt/completion, prompt/response, prompt/answer, question/answer, instruction/output (with
  input), messages or conversations of one exchange; system beside any of them.

defaults by model:
                    lr (full)  batch  rows  steps  probe every
  mini                   8e-4     16  3200    200     25 steps
  real LLMs              5e-5      4   160     40     20 steps
  (both also after steps 2, 5 and 10 of each task)

Ctrl-C ends the run after the current step and keeps what was measured (with --checkpoint also
what is needed to go on); press it twice to end at once. Exit status: 0 done, 1 the run failed,
2 a mistake in the arguments, 130 interrupted.
"""


COMPARE_EXAMPLES = """\
arms:
  full      lower target: full fine-tuning, always run
  joint     upper target: as many general rows beside the task rows, always run
  low_lr    a fifth of full's rate for twice the epochs, ended when less than 0.9 of
            knowledge is kept
  stm_random, stm_threshold
            controls of stm: as many words drawn at random, and the paper's fixed threshold
  stm_replay
            masking, and one general row in twenty
  any method of 'python -m lablib methods', with its default settings; several joined by +

examples:
  python -m lablib compare --methods full,low_lr --seeds 2
      two arms and the upper target on mini; about two minutes on two cores
  python -m lablib compare --task wrong_facts --methods full,replay,lora+replay --seeds 5 \\
      --json out.json --html out.html
      figures as JSON, pictures and tables as one page
  python -m lablib compare --methods replay,lora+replay --general ./my-chats.jsonl --mix 0.1
      rehearsal of your own examples, a tenth of every batch
  python -m lablib compare --methods lora --set lora.rank=4 --grid --match 0.8
      other learning rates and ranks too, compared at task score 0.8
  python -m lablib compare --model smollm2-135m --methods replay --seeds 2 --quick \\
      --probe-every 5 --workers 1 --threads 2
      a real language model: some minutes a run

what is compared:
  Every arm is run with the same seeds, rows and steps. It is placed at the end of its runs
  (gain: new-task score minus the base's; kept: mean retention, cut off at 1, of the
  capabilities that have something to lose) and at a matched task score: what each run had kept
  when it first reached that score. Intervals are bootstrap intervals over seeds; differences
  are to full, seed by seed.

A finished run is a file in --folder. Whoever is interrupted or killed gives the same command
again: what is finished is not repeated. Ctrl-C lets the runs under way end, a second one does
not. Exit status: 0 done, 1 a run failed, 2 a mistake in the arguments, 130 interrupted.
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="python -m lablib",
        description="Watch a language model forget while it is fine-tuned.",
        epilog="'python -m lablib run --help' explains a run and gives examples.",
    )
    top.add_argument("--version", action="version", version=f"lablib {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="command")
    _add_run(commands)
    _add_compare(commands)
    for name, what in (
        ("models", "models that load by a short name"),
        ("tasks", "tasks that a model can be fine-tuned on"),
        ("probes", "capabilities that are measured"),
        ("methods", "ways of fine-tuning"),
    ):
        commands.add_parser(name, help=f"list the {what}, one a line", description=f"The {what}.")
    return top


def _add_run(commands) -> None:
    run = commands.add_parser(
        "run",
        help="fine-tune a model and measure what it forgets",
        description="Fine-tune a model on a task and measure what it forgets. The base model "
        "is never changed; nothing is written unless --json or --save is given.",
        epilog=RUN_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = run.add_argument_group("what to run")
    what.add_argument(
        "--model",
        default="mini",
        metavar="NAME",
        help="mini, smollm2-135m, a folder or a hub id"
        " of a causal language model in safetensors [mini]",
    )
    what.add_argument(
        "--task",
        action="append",
        metavar="NAME",
        help="a task, a file of rows (below), or a"
        " hub id; give it several times to learn several in turn [tickets]",
    )
    what.add_argument(
        "--drop-bad-rows",
        action="store_true",
        help="leave out rows of a file that cannot be used, instead of refusing the file",
    )
    what.add_argument("--method", default="full", metavar="NAME", help="a method [full]")
    _add_settings(what, "a setting of the method")
    what.add_argument("--seed", type=int, default=0, metavar="N", help="seed of the run [0]")
    what.add_argument("--name", default="", help="a name for the run")

    how = run.add_argument_group("how to train")
    how.add_argument("--lr", metavar="X", help="learning rate, above 0 up to 1 [by model, below]")
    _add_length(how)
    how.add_argument(
        "--mix", metavar="X", help="share of general examples in training, 0 to 1 [by method]"
    )
    how.add_argument(
        "--mix-unit",
        choices=("examples", "tokens"),
        help="what that share counts: examples, or answer tokens [examples]",
    )
    how.add_argument(
        "--mix-budget",
        choices=("substitutive", "additive"),
        help="general examples take the place of task examples, or come on top [substitutive]",
    )
    how.add_argument(
        "--general",
        default="default",
        metavar="NAME",
        help="where general examples come from: world, a task, a file of rows, or a hub id"
        " [by model: its own world for mini, the task diverse for others]",
    )
    how.add_argument(
        "--micro-batch-size",
        type=int,
        metavar="N",
        help="rows of one pass through the model; fewer than --batch-size need less memory and"
        " give the same gradient [--batch-size]",
    )
    how.add_argument("--max-seconds", type=float, metavar="S", help="end after so many seconds")
    how.add_argument("--weight-decay", type=float, metavar="X", help="decay of the weights [0]")
    how.add_argument("--clip", type=float, metavar="X", help="largest norm of the gradient [1]")
    how.add_argument(
        "--early-stop",
        metavar="RULE",
        help="end, and go back to the best weights, when less"
        " than this share of knowledge is kept (0.9), or when the validation loss no longer falls"
        " ('validation')",
    )
    how.add_argument(
        "--patience", type=int, default=1, metavar="N", help="bad probe points that end it [1]"
    )

    measure = run.add_argument_group("what to measure")
    _add_measuring(measure)
    measure.add_argument(
        "--no-probe-early",
        dest="probe_early",
        action="store_false",
        help="no points after steps 2, 5 and 10 of a task",
    )

    out = run.add_argument_group("what to keep")
    out.add_argument("--json", metavar="FILE", help="write everything measured to FILE")
    out.add_argument(
        "--save", metavar="DIR", help="save the fine-tuned model in DIR, for --model DIR"
    )
    out.add_argument(
        "--merge",
        action="store_true",
        help="with --save: a whole model, adapters merged in, rather than the adapters alone",
    )
    out.add_argument(
        "--checkpoint",
        metavar="DIR",
        help="save the run in DIR after each point; the same command goes on from there",
    )
    out.add_argument("--quiet", action="store_true", help="no progress bar")


def _add_settings(group, what: str) -> None:
    group.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="METHOD.FIELD=VALUE",
        dest="settings",
        help=f"{what}; may be given several times",
    )


def _add_length(group) -> None:
    group.add_argument("--epochs", metavar="X", help="passes over the rows, above 0 [1]")
    group.add_argument("--batch-size", type=int, metavar="N", help="rows a step [by model]")
    group.add_argument("--train-rows", type=int, metavar="N", help="rows used [by model]")
    group.add_argument("--max-steps", type=int, metavar="N", help="end after so many steps")
    group.add_argument("--max-length", type=int, metavar="N", help="longest row, in tokens")


def _add_measuring(group) -> None:
    group.add_argument(
        "--probe", action="append", metavar="NAME", help="a probe; may be given several times [all]"
    )
    group.add_argument("--probe-every", type=int, metavar="N", help="steps between probe points")
    group.add_argument(
        "--quick", action="store_true", help="quick item sets also at the base and at the end"
    )


def _add_compare(commands) -> None:
    compare = commands.add_parser(
        "compare",
        help="compare methods fairly: over seeds, at matched task score, with their price",
        description="Run several methods with several seeds, in parallel, and compare what they "
        "learn, what they keep and what they cost.",
        epilog=COMPARE_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    what = compare.add_argument_group("what to compare")
    what.add_argument("--model", default="mini", metavar="NAME", help="as for run [mini]")
    what.add_argument("--task", action="append", metavar="NAME", help="as for run, one [tickets]")
    what.add_argument(
        "--methods", default="full", metavar="A,B,…", help="arms, parted by commas [full]"
    )
    what.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 0 to N-1 [5]")
    what.add_argument(
        "--grid", action="store_true", help="also other learning rates, and ranks of LoRA"
    )
    _add_settings(what, "a setting of a method, in all arms that have it and do not fix it")
    what.add_argument(
        "--match",
        type=float,
        metavar="X",
        help="task score at which arms are matched [0.9 of what full reaches]",
    )

    how = compare.add_argument_group("how trained, and how often measured (of every run)")
    how.add_argument(
        "--lr",
        metavar="X",
        help="learning rate of all arms, in the place of each arm's own, adapters included;"
        " low_lr takes a fifth of it, --grid keeps its rates [by arm and model]",
    )
    how.add_argument(
        "--mix",
        metavar="X",
        help="mix ratio of the arms whose method mixes (replay, sa_sft, stm_replay), in the place"
        " of their own; joint keeps its own [by arm]",
    )
    how.add_argument(
        "--general",
        default="default",
        metavar="NAME",
        help="where general examples of all arms come from, joint included; as for run [by model]",
    )
    _add_length(how)
    _add_measuring(how)
    how.add_argument("--test-rows", type=int, metavar="N", help="test rows at a probe point")

    where = compare.add_argument_group("where to run")
    where.add_argument(
        "--workers", type=int, metavar="N", help="processes here [one a CPU core, less --threads]"
    )
    where.add_argument(
        "--threads", type=int, default=1, metavar="N", help="CPU threads of each run [1]"
    )
    where.add_argument(
        "--cluster",
        metavar="ADDRESS",
        help="run on the Dask cluster with this scheduler (tcp://host:8786), whose workers have"
        " lablib; needs the extra [cluster]",
    )
    where.add_argument(
        "--folder", metavar="DIR", help="where finished runs are kept [in your Lethe folder]"
    )

    out = compare.add_argument_group("what to keep")
    out.add_argument("--json", metavar="FILE", help="write all figures and runs to FILE")
    out.add_argument("--html", metavar="FILE", help="write pictures and tables to FILE")
    out.add_argument("--quiet", action="store_true", help="no progress bar")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    args = parser().parse_args(given)
    args.line = shlex.join(["python", "-m", "lablib", *given])
    try:
        if args.command == "run":
            from lablib.cli.run import run

            return run(args)
        if args.command == "compare":
            from lablib.cli.compare import compare

            return compare(args)
        from lablib.cli.listing import lines

        print("\n".join(lines(args.command)))
        return 0
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    except (ValueError, OSError, ImportError) as error:
        print(f"lablib: {sentence(error)}", file=sys.stderr)
        return MISTAKE


def sentence(error: BaseException) -> str:
    """Return an error as one line, as it was raised."""
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__
