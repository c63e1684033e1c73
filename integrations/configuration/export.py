"""The set-up as text that configures an empty console to be equal."""

from typing import Any

import yaml

from integrations.configuration.alert_rules import export_alert_rules
from integrations.configuration.blueprint import export_blueprint
from integrations.configuration.channels import export_channels
from integrations.configuration.connections import export_connections
from integrations.configuration.documents import export_documents
from integrations.configuration.flows import export_flows
from integrations.configuration.groups import export_groups
from integrations.configuration.reader import Placeholder
from integrations.configuration.routing import export_routing
from integrations.configuration.scenarios import export_scenarios
from integrations.configuration.tables import export_tables
from integrations.configuration.teams import export_teams


class _Dumper(yaml.SafeDumper):
    """Writes lists indented under their key."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def export_text() -> str:
    """Return everything that `configure` reads, always in one order."""
    sections = {
        "connections": export_connections(),
        "value_tables": export_tables(),
        "mapping_documents": export_documents(),
        "flows": export_flows(),
        "groups": export_groups(),
        "channels": export_channels(),
        "teams": export_teams(),
        "alert_rules": export_alert_rules(),
        "routing": export_routing(),
        "scenarios": export_scenarios(),
        "blueprint": export_blueprint(),
    }
    return yaml.dump(
        _plain(sections), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=88
    )


def _plain(value: Any) -> Any:
    """Return what YAML can write and `configure` reads back as the same."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, Placeholder):
        return str(value)
    if isinstance(value, str):
        return str(value).replace("${", "$${")
    return str(value) if isinstance(value, float) else value
