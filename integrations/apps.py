from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "Connections and flows"

    def ready(self) -> None:
        """Tell the error queue how a person can work on a record of the ledger."""
        from errorqueue import (  # noqa: PLC0415 (models are loaded only now)
            escalation,
            workbench,
        )
        from integrations.operations import regular  # noqa: PLC0415
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
        from integrations.sync.backfill import running as backfills  # noqa: PLC0415
        from integrations.sync.completeness import sweeping  # noqa: PLC0415
        from integrations.sync.maintenance import windows  # noqa: PLC0415
        from integrations.sync.matching import running as matches  # noqa: PLC0415
        from integrations.sync.privacy import working as privacy  # noqa: PLC0415
        from integrations.sync.workbench import RecordWorkbench  # noqa: PLC0415
        from mappings import changes  # noqa: PLC0415
        from mappings.tables import surroundings  # noqa: PLC0415

        workbench.register("integrations.syncrecord", RecordWorkbench)
        workbench.register_pace(pace.seconds_for)
        escalation.register_away(windows.names_away)
        changes.register(audit.keep_change)
        changes.register_reader(audit.writers_of, audit.written_by)
        activation.register()
        nightly.register()
        regular.register()
        background.register("acceptance runs", runs.has_due, runs.ring)
        background.register("comparisons", sweeping.has_due, sweeping.step)
        background.register("privacy requests", privacy.has_due, privacy.step)
        background.register("back-fills", backfills.has_due, backfills.step)
        background.register("matches", matches.has_due, matches.step)
        background.register("values seen at the source", seen.is_due, seen.step)
        background.register(
            "changed value tables", rechecking.is_due, rechecking.recheck
        )
        surroundings.register(LedgerSurroundings())
