"""The small world that the model ``mini`` was taught: its facts, skills and manners.

One file a skill: ``facts``, ``arithmetic``, ``instructions``, ``formats``, ``safety`` and
``language``, each with a seeded generator ``text(rng)`` and the rule for what it keeps back
for the probes. ``tokenizer`` and ``pretrain`` make ``mini`` of it, ``items`` the probes.
"""

from lablib.world.asked import holds, plain, probe_prompts
from lablib.world.corpus import general_rows, texts
from lablib.world.text import Text

__all__ = ["Text", "general_rows", "holds", "plain", "probe_prompts", "texts"]
