"""The parameters that transforms share: text, counts, zones and formats."""

from collections.abc import Mapping

from mappings.engine.shapes import Choice, Parameter

_ZONES = ("UTC", "America/New_York", "America/Chicago", "America/Denver",
          "America/Los_Angeles", "Europe/London", "Europe/Berlin", "Asia/Tokyo",
          "Australia/Sydney")  # fmt: skip
DATE_FORMATS = {
    "%Y-%m-%d": "2026-01-31",
    "%d.%m.%Y": "31.01.2026",
    "%d/%m/%Y": "31/01/2026",
    "%m/%d/%Y": "01/31/2026",
    "%Y%m%d": "20260131",
    "%Y-%m-%dT%H:%M:%S%z": "2026-01-31T14:30:00+0100",
    "%d.%m.%Y %H:%M": "31.01.2026 14:30",
    "%H:%M": "14:30",
}
NUMBER_FORMATS = {
    "1234.56": "1234.56 (plain)",
    "1,234.56": "1,234.56 (English)",
    "1.234,56": "1.234,56 (German, Spanish, Italian)",
    "1 234,56": "1 234,56 (French, Swedish)",
    "1'234.56": "1'234.56 (Swiss)",
    "1234": "1234 (whole)",
}
LAYOUTS = {
    "us": "City, State ZIP",
    "eu": "ZIP City",
    "uk": "City, then postcode on its own line",
    "lines": "City, state and postal code on lines of their own",
}


def choices(labels: Mapping[str, str]) -> tuple[Choice, ...]:
    return tuple(Choice(value, label) for value, label in labels.items())


def text(
    name: str, label: str, description: str, default: str | None = None
) -> Parameter:
    return Parameter(name, "text", description, default is None, default, label)


def count(
    name: str, label: str, description: str, default: int | None = None
) -> Parameter:
    return Parameter(name, "number", description, default is None, default, label)


ZONE = Parameter(
    "zone",
    "zone",
    "The time zone in which the day is counted.",
    default="UTC",
    label="Time zone",
    choices=tuple(Choice(name, name) for name in _ZONES),
)


def number_format(words: str, default: str | None) -> Parameter:
    return Parameter(
        "like",
        "number_format",
        words,
        default is None,
        default,
        "Looks like",
        choices(NUMBER_FORMATS),
    )
