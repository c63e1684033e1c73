"""Who is told of privacy requests: what needs a person, and what may miss its day."""

from datetime import datetime, timedelta

from errorqueue.alerts import About, close_alert, raise_alert
from errorqueue.models import Alert
from integrations.models import PrivacyRequest, ring_alerts

# So long before the deadline people are told that a request is not done.
WARNING = timedelta(days=7)
NEEDED, SOON, OVERDUE = "privacy", "privacy-soon", "privacy-overdue"
State = PrivacyRequest.State


def tell(request: PrivacyRequest, now: datetime) -> None:
    """Raise what people must hear now, and end what is over; each is told once."""
    wanted = {
        NEEDED: request.is_open and request.state == State.PERSON,
        SOON: request.is_open and now >= request.due_at - WARNING,
        OVERDUE: request.is_open and now >= request.due_at,
    }
    for reason, is_wanted in wanted.items():
        if is_wanted:
            _raise(request, reason)
        else:
            close_alert(key_of(reason, request))


def key_of(reason: str, request: PrivacyRequest) -> str:
    return f"{reason}:{request.pk}"


def _raise(request: PrivacyRequest, reason: str) -> None:
    due = f"{request.due_at:%-d %B %Y}"
    title = {
        NEEDED: f"Privacy request {request} needs a person until {due}",
        SOON: f"Privacy request {request} is due on {due} and not done",
        OVERDUE: f"Privacy request {request} was due on {due} and is not done",
    }[reason]
    text = (
        f"{request.connection} asked: {request.get_wish_display().lower()}. "
        f"{request.said} Its page says what is to be done; the law counts the days "
        "from the moment it was asked."
    )
    about = About(kind=Alert.Kind.DEADLINE, connection=str(request.connection))
    link = f"/admin/integrations/privacyrequest/{request.pk}/change/"
    if raise_alert(key_of(reason, request), title, text, link, about=about):
        ring_alerts()
