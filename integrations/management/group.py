"""A worker group: one cluster at a time, watched, each start a generation of its own."""

import logging
import time
from datetime import datetime

from errorqueue.alerts import CALM, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.management.crash_only import run_cluster
from integrations.management.fork import Fork
from integrations.models import GENERATION, WorkerGroup, ring_alerts
from integrations.models.cluster import GENERATION_SHOWN
from integrations.sync import clusters

log = logging.getLogger(__name__)

STOP_SECONDS = 28.0
# After a gap like this between two looks nothing is concluded from silence.
GAP_SECONDS = 10.0
SIGN_SECONDS = 1.0
# So many starts in a row without a song are an incident too.
VAIN_STARTS = 3
PAGE = "/admin/integrations/workergroup/"


class Group:
    """Keeps one cluster alive and makes sure that a former one stays dead.

    A cluster is declared dead in the database before its processes are killed, so
    one that cannot be killed can neither claim nor settle.
    """

    def __init__(self) -> None:
        self.child = Fork("the cluster", run_cluster)
        self.generation = ""
        self.awake_since: datetime | None = None
        self.looked = self.said = 0.0
        self.vain_starts = 0

    def look(self) -> None:
        """Look once: start what is missing, end what is dead, hung or disowned.

        Raises the database's errors: without it nothing can be decided.
        """
        now = self._note_awake()
        if not self.generation:
            self.start()
        elif self.has_fallen():
            self.start_again("A part of it died; started again")
        elif not clusters.note_seen(self.generation):
            self.start_again("Ended from elsewhere; started again")
        else:
            self._listen(now)

    def note_seen(self) -> None:
        """Give a sign of life between the parts of a long pass, once a second at most.

        Each is a commit of its own, and a pass has some twenty parts.
        """
        now = time.monotonic()
        if self.generation and now >= self.said + SIGN_SECONDS:
            self.said = now
            clusters.note_seen(self.generation)

    def has_fallen(self) -> bool:
        return not self.child.is_alive

    def is_urgent(self) -> bool:
        """Say whether to look at once; one that falls again and again may wait."""
        return self.has_fallen() and self.vain_starts <= VAIN_STARTS

    def start(self) -> None:
        self.generation = clusters.begin()
        self.child.environment = {GENERATION: self.generation}
        self.vain_starts += 1
        if self.vain_starts > VAIN_STARTS:
            self._alarm(f"The cluster was started {self.vain_starts} times in vain.")
        self.child.start()

    def start_again(self, why: str) -> None:
        """End the whole group, declared dead first, and start a new one."""
        code = self.child.exit_code
        log.error("Cluster %s (exit %s): %s", self.generation, code, why)
        clusters.end(self.generation, why)
        self.child.kill()
        clusters.let_go(f":{self.generation[:GENERATION_SHOWN]}")
        self.start()

    def stop(self) -> None:
        """Let running calls finish, then end the group; takes up to 30 s."""
        self.child.ask(STOP_SECONDS)
        try:
            if self.generation:
                clusters.end(self.generation, "Stopped on purpose")
        finally:
            self.child.kill()

    def _note_awake(self) -> datetime:
        now, tick = database_time(), time.monotonic()
        if self.awake_since is None or tick > self.looked + GAP_SECONDS:
            self.awake_since = now
            clusters.forget_canaries(self.generation)
        self.looked = tick
        return now

    def _listen(self, now: datetime) -> None:
        group = WorkerGroup.objects.get(pk=self.generation)
        if clusters.is_hung(group, now, self.awake_since or now):
            self._alarm(f"The cluster of {group} stood still and was started again.")
            self.start_again("Stood still; started again")
            return
        if group.canary_at and self.vain_starts:
            self.vain_starts = 0
            close_alert(self._alert_key())
        clusters.ring_canary(self.generation)

    def _alarm(self, text: str) -> None:
        more = "Nothing is lost: whatever was under way is done again by the new one."
        host = clusters.host_name()
        title = f"The workers on {host} had to be started again"
        if raise_alert(self._alert_key(), title, f"{text} {more}", PAGE, calm=CALM):
            ring_alerts()

    def _alert_key(self) -> str:
        return f"workers:{clusters.host_name()}"
