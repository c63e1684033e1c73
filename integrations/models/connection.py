"""One account of a vendor, its credentials and its state."""

from collections.abc import Collection

from django.conf import settings
from django.db import models, transaction

from errorqueue.clock import database_time
from integrations.connectors.registry import CONNECTORS
from integrations.connectors.secret import (
    Secret,
)
from integrations.models import vault
from integrations.models.breaker import Opening


class Connection(models.Model):
    """One account of a system in one environment."""

    class Environment(models.TextChoices):
        SANDBOX = "sandbox", "Sandbox"
        PRODUCTION = "production", "Production"

    class State(models.TextChoices):
        READY = "ready", "Ready"
        PAUSED = "paused", "Paused by a person"
        REFUSED = "refused", "Access refused"
        UNREACHABLE = "unreachable", "Cannot be reached"
        REFRESHED = "refreshed", "Refreshed: credentials needed"

    name = models.CharField(max_length=80, unique=True)
    slug = models.SlugField(
        max_length=60, unique=True, help_text="Part of the webhook address."
    )
    system = models.CharField(
        max_length=20,
        choices=[(kind, label) for kind, (label, _) in CONNECTORS.items()],
    )
    environment = models.CharField(
        max_length=12, choices=Environment, default=Environment.SANDBOX
    )
    account_id = models.CharField(max_length=120)
    base_url = models.URLField(
        blank=True, help_text="Leave empty for the vendor's own address."
    )
    api_version = models.CharField(max_length=20, blank=True)
    namespace = models.CharField(
        max_length=80,
        help_text="First part of external ids. Fixed once a record was sent.",
    )
    auth_method = models.CharField(max_length=30)
    options = models.JSONField(default=dict, blank=True)
    allowance = models.PositiveSmallIntegerField(
        default=3, help_text="How many requests may be in flight at once."
    )
    reserve = models.PositiveSmallIntegerField(
        default=1, help_text="How many of them bulk flows leave free for orders."
    )
    learnt = models.PositiveSmallIntegerField(null=True, blank=True)
    learnt_at = models.DateTimeField(null=True, blank=True)
    strikes = models.PositiveSmallIntegerField(default=0)
    # Until when the vendor wants no request, and since when it has said so.
    limited_until = models.DateTimeField(null=True, blank=True)
    limited_since = models.DateTimeField(null=True, blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.READY)
    state_reason = models.CharField(max_length=500, blank=True)
    state_since = models.DateTimeField(default=database_time)
    probe_at = models.DateTimeField(null=True, blank=True)
    # The end of the maintenance that is under way (`MaintenanceWindow`).
    window_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        permissions = [
            ("check_connection", "Can check connections"),
            ("pause_connection", "Can pause and resume connections"),
            ("change_credentials", "Can set credentials"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_ready(self) -> bool:
        return self.state == self.State.READY

    @property
    def is_usable(self) -> bool:
        """Say whether records may be sent there now."""
        answers = self.is_ready and self.probe_at is None
        return answers and not self.is_limited and not self.is_maintained

    @property
    def is_limited(self) -> bool:
        """Say whether the vendor asked for a wait that is not over."""
        return self.limited_until is not None and self.limited_until > database_time()

    @property
    def is_maintained(self) -> bool:
        """Say whether a maintenance window is in force."""
        return self.window_until is not None and self.window_until > database_time()

    def move(
        self, state: str, reason: str = "", *, unless: Collection[str] = ()
    ) -> bool:
        """Change the state with its reason; say whether this call changed it."""
        mine = Connection.objects.filter(pk=self.pk)
        others = mine.exclude(state__in=[state, *unless])
        now = database_time()
        columns = {"state": state, "state_reason": reason[:500], "state_since": now}
        with transaction.atomic():
            moved = others.update(**columns)
            if moved:
                self.note_opening(state, reason)
        if moved:
            self.state, self.state_reason, self.state_since = state, reason, now
        return bool(moved)

    def note_opening(self, state: str, reason: str) -> None:
        """Write the time line: a state that nothing is sent in begins or ends."""
        if state == self.State.READY:
            Opening.objects.end(self, reason or "It answers again.")
        else:
            Opening.objects.begin(self, state, reason)


class Credential(models.Model):
    """One secret of a connection: written by people, read by workers only."""

    connection = models.ForeignKey(
        Connection, on_delete=models.CASCADE, related_name="credentials"
    )
    name = models.CharField(max_length=40)
    sealed = models.TextField()
    set_at = models.DateTimeField()
    set_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["connection", "name"], name="credential_name_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} of {self.connection}"

    @property
    def context(self) -> str:
        return f"{self.connection_id}:{self.name}"

    def put(self, value: str) -> None:
        self.sealed = vault.seal(self.context, value)
        self.set_at = database_time()

    def open(self) -> Secret:
        return vault.unseal(self.context, self.sealed)


class Token(models.Model):
    """The access token of a connection, shared by all workers.

    `fetching_until` marks that one worker is fetching, so the others wait for its
    token instead of asking the vendor as well.
    """

    connection = models.OneToOneField(
        Connection, on_delete=models.CASCADE, related_name="token"
    )
    sealed = models.TextField(blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    fetching_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"Token of {self.connection}"
