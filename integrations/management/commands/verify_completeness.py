"""Walk the chain of certificates of completeness and say whether it is whole."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.sync.completeness import certifying


class Command(BaseCommand):
    help = "Check that no certificate of completeness was changed or taken out."

    def handle(self, *args: Any, **options: Any) -> None:
        found = certifying.verify()
        if found.broken:
            raise CommandError(found.broken)
        many = "certificate" if found.certificates == 1 else "certificates"
        self.stdout.write(f"{found.certificates} {many}, the chain is whole.")
