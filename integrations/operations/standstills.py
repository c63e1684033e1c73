"""What stands still now, by appointment, by a breaker or by a person: counted."""

from dataclasses import asdict, dataclass

from integrations.models import Connection, Flow
from integrations.sync.access import away, maintained


@dataclass(frozen=True)
class Standstills:
    """How many stand still; a half-open one lets a probe or a few records try."""

    connections_open: int
    connections_half_open: int
    flows_open: int
    flows_half_open: int
    connections_in_maintenance: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


def standstills() -> Standstills:
    """Count connections and flows that nothing is sent to: two small questions."""
    connections = Connection.objects.filter(away() | maintained())
    states = [
        (one.is_maintained, one.is_ready and one.probe_at is not None)
        for one in connections.only("state", "probe_at", "window_until")
    ]
    held = Flow.objects.filter(held_at__isnull=False, is_enabled=True)
    probing = list(held.values_list("probing_since", flat=True))
    return Standstills(
        connections_open=sum(not planned and not half for planned, half in states),
        connections_half_open=sum(half and not planned for planned, half in states),
        flows_open=probing.count(None),
        flows_half_open=len(probing) - probing.count(None),
        connections_in_maintenance=sum(planned for planned, _ in states),
    )
