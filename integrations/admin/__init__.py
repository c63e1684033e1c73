"""The admin pages of connections, flows, inbox and ledger: one module per model."""

from integrations.admin.attempt import AttemptAdmin
from integrations.admin.audit import AuditEntryAdmin
from integrations.admin.backfill import BackfillAdmin
from integrations.admin.blueprint import EntityAdmin
from integrations.admin.cached_lookup import CachedLookupAdmin
from integrations.admin.connection import ConnectionAdmin
from integrations.admin.drift import DriftAdmin
from integrations.admin.flow import FlowAdmin
from integrations.admin.inbox_event import InboxEventAdmin
from integrations.admin.link import LinkAdmin
from integrations.admin.maintenance import MaintenanceWindowAdmin
from integrations.admin.match import MatchAdmin
from integrations.admin.named_lookup import NamedLookupAdmin
from integrations.admin.ownership import OwnershipConflictAdmin
from integrations.admin.payload_rule import PayloadRuleAdmin
from integrations.admin.payout import PayoutAdmin
from integrations.admin.privacy_request import PrivacyRequestAdmin
from integrations.admin.promotion import PromotionAdmin
from integrations.admin.refresh import RefreshAdmin
from integrations.admin.scenario import ScenarioAdmin, ScenarioRunAdmin
from integrations.admin.schedule import ScheduleAdmin
from integrations.admin.seen_value import SeenValueAdmin
from integrations.admin.slot import SlotAdmin
from integrations.admin.sync_record import SyncRecordAdmin
from integrations.admin.worker_group import WorkerGroupAdmin

__all__ = [
    "AttemptAdmin",
    "AuditEntryAdmin",
    "BackfillAdmin",
    "CachedLookupAdmin",
    "ConnectionAdmin",
    "DriftAdmin",
    "EntityAdmin",
    "FlowAdmin",
    "InboxEventAdmin",
    "LinkAdmin",
    "MaintenanceWindowAdmin",
    "MatchAdmin",
    "NamedLookupAdmin",
    "OwnershipConflictAdmin",
    "PayloadRuleAdmin",
    "PayoutAdmin",
    "PrivacyRequestAdmin",
    "PromotionAdmin",
    "RefreshAdmin",
    "ScenarioAdmin",
    "ScenarioRunAdmin",
    "ScheduleAdmin",
    "SeenValueAdmin",
    "SlotAdmin",
    "SyncRecordAdmin",
    "WorkerGroupAdmin",
]
