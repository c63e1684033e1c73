"""The admin pages of connections, flows, inbox and ledger: one module per model."""

from integrations.admin.attempt import AttemptAdmin
from integrations.admin.audit import AuditEntryAdmin
from integrations.admin.cached_lookup import CachedLookupAdmin
from integrations.admin.connection import ConnectionAdmin
from integrations.admin.flow import FlowAdmin
from integrations.admin.inbox_event import InboxEventAdmin
from integrations.admin.link import LinkAdmin
from integrations.admin.schedule import ScheduleAdmin
from integrations.admin.slot import SlotAdmin
from integrations.admin.sync_record import SyncRecordAdmin
from integrations.admin.worker_group import WorkerGroupAdmin

__all__ = [
    "AttemptAdmin",
    "AuditEntryAdmin",
    "CachedLookupAdmin",
    "ConnectionAdmin",
    "FlowAdmin",
    "InboxEventAdmin",
    "LinkAdmin",
    "ScheduleAdmin",
    "SlotAdmin",
    "SyncRecordAdmin",
    "WorkerGroupAdmin",
]
