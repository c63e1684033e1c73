"""Turning flows on and off."""

from integrations.models import Flow, ring_connection


class NoMapping(Exception):
    """A flow cannot be on while its mapping has no published version."""


def turn_on(flow: Flow) -> bool:
    """Let a flow take records again; say whether it was off. Raises NoMapping."""
    if flow.mapping.published() is None:
        raise NoMapping(
            f"{flow} stays off: {flow.mapping} has no published version yet."
        )
    turned = Flow.objects.filter(pk=flow.pk, is_enabled=False).update(is_enabled=True)
    if turned:
        ring_connection(flow.target_id)
    return bool(turned)


def turn_off(flow: Flow) -> bool:
    """Let a flow rest: nothing of it is sent until it is on again."""
    turned = Flow.objects.filter(pk=flow.pk, is_enabled=True).update(is_enabled=False)
    return bool(turned)
