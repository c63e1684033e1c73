from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.apps import SimpleAdminConfig
from django.core import checks
from django.core.signals import request_finished

from config import checks as ours
from config.logs import through_logging
from config.middleware import forget_request

# Those of the checks that workers run before they begin.
WORKERS = "workers"


class ConsoleAdminConfig(SimpleAdminConfig):
    """The admin, served by our own site."""

    default_site = "config.admin.ConsoleSite"

    def ready(self) -> None:
        super().ready()
        through_logging()
        request_finished.connect(forget_request, dispatch_uid="forget_request")
        if settings.SHOWS_PAGES:
            admin.autodiscover()
            hide_queue_pages()
        apps.get_app_config("auth").verbose_name = "People and roles"
        checks.register(ours.queue_pages_are_hidden, checks.Tags.admin)
        checks.register(ours.clockwork_fits, WORKERS)
        checks.register(ours.wake_ups_are_in_our_database, WORKERS)
        checks.register(ours.no_strikes_in_production, checks.Tags.security, WORKERS)
        checks.register(ours.probes_are_set_up, checks.Tags.security, WORKERS)
        checks.register(ours.database_is_sound, checks.Tags.database)


def hide_queue_pages() -> None:
    """Take the queue library's pages out: they edit pickles, which are code."""
    for model in list(admin.site._registry):
        if model._meta.app_label == "django_q":
            admin.site.unregister(model)
