from datetime import time

from django.apps import AppConfig

# Payouts are issued by the provider's night; by then the last one stands.
DAILY_AT = time(6, 0)


class ReconciliationConfig(AppConfig):
    name = "integrations.reconciliation"
    label = "reconciliation"
    verbose_name = "Reconciliation"

    def ready(self) -> None:
        """Have payouts fetched daily, and in steps by the workers."""
        from integrations.models import (  # noqa: PLC0415 (models are loaded only now)
            Schedule,
        )
        from integrations.reconciliation import asking, fetching  # noqa: PLC0415
        from integrations.sync import background, schedules  # noqa: PLC0415

        background.register("payouts", fetching.has_due, fetching.step)
        schedules.register(
            "payouts",
            schedules.Job("Fetch payouts and their lines", asking.ask_daily),
            "Daily payouts",
            {"rule": Schedule.Rule.DAILY, "at": DAILY_AT},
        )
