"""Solutions of the exercises of lab 00; the tests run them against the checks."""


def kept(before: list[bool], after: list[bool]) -> int:
    """Count the questions that were right before and still are."""
    return sum(was and still for was, still in zip(before, after, strict=True))
