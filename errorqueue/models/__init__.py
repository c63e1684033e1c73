"""What failed and is not settled yet, what people did about it, whom we told."""

from errorqueue.models.alert import Alert, Digest, Message
from errorqueue.models.bulk import BulkItem, BulkRun
from errorqueue.models.cause import Cause, CauseMerge, Watermark
from errorqueue.models.failed import FailedRecord, FailedRecordQuerySet, LineKey
from errorqueue.models.people import (
    Action,
    Presence,
    RoutingRule,
    SavedView,
    Tag,
)
from errorqueue.models.recipe import Recipe
from errorqueue.models.subscriber import Notice, Subscriber
from errorqueue.models.team import AlertRule, Channel, Team, TeamStep
from errorqueue.models.token import ApiToken

__all__ = [
    "Action",
    "Alert",
    "AlertRule",
    "ApiToken",
    "BulkItem",
    "BulkRun",
    "Cause",
    "CauseMerge",
    "Channel",
    "Digest",
    "FailedRecord",
    "FailedRecordQuerySet",
    "LineKey",
    "Message",
    "Notice",
    "Presence",
    "Recipe",
    "RoutingRule",
    "SavedView",
    "Subscriber",
    "Tag",
    "Team",
    "TeamStep",
    "Watermark",
]
