from django.contrib.admin.apps import AdminConfig


class ConsoleAdminConfig(AdminConfig):
    """The admin, served by our own site."""

    default_site = "config.admin.ConsoleSite"
