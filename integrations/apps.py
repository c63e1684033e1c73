from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Connections and flows"

    def ready(self) -> None:
        """Tell the error queue how a person can work on a record of the ledger."""
        from errorqueue import workbench  # noqa: PLC0415 (models are loaded only now)
        from integrations.studio import (  # noqa: PLC0415
            activation,
            nightly,
            rechecking,
            seen,
        )
        from integrations.studio.acceptance import runs  # noqa: PLC0415
        from integrations.studio.surroundings import LedgerSurroundings  # noqa: PLC0415
        from integrations.sync import (  # noqa: PLC0415
            audit,
            background,
            pace,
        )
        from integrations.sync.workbench import RecordWorkbench  # noqa: PLC0415
        from mappings import changes  # noqa: PLC0415
        from mappings.tables import surroundings  # noqa: PLC0415

        workbench.register("integrations.syncrecord", RecordWorkbench)
        workbench.register_pace(pace.seconds_for)
        changes.register(audit.keep_change)
        changes.register_reader(audit.writers_of)
        activation.register()
        nightly.register()
        background.register("acceptance runs", runs.has_due, runs.ring)
        background.register("values seen at the source", seen.is_due, seen.step)
        background.register(
            "changed value tables", rechecking.is_due, rechecking.recheck
        )
        surroundings.register(LedgerSurroundings())
