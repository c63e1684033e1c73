import os
from contextlib import suppress

from django.core.wsgi import get_wsgi_application
from django.db import DatabaseError, InterfaceError, connections
from django.urls import get_resolver

from errorqueue.schema import refuse_old_schema

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

application = get_wsgi_application()
# Nothing is served from a database that was not migrated; one away may come back.
with suppress(DatabaseError, InterfaceError):
    refuse_old_schema()
connections.close_all()
# Every page is loaded now, so that the first delivery does not wait for it.
get_resolver().url_patterns  # noqa: B018
