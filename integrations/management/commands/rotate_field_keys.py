from typing import Any

from django.core.management.base import BaseCommand, CommandError

from integrations.configuration.changes import counted
from integrations.configuration.rotation import KeyMissing, rotate


class Command(BaseCommand):
    """Seal stored secrets with the newest key."""

    help = (
        "Encrypts all credentials, tokens, webhook secrets and addresses of channels with the first key of "
        "WAYBILL_FIELD_KEYS. "
        "Run it after adding a key; the old one may go afterwards."
    )

    def handle(self, **options: Any) -> None:
        try:
            done = rotate()
        except KeyMissing as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        self.stdout.write(
            f"Sealed anew: {counted(done.credentials, 'credential')}, "
            f"{counted(done.tokens, 'token')}, "
            f"{counted(done.webhooks, 'webhook secret')}, "
            f"{counted(done.channels, 'channel')}. "
            f"Under the newest key already: {done.current}."
        )
