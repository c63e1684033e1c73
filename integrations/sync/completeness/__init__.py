"""The source's own list against the ledger: nothing that happened there is missing here."""
