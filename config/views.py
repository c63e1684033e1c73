"""Is it alive?"""

from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from integrations.sync.pulse import trouble


def health(request: HttpRequest) -> JsonResponse:
    """Answer 200 when the database answers, 503 when it does not."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"database": "away"}, status=503)
    return JsonResponse({"database": "ready"})


def workers(request: HttpRequest) -> JsonResponse:
    """Answer 200 while workers live and alerts leave, 503 when nobody would be told.

    For a watcher outside: whoever is dead cannot send its own alert.
    """
    try:
        found = trouble()
    except DatabaseError:
        found = "The database is away."
    return JsonResponse({"workers": found or "ready"}, status=503 if found else 200)
