"""The mapping pages: documents, their versions, value tables."""

from mappings.admin.document import MappingDocumentAdmin
from mappings.admin.table import ValueTableAdmin
from mappings.admin.version import MappingVersionAdmin

__all__ = ["MappingDocumentAdmin", "MappingVersionAdmin", "ValueTableAdmin"]
