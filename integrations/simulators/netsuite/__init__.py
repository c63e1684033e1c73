"""A simulated NetSuite account (REST record API, SuiteQL; vendor state 2026.1)."""

from integrations.simulators.netsuite.simulator import NetSuiteSimulator

__all__ = ["NetSuiteSimulator"]
