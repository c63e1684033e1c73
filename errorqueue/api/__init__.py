"""The REST interface: what the console's pages do, for programs."""

from errorqueue.api.status import StatusView

__all__ = ["StatusView"]
