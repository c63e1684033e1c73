"""Documents, their versions and parts, value tables, samples, signatures."""

from mappings.models.document import MappingDocument, MappingVersion, refuse_frozen
from mappings.models.parts import (
    KIND_LABELS,
    ExclusionRule,
    MappingPart,
    MappingRow,
    MappingSection,
    SumCheck,
)
from mappings.models.samples import GoldenSample
from mappings.models.signing import Scenario, ScenarioRun, Signature
from mappings.models.tables import SeenValue, ValueTable, ValueTableRow, value_tables

__all__ = [
    "KIND_LABELS",
    "ExclusionRule",
    "GoldenSample",
    "MappingDocument",
    "MappingPart",
    "MappingRow",
    "MappingSection",
    "MappingVersion",
    "Scenario",
    "ScenarioRun",
    "SeenValue",
    "Signature",
    "SumCheck",
    "ValueTable",
    "ValueTableRow",
    "refuse_frozen",
    "value_tables",
]
