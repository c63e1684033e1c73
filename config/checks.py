"""What must hold before the console starts."""

from typing import Any

from django.contrib import admin
from django.core.checks import CheckMessage, Error


def queue_pages_are_hidden(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Refuse to start with the queue library's own pages in the admin.

    They store pickled arguments; whoever may edit one may run code.
    """
    found = [
        model for model in admin.site._registry if model._meta.app_label == "django_q"
    ]
    return [
        Error(
            f"{model._meta.label} has a page in the admin.",
            hint="Unregister it: its rows hold pickles, which are code.",
            id="config.E001",
        )
        for model in found
    ]
