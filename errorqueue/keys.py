"""What a line is found by: written with the line, searched by prefix."""

from collections.abc import Iterable, Iterator

from errorqueue.failures import Labels
from errorqueue.models import FailedRecord, LineKey
from errorqueue.text import clean

Name = LineKey.Name
# An order of a thousand lines is found by the first hundred of its SKUs.
MOST_SKUS = 100


def write(line: FailedRecord, labels: Labels) -> None:
    """Bring the keys of a line up to date; what it was known by before stays."""
    wanted = {(name, folded(value)) for name, value in _pairs(line, labels)}
    LineKey.objects.bulk_create(
        [
            LineKey(line=line, name=name, value=value, is_open=line.is_open)
            for name, value in sorted(wanted)
            if value
        ],
        ignore_conflicts=True,
    )


def add(line: FailedRecord, name: str, value: str) -> None:
    """Make a line known by one more thing, such as its id at the target."""
    if folded(value):
        known = {"line": line, "name": name, "value": folded(value)}
        LineKey.objects.get_or_create({"is_open": line.is_open}, **known)


def follow(lines: Iterable[int], *, is_open: bool) -> None:
    """Let the keys say that these lines were closed or opened again."""
    LineKey.objects.filter(line__in=lines).update(is_open=is_open)


def folded(value: str) -> str:
    """Return a value as it is stored and searched: lower case, no "#" in front."""
    return clean(value).strip().lstrip("#").casefold()[:200]


def _pairs(line: FailedRecord, labels: Labels) -> Iterator[tuple[str, str]]:
    yield Name.ORDER, labels.reference
    yield Name.EMAIL, labels.email
    yield Name.EMAIL, labels.email.rpartition("@")[2]
    yield Name.CUSTOMER, labels.party
    for word in labels.party.split():
        yield Name.CUSTOMER, word
    for sku in labels.skus[:MOST_SKUS]:
        yield Name.SKU, sku
    yield Name.SOURCE_ID, labels.source_id
    yield Name.SOURCE_ID, labels.source_id.rsplit("/", 1)[-1]
    yield Name.EXTERNAL_ID, labels.external_id
    for problem in line.problems:
        for path in (problem.get("target", ""), problem.get("source", "")):
            yield Name.FIELD, path
            yield Name.FIELD, path.rsplit(".", 1)[-1]
