"""Say on one screen how Waybill is: for the shell, for scripts, for a person at night."""

import json
import sys
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from integrations.operations.report import (
    HEADLINES,
    Level,
    Line,
    as_data,
    report,
    web,
    worst,
)

MARKS = {Level.WELL: "", Level.PERSON: "!", Level.BROKEN: "!!"}


class Command(BaseCommand):
    help = "Say how Waybill is. Ends with 0: well, 1: needs a person, 2: broken."
    # What is wrong is to be told here, not to keep it from being told.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="Write JSON.")
        parser.add_argument(
            "--no-web",
            action="store_true",
            help="Do not ask the web server at WAYBILL_SITE_URL.",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        lines = [*([] if options["no_web"] else [web()]), *report()]
        if options["json"]:
            self.stdout.write(json.dumps(as_data(lines), indent=2))
        else:
            self.stdout.write("\n".join(_screen(lines)))
        if worst(lines):
            sys.exit(worst(lines))


def _screen(lines: list[Line]) -> Iterator[str]:
    """Lay the lines out; what is the matter is marked at the left."""
    yield HEADLINES[worst(lines)]
    places = list(dict.fromkeys(line.about for line in lines))
    for about, group in groupby(
        sorted(lines, key=lambda line: places.index(line.about)), attrgetter("about")
    ):
        for number, line in enumerate(group):
            yield f"{MARKS[line.level]:<2} {'' if number else about:<12} {line.text}"
