"""The admin pages of connections, flows, inbox and ledger: one module per model."""
