"""Maintenance windows: nothing is sent meanwhile, and their own cause stays untold."""
