"""Methods by key. A new method: one file beside this one, one line in ``METHODS``."""

from lablib.methods.base import Method
from lablib.methods.full import Full

METHODS: dict[str, type[Method]] = {
    "full": Full,
}

__all__ = ["METHODS", "Method"]
