"""One look at the home page: who looks, when, and what several parts of it need."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.contrib.admin import AdminSite

from errorqueue.clock import database_time
from integrations.models import WorkerGroup
from integrations.operations import checks
from integrations.operations.accounts import AccountFigures, account_figures


@dataclass
class Look:
    """What is asked of the database once for the whole page."""

    site: AdminSite
    user: Any

    @cached_property
    def now(self) -> datetime:
        return database_time()

    @cached_property
    def accounts(self) -> list[AccountFigures]:
        return account_figures(self.now)

    @cached_property
    def alive(self) -> list[WorkerGroup]:
        return checks.alive_groups(self.now)

    def may(self, *rights: str) -> bool:
        return bool(self.user.has_perms(rights))
