from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.configuration.export import export_text


class Command(BaseCommand):
    """Write the set-up as YAML, without secrets."""

    help = (
        "Writes connections, flows, mapping documents, value tables, groups, channels, "
        "teams and rules in the format that configure reads. Secrets appear as ${NAMES} to set."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--output", metavar="FILE", help="A file instead of the screen."
        )

    def handle(self, **options: Any) -> None:
        text = export_text()
        if not options["output"]:
            self.stdout.write(text, ending="")
            return
        try:
            Path(options["output"]).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{options['output']}: {error.strerror}.") from error
        self.stdout.write(f"Written to {options['output']}.")
