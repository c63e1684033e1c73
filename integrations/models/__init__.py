"""Accounts, flows, what came in, what was sent."""

from integrations.models.bell import Bell
from integrations.models.connection import Connection, Credential, Token
from integrations.models.flow import Dependency, Flow
from integrations.models.inbox import InboxEvent
from integrations.models.record import Attempt, SyncRecord
from integrations.models.reference import CachedLookup, Link
from integrations.models.slot import Slot

__all__ = [
    "Attempt",
    "Bell",
    "CachedLookup",
    "Connection",
    "Credential",
    "Dependency",
    "Flow",
    "InboxEvent",
    "Link",
    "Slot",
    "SyncRecord",
    "Token",
]
