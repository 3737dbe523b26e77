"""Checks of the exercises: one file a lab, one function an exercise.

A check calls the learner's function, compares with what it should return, and answers with
a message that teaches: it names the misconception where it recognizes one, shows got against
expected, and never gives the solution away.
"""

from lablib.checks import lab_00, lab_01, lab_02, lab_03, lab_04, lab_05, lab_06, lab_07, lab_08
from lablib.checks.base import CheckResult, Exercise

EXERCISES: dict[str, dict[str, Exercise]] = {
    "00": {"kept": lab_00.KEPT},
    "01": {"best_match": lab_01.BEST_MATCH, "ones_at": lab_01.ONES_AT},
    "02": {
        "retention": lab_02.RETENTION,
        "diagnose": lab_02.DIAGNOSE,
        "cheapest": lab_02.CHEAPEST,
    },
    "03": {"add_lora": lab_03.ADD_LORA, "largest_rank": lab_03.LARGEST_RANK},
    "04": {"qlora_bytes": lab_04.QLORA_BYTES, "quantize_block": lab_04.QUANTIZE_BLOCK},
    "05": {"fisher": lab_05.FISHER, "spring": lab_05.SPRING},
    "06": {
        "learned": lab_06.LEARNED,
        "masked_loss": lab_06.MASKED_LOSS,
        "quantile": lab_06.QUANTILE,
    },
    "07": {"realized_mix": lab_07.REALIZED_MIX, "reservoir": lab_07.RESERVOIR},
    "08": {"sample_token": lab_08.SAMPLE_TOKEN, "clean": lab_08.CLEAN},
}

__all__ = ["EXERCISES", "CheckResult", "Exercise"]
