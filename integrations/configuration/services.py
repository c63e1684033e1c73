"""The verb: make the console as the files say, whole or not at all."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db import transaction

from integrations.configuration.alert_rules import (
    apply_alert_rules,
    check_alert_rules,
    check_ruled,
)
from integrations.configuration.blueprint import apply_blueprint, check_blueprint
from integrations.configuration.changes import Changes
from integrations.configuration.channels import apply_channels, check_channels
from integrations.configuration.connections import apply_connections, check_connections
from integrations.configuration.documents import apply_documents, check_environments
from integrations.configuration.flows import (
    apply_flows,
    check_flow_references,
    check_flows,
)
from integrations.configuration.groups import apply_groups, check_groups
from integrations.configuration.identity import check_identities
from integrations.configuration.lint import check_documents
from integrations.configuration.problems import ConfigurationRefused, Problems
from integrations.configuration.reader import read
from integrations.configuration.routing import (
    apply_routing,
    check_routed,
    check_routing,
)
from integrations.configuration.scenarios import apply_scenarios, check_scenarios
from integrations.configuration.schema import IDENTITY, Wanted, read_wanted
from integrations.configuration.tables import apply_tables, check_tables
from integrations.configuration.teams import (
    apply_teams,
    check_called,
    check_teams,
)
from integrations.models import Connection


@dataclass(frozen=True)
class Outcome:
    """What changed, what was left alone, and how many things the files name."""

    changes: list[str]
    notes: list[str]
    counts: dict[str, int]


@transaction.atomic
def configure(
    files: Sequence[str], environ: Mapping[str, str], *, dry_run: bool = False
) -> Outcome:
    """Create and update what the files describe, in one transaction.

    A second run changes nothing. Raises ConfigurationRefused with every problem of
    every file, and then nothing was changed. `dry_run` does the same and takes it
    back.
    """
    _wait_for_others()
    problems = Problems()
    roots = [read(file, environ, problems) for file in dict.fromkeys(files)]
    readable = [root for root in roots if root is not None]
    wanted = read_wanted(readable, problems)
    _check(wanted, problems, is_whole=len(readable) == len(roots))
    if problems:
        raise ConfigurationRefused(problems)
    changes = _apply(wanted)
    if dry_run:
        transaction.set_rollback(True)
    counts = {section: len(getattr(wanted, section)) for section in IDENTITY}
    return Outcome(changes.lines, changes.notes, counts)


def _wait_for_others() -> None:
    """Let one machine configure at a time: a row that is always there is the lock."""
    kind = ContentType.objects.get_for_model(Connection)
    ContentType.objects.select_for_update().get(pk=kind.pk)


def _check(wanted: Wanted, problems: Problems, *, is_whole: bool) -> None:
    """Check all sections; references only when no file is missing from the picture."""
    check_identities(wanted, problems)
    check_connections(wanted, problems)
    check_tables(wanted, problems)
    check_documents(wanted, problems, is_whole=is_whole)
    check_environments(wanted, problems)
    check_flows(wanted, problems)
    check_groups(wanted, problems)
    check_channels(wanted, problems)
    check_teams(wanted, problems)
    check_alert_rules(wanted, problems)
    check_routing(wanted, problems)
    check_scenarios(wanted, problems)
    if is_whole:
        check_flow_references(wanted, problems)
        check_blueprint(wanted, problems)
        check_called(wanted, problems)
        check_ruled(wanted, problems)
        check_routed(wanted, problems)


def _apply(wanted: Wanted) -> Changes:
    changes = Changes()
    apply_tables(wanted, changes)
    apply_documents(wanted, changes)
    apply_connections(wanted, changes)
    apply_flows(wanted, changes)
    apply_groups(wanted, changes)
    apply_channels(wanted, changes)
    apply_teams(wanted, changes)
    apply_alert_rules(wanted, changes)
    apply_routing(wanted, changes)
    apply_scenarios(wanted, changes)
    apply_blueprint(wanted, changes)
    return changes
