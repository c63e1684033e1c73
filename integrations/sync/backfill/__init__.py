"""Bringing over what a source held before, looked at first, paced, and never doubled.

A person asks (`asking`); workers list and judge, then enter record by record (`running`).
From there on the ledger delivers as ever.
"""
