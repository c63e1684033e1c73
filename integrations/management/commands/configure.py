import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.configuration.changes import counted
from integrations.configuration.problems import ConfigurationRefused
from integrations.configuration.services import Outcome, configure


class Command(BaseCommand):
    """Make the console as YAML files say."""

    help = (
        "Creates and updates connections, flows, mapping documents, value tables, "
        "groups, channels, teams and rules from YAML files (docs/configuration.md). Safe to repeat."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="+", metavar="FILE.yaml")
        parser.add_argument(
            "--dry-run",
            action="store_true",
            help="Say what would change, and change nothing.",
        )

    def handle(self, **options: Any) -> None:
        dry_run: bool = options["dry_run"]
        try:
            outcome = configure(options["files"], os.environ, dry_run=dry_run)
        except ConfigurationRefused as error:
            raise CommandError(_refusal(error)) from error
        if options["verbosity"]:
            lines = [*outcome.changes, *outcome.notes, _summary(outcome, dry_run)]
            self.stdout.write("\n".join(lines))


def _refusal(error: ConfigurationRefused) -> str:
    return f"{counted(len(error.problems), 'problem')}, nothing was changed:\n{error}"


def _summary(outcome: Outcome, dry_run: bool) -> str:
    changes = counted(len(outcome.changes), "change")
    if not outcome.changes:
        return f"Nothing to change: {_named(outcome)} are as the files say."
    return f"{changes} to make. Nothing was changed." if dry_run else f"{changes} made."


def _named(outcome: Outcome) -> str:
    named = [
        counted(count, section.replace("_", " ").removesuffix("s"))
        for section, count in outcome.counts.items()
        if count
    ]
    return ", ".join(named) or "0 things"
