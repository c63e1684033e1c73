"""Accounts, flows, what came in, what was sent."""

from integrations.models.asking import BY_RULE, NO_CHOICE, NO_HOLD
from integrations.models.attempt import Attempt
from integrations.models.audit import AuditEntry, AuditSeal, AuditWalk
from integrations.models.backfill import Backfill, BackfillItem, BackfillLeg
from integrations.models.bell import (
    Bell,
    ring_alerts,
    ring_chores,
    ring_connection,
    ring_inbox,
)
from integrations.models.blueprint import Entity
from integrations.models.breaker import Opening
from integrations.models.cluster import GENERATION, WorkerGroup, may_write
from integrations.models.completeness import Certificate, Gap, GapCheck, GapSweep
from integrations.models.connection import Connection, Credential, Token
from integrations.models.effect import EffectCase, EffectReport, Watch
from integrations.models.environment import (
    Coverage,
    Drift,
    MovedLink,
    NamedLookup,
    Promotion,
    Refresh,
)
from integrations.models.flow import Dependency, Flow
from integrations.models.inbox import InboxEvent
from integrations.models.installation import Installation
from integrations.models.key import RecordKey
from integrations.models.maintenance import MaintenanceTime, MaintenanceWindow
from integrations.models.match import Match, MatchItem
from integrations.models.notice import ChangeNotice, ring_notices
from integrations.models.outcome import (
    Assumption,
    BacklogHour,
    HandledDay,
    OutcomeDay,
)
from integrations.models.ownership import OwnershipConflict
from integrations.models.privacy_request import PrivacyPart, PrivacyRequest
from integrations.models.record import (
    Remembered,
    SyncRecord,
    SyncRecordQuerySet,
)
from integrations.models.reference import CachedLookup, Link, Metadata
from integrations.models.removal import PayloadRule, Removal
from integrations.models.rhythm import FlowHour, FlowRhythm
from integrations.models.scanning import ScanPlace
from integrations.models.schedule import Schedule, ScheduleSlot
from integrations.models.slot import Limits, Slot, SlotMinute, SlotWait, limits_of

__all__ = [
    "BY_RULE",
    "GENERATION",
    "NO_CHOICE",
    "NO_HOLD",
    "Assumption",
    "Attempt",
    "AuditEntry",
    "AuditSeal",
    "AuditWalk",
    "Backfill",
    "BackfillItem",
    "BackfillLeg",
    "BacklogHour",
    "Bell",
    "CachedLookup",
    "Certificate",
    "ChangeNotice",
    "Connection",
    "Coverage",
    "Credential",
    "Dependency",
    "Drift",
    "EffectCase",
    "EffectReport",
    "Entity",
    "Flow",
    "FlowHour",
    "FlowRhythm",
    "Gap",
    "GapCheck",
    "GapSweep",
    "HandledDay",
    "InboxEvent",
    "Installation",
    "Limits",
    "Link",
    "MaintenanceTime",
    "MaintenanceWindow",
    "Match",
    "MatchItem",
    "Metadata",
    "MovedLink",
    "NamedLookup",
    "Opening",
    "OutcomeDay",
    "OwnershipConflict",
    "PayloadRule",
    "PrivacyPart",
    "PrivacyRequest",
    "Promotion",
    "RecordKey",
    "Refresh",
    "Remembered",
    "Removal",
    "ScanPlace",
    "Schedule",
    "ScheduleSlot",
    "Slot",
    "SlotMinute",
    "SlotWait",
    "SyncRecord",
    "SyncRecordQuerySet",
    "Token",
    "Watch",
    "WorkerGroup",
    "limits_of",
    "may_write",
    "ring_alerts",
    "ring_chores",
    "ring_connection",
    "ring_inbox",
    "ring_notices",
]
