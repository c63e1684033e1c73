"""The error queue's pages."""

from errorqueue.admin import failed, records

__all__ = ["failed", "records"]
