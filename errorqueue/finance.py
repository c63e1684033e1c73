"""Which documents nobody edits here: they move money in the books."""

from errorqueue.models import FailedRecord
from errorqueue.services import NotOpen

FINANCE_ENTITIES = ("journal", "payout", "deposit")
MENDED_ELSEWHERE = (
    "The content of journals, payouts and deposits is not edited here. Have it mended "
    "where it came from, or let finance settle it; then retry."
)


class FinanceDocument(NotOpen):
    """The content of a finance document is mended where it came from."""

    def __init__(self) -> None:
        super().__init__(MENDED_ELSEWHERE)


def is_finance(line: FailedRecord) -> bool:
    """Say whether a line is about a document whose content nobody edits here."""
    words = line.entity.lower().replace("_", " ").split()
    return any(entity in word for word in words for entity in FINANCE_ENTITIES)


def refuse_edit(line: FailedRecord) -> None:
    """Raise FinanceDocument when the content of `line` may not be edited."""
    if is_finance(line):
        raise FinanceDocument
