from django.apps import apps
from django.contrib import admin
from django.contrib.admin.apps import AdminConfig
from django.core import checks

from config import checks as ours


class ConsoleAdminConfig(AdminConfig):
    """The admin, served by our own site."""

    default_site = "config.admin.ConsoleSite"

    def ready(self) -> None:
        super().ready()
        apps.get_app_config("auth").verbose_name = "People and roles"
        hide_queue_pages()
        checks.register(ours.queue_pages_are_hidden, checks.Tags.admin)
        checks.register(ours.clockwork_fits)
        checks.register(ours.wake_ups_are_in_our_database)
        checks.register(ours.no_strikes_in_production, checks.Tags.security)
        checks.register(ours.database_is_sound, checks.Tags.database)


def hide_queue_pages() -> None:
    """Take the queue library's pages out: they edit pickles, which are code."""
    for model in list(admin.site._registry):
        if model._meta.app_label == "django_q":
            admin.site.unregister(model)
