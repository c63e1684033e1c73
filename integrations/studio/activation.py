"""What happens around a version that goes live, and who makes scheduled ones do so."""

from django.urls import reverse

from errorqueue.alerts import raise_alert
from errorqueue.clock import database_time
from integrations.models import ring_alerts
from integrations.studio import effect, watching
from integrations.sync import background
from mappings import changes, scheduling
from mappings.scheduling import Activation


def register() -> None:
    """Have workers do the work of the studio, and hear of versions that go live."""
    changes.register_listener(watching.went_live)
    background.register("scheduled versions", is_due, activate_due)
    background.register("effect reports", effect.is_due, effect.step)
    background.register("watches", watching.is_due, watching.look)


def is_due() -> bool:
    """Say whether the time of a scheduled version has come."""
    return bool(scheduling.due(database_time()))


def activate_due() -> None:
    """Let scheduled versions go live; tell people of one that could not."""
    for activation in scheduling.activate_due(database_time()):
        if activation.problem:
            _tell(activation)


def _tell(activation: Activation) -> None:
    version = activation.version
    raise_alert(
        f"activation:{version.pk}:{database_time():%Y-%m-%dT%H:%M}",
        f"{version} did not go live",
        f"It was to go live by itself, but: {activation.problem}\n\nThe version before "
        "stays in force. Open the version, mend the reason and schedule it again.",
        reverse("admin:mappings_mappingversion_change", args=[version.pk]),
    )
    ring_alerts()
