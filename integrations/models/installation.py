"""Where this database is at home, so that a copy of it starts nothing elsewhere."""

from urllib.parse import urlsplit

from django.conf import settings
from django.db import models

from errorqueue.clock import DatabaseTime
from integrations.models.cluster import generation

# The address of an installation that nobody has given one yet.
UNNAMED = ("", "127.0.0.1", "localhost", "::1")


class Installation(models.Model):
    """The host name under which the workers of this database were started. One row."""

    host = models.CharField(max_length=255)
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.host


def own_host() -> str:
    """Return the host name of WAYBILL_SITE_URL."""
    return urlsplit(settings.SITE_URL).hostname or ""


def note_home() -> None:
    """Keep where this database is at home; a copy stays one."""
    if not copied_from():
        settle_here()


def settle_here() -> None:
    """Make this place the home of the database, as after a move."""
    known = Installation.objects.filter(pk=1, host=own_host())
    if not known.exists():
        values = {"host": own_host()[:255], "noted_at": DatabaseTime()}
        Installation.objects.update_or_create(pk=1, defaults=values)


def copied_from() -> str:
    """Return the host that this database was copied from; "" when it is at home."""
    if generation():  # a worker, which is started at home only
        return ""
    home = Installation.objects.filter(pk=1).values_list("host", flat=True).first()
    return "" if home in (None, own_host(), *UNNAMED) else str(home)


def copy_in_words(home: str) -> str:
    return (
        f"This database is a copy of {home}, started as {own_host() or 'no host'}. "
        "Nothing is sent from here, so that nothing is sent twice."
    )
