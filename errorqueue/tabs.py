"""The tabs of the error queue and the orders its lines can be shown in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import F, Q
from django.db.models.expressions import OrderBy

from errorqueue.models import FailedRecord
from errorqueue.models.failed import AT_STAKE, IS_OPEN

Status = FailedRecord.Status
# What is due within this time, or late already, is "due soon".
SOON = timedelta(hours=4)


@dataclass(frozen=True)
class Asker:
    """Who looks at the queue, and when: some tabs depend on both.

    `is_open_only` says that only open lines are wanted, which are few among all.
    """

    user: Any
    now: datetime
    is_open_only: bool = False

    @property
    def awake(self) -> Q:
        """What nobody has put off until later."""
        return Q(snoozed_until=None) | Q(snoozed_until__lte=self.now)


@dataclass(frozen=True)
class Tab:
    """One tab: its key in the address, its name, its help, what it shows.

    `is_settled` says that it also shows lines that are closed: those are millions,
    and are shown in one order only. `is_sum` says that other tabs show the same
    lines in parts; `is_small` that a tab rarely holds more than a few thousand.
    """

    key: str
    label: str
    help: str
    where: Callable[[Asker], Q]
    is_settled: bool = False
    is_sum: bool = False
    is_small: bool = False

    def asked_by(self, asker: Asker) -> Asker:
        """Return who asks, as a search inside this tab is to be read."""
        return replace(asker, is_open_only=not self.is_settled)


TABS = (
    Tab(
        "open",
        "Open",
        "Everything that is not settled and not snoozed",
        lambda asker: IS_OPEN & asker.awake,
    ),
    Tab(
        "mine",
        "Mine",
        "Assigned to you",
        lambda asker: IS_OPEN & Q(assignee=asker.user) & asker.awake,
        is_small=True,
    ),
    Tab(
        "unassigned",
        "Unassigned",
        "Assigned to nobody",
        lambda asker: IS_OPEN & Q(assignee=None) & asker.awake,
    ),
    Tab(
        "due",
        "Due soon",
        "Late, or due within 4 hours",
        lambda asker: IS_OPEN & Q(due_at__lte=asker.now + SOON) & asker.awake,
        is_small=True,
    ),
    Tab(
        "auto",
        "Waiting (auto)",
        "Retries by itself: nothing to do",
        lambda asker: Q(status=Status.WAITING),
    ),
    Tab(
        "unknown",
        "Unknown outcome",
        "The target may have it all the same: look there before sending again",
        lambda asker: IS_OPEN & Q(is_unknown=True),
        is_small=True,
    ),
    Tab(
        "blocked",
        "Blocked",
        "Goes by itself when the line in front of it is settled",
        lambda asker: Q(status=Status.BLOCKED),
        is_small=True,
    ),
    Tab(
        "snoozed",
        "Snoozed",
        "Put off until later",
        lambda asker: IS_OPEN & Q(snoozed_until__gt=asker.now),
        is_small=True,
    ),
    Tab(
        "resolved",
        "Resolved",
        "Settled, by a person or by itself, each with its proof",
        lambda asker: Q(status=Status.RESOLVED),
        is_settled=True,
    ),
    Tab(
        "excluded",
        "Excluded",
        "Set aside by a person with a reason",
        lambda asker: Q(status=Status.EXCLUDED),
        is_settled=True,
    ),
    Tab(
        "all",
        "All",
        "Open and settled",
        lambda asker: Q(),
        is_settled=True,
        is_sum=True,
    ),
)
BY_KEY = {tab.key: tab for tab in TABS}


@dataclass(frozen=True)
class Order:
    """One order of the open lines; each has an index of its own."""

    key: str
    label: str
    by: tuple[OrderBy, ...]


ORDERS = (
    Order("last", "Newest failure", (F("last_failed_at").desc(), F("pk").desc())),
    Order("money", "Money at stake", (AT_STAKE.desc(), F("pk").desc())),
    Order("age", "Oldest failure", (F("first_failed_at").asc(), F("pk").asc())),
    Order("due", "Due time", (F("due_at").asc(nulls_last=True), F("pk").asc())),
    Order(
        "order",
        "Oldest unshipped order",
        (F("placed_at").asc(nulls_last=True), F("pk").asc()),
    ),
)
ORDER_BY_KEY = {order.key: order for order in ORDERS}
NEWEST_ENTRY = (F("pk").desc(),)
NEWEST_SETTLED = (F("last_failed_at").desc(), F("pk").desc())


def tab_of(key: str | None) -> Tab:
    """Return the tab of a key; an unknown one counts as the first."""
    return BY_KEY.get(key or "", TABS[0])


def order_of(tab: Tab, key: str | None) -> tuple[OrderBy, ...]:
    """Return how a tab is ordered: what is settled newest first, whatever is asked."""
    if tab.key == "all":
        return NEWEST_ENTRY
    if tab.is_settled:
        return NEWEST_SETTLED
    return ORDER_BY_KEY.get(key or "", ORDERS[0]).by
