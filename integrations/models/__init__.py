"""Accounts, flows, what came in, what was sent."""

from integrations.models.attempt import Attempt
from integrations.models.audit import AuditEntry, AuditSeal
from integrations.models.bell import Bell, ring_alerts, ring_connection, ring_inbox
from integrations.models.cluster import GENERATION, WorkerGroup, may_write
from integrations.models.connection import Connection, Credential, Token
from integrations.models.flow import Dependency, Flow
from integrations.models.inbox import InboxEvent
from integrations.models.record import (
    BY_RULE,
    NO_HOLD,
    Remembered,
    SyncRecord,
    SyncRecordQuerySet,
)
from integrations.models.reference import CachedLookup, Link
from integrations.models.schedule import Schedule, ScheduleSlot
from integrations.models.slot import Limits, Slot, SlotMinute, SlotWait, limits_of

__all__ = [
    "BY_RULE",
    "GENERATION",
    "NO_HOLD",
    "Attempt",
    "AuditEntry",
    "AuditSeal",
    "Bell",
    "CachedLookup",
    "Connection",
    "Credential",
    "Dependency",
    "Flow",
    "InboxEvent",
    "Limits",
    "Link",
    "Remembered",
    "Schedule",
    "ScheduleSlot",
    "Slot",
    "SlotMinute",
    "SlotWait",
    "SyncRecord",
    "SyncRecordQuerySet",
    "Token",
    "WorkerGroup",
    "limits_of",
    "may_write",
    "ring_alerts",
    "ring_connection",
    "ring_inbox",
]
