"""Who plays what: finds web, worker, guard and the others among the run's processes.

The queue library does not name its processes. A guard starts its workers first, then
the monitor, then the pusher; that order is remembered from the first full sight of a
cluster, for workers are replaced later and the two others never are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.crash.processes import Proc, children_of
from tests.crash.stand import FAST, Stand

WORKERS = int(FAST["WAYBILL_WORKERS"])


@dataclass
class Cast:
    """The living processes of a stand by role."""

    stand: Stand
    _helpers: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)

    def by_role(self) -> dict[str, list[Proc]]:
        """Return the living processes of each role, the oldest first."""
        procs = self.stand.sight.look()
        found: dict[str, list[Proc]] = {
            role: []
            for role in (
                *("web", "web master", "supervisor", "guard"),
                *("worker", "monitor", "pusher"),
            )
        }
        for name in self.stand.kept:
            chief = procs.get(self.stand.children[name].pid)
            if chief is None:
                continue
            if name.startswith("web"):
                found["web master"].append(chief)
                found["web"] += children_of(procs, chief.pid)
            else:
                found["supervisor"].append(chief)
                self._group(procs, chief, found)
        return found

    def _group(
        self, procs: Mapping[int, Proc], chief: Proc, found: dict[str, list[Proc]]
    ) -> None:
        for guard in children_of(procs, chief.pid):
            found["guard"].append(guard)
            self._members(guard, children_of(procs, guard.pid), found)

    def _members(
        self, guard: Proc, members: list[Proc], found: dict[str, list[Proc]]
    ) -> None:
        key = (guard.pid, guard.started)
        if key not in self._helpers and len(members) >= WORKERS + 2:
            monitor, pusher = members[WORKERS : WORKERS + 2]
            self._helpers[key] = (monitor.pid, pusher.pid)
        monitor_pid, pusher_pid = self._helpers.get(key, (0, 0))
        for member in members if key in self._helpers else []:
            role = {monitor_pid: "monitor", pusher_pid: "pusher"}.get(
                member.pid, "worker"
            )
            found[role].append(member)

    def family(self, chief: Proc) -> list[Proc]:
        """Return a process and everything below it."""
        procs = self.stand.sight.look()
        whole, fresh = [chief], [chief]
        while fresh:
            fresh = [kin for one in fresh for kin in children_of(procs, one.pid)]
            whole += fresh
        return whole

    def orphans(self) -> list[Proc]:
        """Return processes of web and workers whose line to the stand is cut."""
        procs = self.stand.sight.look()
        chiefs = {child.pid for child in self.stand.children.values()}
        return [proc for proc in procs.values() if _is_cut_off(proc, procs, chiefs)]


def _is_cut_off(proc: Proc, procs: Mapping[int, Proc], chiefs: set[int]) -> bool:
    while proc.pid not in chiefs:
        parent = procs.get(proc.parent)
        if parent is None:
            return True
        proc = parent
    return False
