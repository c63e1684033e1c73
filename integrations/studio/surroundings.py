"""What the pages of value tables show of flows, targets and the error queue."""

from integrations.studio.choices import offer_of
from integrations.studio.waiting import uses_of, waiting_for
from mappings.models import ValueTable
from mappings.tables.surroundings import Outlook


class LedgerSurroundings:
    """Knows who reads a table, what its targets take and who waits for it."""

    def outlook(self, table: ValueTable) -> Outlook:
        """Return what stands around a table; may ask its target."""
        flows = dict.fromkeys(use.flow for use in uses_of([table.pk]))
        waiting = {value: one for (_, value), one in waiting_for([table.pk]).items()}
        return Outlook(offer_of(table), tuple(flows), waiting)
