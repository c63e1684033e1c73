"""Addresses for the queue workers."""

from errorqueue import alerts


def send_alerts() -> None:
    """Tell people what is not told yet."""
    alerts.send_waiting()
