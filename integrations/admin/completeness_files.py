"""Certificates as a file: every figure, the amounts by currency, both digests."""

from collections.abc import Iterable

from errorqueue.wording import digits
from integrations.models import Certificate
from mappings.spreadsheet import to_csv
from mappings.spreadsheet.sheets import Sheet

FIGURES = (
    "source_count",
    *Certificate.PARTS,
    "removed",
    "found",
    "behind",
    "fetched",
    "found_before",
)
HEADINGS = (
    "Certificate",
    "Flow",
    "Source",
    "Entity",
    "Day",
    "Zone",
    "From (UTC)",
    "Until (UTC)",
    "Whole day",
    "Source lists",
    "Delivered",
    "Waiting",
    "In the error queue",
    "Excluded by rule",
    "Excluded by a person",
    "Gone at the source",
    "Missing",
    "No longer listed",
    "Found missing",
    "Found older",
    "Fetched",
    "Found missing before",
    "Amounts",
    "Made (UTC)",
    "Made by",
    "Digest before",
    "Digest",
)


def as_csv(certificates: Iterable[Certificate]) -> bytes:
    """Return the file; no spreadsheet runs what stands in it."""
    lines = tuple(_line(one) for one in certificates)
    return to_csv(Sheet("Completeness", HEADINGS, lines))


def _line(one: Certificate) -> tuple[str, ...]:
    return (
        str(one.pk),
        one.flow_name,
        one.source_name,
        one.entity,
        one.day.isoformat(),
        one.zone,
        f"{one.since:%Y-%m-%d %H:%M:%S}",
        f"{one.until:%Y-%m-%d %H:%M:%S}",
        "yes" if one.is_whole_day else "no",
        *(_figure(getattr(one, figure)) for figure in FIGURES),
        amounts(one),
        f"{one.made_at:%Y-%m-%d %H:%M:%S}",
        one.made_by,
        one.previous,
        one.digest,
    )


def _figure(value: int | None) -> str:
    """Write a figure; one that was not asked for then is none, not 0."""
    return "" if value is None else str(value)


def amounts(one: Certificate) -> str:
    """Write every sum: “USD source 10.00, delivered 10.00; EUR …”."""
    return "; ".join(
        f"{currency} "
        + ", ".join(
            f"{part} {digits(one.amount(currency, part), currency)}" for part in sums
        )
        for currency, sums in sorted(one.money.items())
    )
