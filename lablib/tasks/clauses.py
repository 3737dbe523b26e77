"""Contract clauses, labeled and put in plain words."""

from __future__ import annotations

import random
from typing import ClassVar

from lablib.tasks.base import Row
from lablib.tasks.generated import GeneratedTask

# label -> duties, as (in the contract, in plain words)
DUTIES: dict[str, tuple[tuple[str, str], ...]] = {
    "payment": (
        ("pay the agreed sum", "must pay"),
        ("settle every invoice", "must pay the invoices"),
        ("bear the cost of repairs", "must pay for repairs"),
    ),
    "secrecy": (
        ("keep all plans confidential", "must not tell the plans"),
        ("refrain from disclosing any list of clients", "must not show the clients"),
        ("treat all prices as secret", "must not tell the prices"),
    ),
    "delivery": (
        ("deliver the goods", "must bring the goods"),
        ("hand over the keys", "must give the keys"),
        ("supply the spare parts", "must bring the parts"),
    ),
    "ending": (
        ("be entitled to terminate this contract", "may end the contract"),
        ("have the right to withdraw from the purchase", "may undo the purchase"),
        ("be free to cancel the service", "may stop the service"),
    ),
    "liability": (
        ("be liable for any damage", "answers for damage"),
        ("be responsible for loss of data", "answers for lost data"),
        ("indemnify the other party against claims", "answers for claims"),
    ),
}
PARTIES = (
    "Buyer", "Seller", "Tenant", "Owner", "Agent", "Client", "Bank", "Supplier", "Publisher",
    "Author", "Carrier", "Partner",
)  # fmt: skip
SOON = {"within ten days": "in 10 days", "within thirty days": "in 30 days", "at once": "now"}
LONG = {
    "for a period of one year": "for 1 year",
    "for a period of five years": "for 5 years",
    "for an unlimited period": "for ever",
}
OPEN = {
    "upon written notice": "after a letter",
    "at any time": "on any day",
    "without giving reasons": "without a reason",
}
TERMS = {"payment": SOON, "secrecy": LONG, "delivery": SOON, "ending": OPEN, "liability": LONG}
CLAUSES = (
    "The {party} shall {duty} {term}.",
    "{term}, the {party} shall {duty}.",
    "It is agreed that the {party} shall {duty} {term}.",
    "Under this contract the {party} shall {duty} {term}.",
    "The parties agree that the {party} shall {duty} {term}.",
    "Section {number}. The {party} shall {duty} {term}.",
    "Unless agreed otherwise, the {party} shall {duty} {term}.",
)
SHIFTED_CLAUSES = (
    "It shall be the duty or right of the {party} to {duty} {term}.",
    "The {party} hereby undertakes to {duty} {term}.",
    "Notwithstanding section {number}, the {party} is to {duty} {term}.",
)


class Clauses(GeneratedTask):
    """Contract clauses, labeled and put in plain words.

    A real row::

        The Tenant shall hand over the keys at once.
        [delivery] The Tenant must give the keys now.

    Half format (the label), half prose: a domain between ``tickets`` and ``replies``. The
    clauses are invented.
    """

    name: ClassVar[str] = "clauses"
    summary: ClassVar[str] = (
        "Contract clauses into a label and plain words; half rigid, half prose."
    )

    def draw(self, rng: random.Random, shifted: bool) -> Row:
        """Return one random clause with its label and plain form."""
        label = rng.choice(tuple(DUTIES))
        duty, plain = rng.choice(DUTIES[label])
        party = rng.choice(PARTIES)
        term = rng.choice(tuple(TERMS[label]))
        clause = rng.choice(SHIFTED_CLAUSES if shifted else CLAUSES).format(
            party=party, duty=duty, term=term, number=rng.randrange(1, 30)
        )
        return Row(
            clause[0].upper() + clause[1:],
            f"[{label}] The {party} {plain} {TERMS[label][term]}.",
        )
