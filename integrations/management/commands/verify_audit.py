"""Check that nobody changed the audit trail afterwards."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.sync.audit import verify


class Command(BaseCommand):
    help = (
        "Walk the chain of seals over the audit trail; fails at the first broken one."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        found = verify()
        if found.broken:
            raise CommandError(
                f"{found.broken} {found.seals} seals before it are whole."
            )
        self.stdout.write(
            f"The audit trail is whole: {found.entries} entries under {found.seals} "
            f"seals; {found.unsealed} wait for the next seal."
        )
