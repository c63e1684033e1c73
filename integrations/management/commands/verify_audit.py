"""Check that nobody changed the audit trail afterwards."""

import math
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from integrations.models import AuditSeal
from integrations.sync.audit import BEGINNING, Place, Verdict, place_of, verify


class Command(BaseCommand):
    help = (
        "Walk the chain of seals over the audit trail; fails at the first broken one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--after", type=int, default=0, help="Begin behind this seal."
        )
        parser.add_argument(
            "--seconds", type=float, default=math.inf, help="End after so long."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify(_place(options["after"]), options["seconds"])
        if found.broken:
            raise CommandError(
                f"{found.broken} {found.seals} seals before it are whole."
            )
        self.stdout.write(_in_words(found, options["after"]))


def _place(seal: int) -> Place:
    try:
        return place_of(seal) if seal else BEGINNING
    except AuditSeal.DoesNotExist as error:
        raise CommandError(
            f"--after: there is no seal {seal}. Give the number that the last run told."
        ) from error


def _in_words(found: Verdict, after: int) -> str:
    what = f"{found.entries} entries under {found.seals} seals"
    if found.is_complete:
        where = f" behind seal {after}" if after else ""
        return (
            f"The audit trail is whole{where}: {what}; {found.unsealed} wait for the next "
            "seal."
        )
    return (
        f"Whole so far: {what}. The time is up; go on with "
        f"verify_audit --after {found.place.seal}"
    )
