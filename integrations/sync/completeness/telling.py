"""What people are told of comparisons: one alert per flow and reason."""

from errorqueue.alerts import CALM, About, close_alert, raise_alert
from errorqueue.clock import database_time
from integrations.models import AuditEntry, Connection, Flow, Gap, GapCheck, ring_alerts
from integrations.sync.completeness.asking import unsettled

PAGE = "/admin/integrations/completeness/"
MOST_NAMED = 5


def tell_failed(check: GapCheck) -> None:
    """Tell that a source's list could not be read; the next good one ends it.

    A source that a person paused is no news.
    """
    flow = check.flow
    if flow.source.state == Connection.State.PAUSED:
        return  # by a person, who knows
    text = (
        f"{flow.source} could not be asked for its list: {check.problem} Until it can, "
        "nobody can say whether every "
        f"{flow.source_entity} has come in. Press Check connection on its page; it "
        "names the permission that is missing."
    )
    title = f"{flow}: could not be compared with {flow.source}"
    _tell("compare", flow, title, text)


def tell_done(check: GapCheck, gaps: list[Gap], missing: list[Gap]) -> None:
    """Note in the audit trail what was brought; tell of what is missing still."""
    flow = check.flow
    if not check.is_asked_by_key:
        close_alert(f"compare:{flow.pk}")
    brought = [gap for gap in gaps if gap.fetched_at and not gap.is_gone]
    if brought:
        detail = f"{check.since:%Y-%m-%d %H:%M} to {check.until:%Y-%m-%d %H:%M} UTC"
        verb = "fetched as missing"
        if check.is_asked_by_key:
            verb, detail = "read again", f"A delivery named {brought[0]} only."
        AuditEntry.objects.note_many("flow", flow.pk, verb, len(brought), detail)
    if missing:
        _tell_missing(flow, missing)
    elif not unsettled(flow, database_time()):
        close_alert(f"missing:{flow.pk}")


def _tell_missing(flow: Flow, missing: list[Gap]) -> None:
    names = ", ".join(str(gap) for gap in missing[:MOST_NAMED])
    more = len(missing) - MOST_NAMED
    names += f" and {more} more" if more > 0 else ""
    problem = next((gap.problem for gap in missing if gap.problem), "")
    why = f" The source said: {problem}" if problem else ""
    text = (
        f"{flow.source} lists them, and they could not be fetched: {names}.{why} They "
        "are asked for again every quarter of an hour; the page of the day names each."
    )
    count = f"{len(missing)} {flow.source_entity}{'s' if len(missing) > 1 else ''}"
    _tell("missing", flow, f"{flow}: {count} missing", text)


def _tell(reason: str, flow: Flow, title: str, text: str) -> None:
    about = About(flow=str(flow), source=str(flow.source))
    key = f"{reason}:{flow.pk}"
    if raise_alert(key, title, text, PAGE, calm=CALM, about=about):
        ring_alerts()
