import pytest
from django.contrib.messages import get_messages

from errorqueue import services
from errorqueue.failures import FieldProblem, Light, Preflight
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.pages import page_of, text_of

Status = FailedRecord.Status


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def statuses() -> list[str]:
    return list(FailedRecord.objects.values_list("status", flat=True))


@pytest.fixture
def unknown(make_line):
    line = make_line()
    return services.capture(
        line.subject, line.subject.labels(), failure(is_unknown=True)
    )


def test_a_line_is_resolved_by_hand_with_a_reason(resolver, make_line, bench):
    line = make_line()
    address = page_of(line, "resolve/")
    assert "It was settled elsewhere" in text_of(resolver.get(address))
    answer = resolver.post(address, {"reason": " "})
    assert "This field is required." in text_of(answer)
    assert statuses() == [Status.FAILED]
    answer = resolver.post(address, {"reason": "entered by hand"})
    assert said(answer) == [f"ERR-{line.pk} is resolved."]
    assert FailedRecord.objects.get().settled_how == "By hand: entered by hand"


def test_resolving_takes_a_right_of_its_own(operator, make_line, bench):
    line = make_line()
    assert operator.get(page_of(line, "resolve/")).status_code == 403
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Resolve…" not in shown


def test_undo_is_offered_with_the_seconds_left_and_works(operator, make_line, bench):
    line = make_line()
    operator.post(page_of(line, "exclude/"), {"reason": "by mistake"})
    page = operator.get(page_of(line, "change/"))
    assert "You excluded it. Take it back" in text_of(page)
    left = page.context["undoable"]["seconds"]
    assert 50 <= left <= 60
    action = line.actions.get(verb="exclude")
    answer = operator.post(page_of(line, "undo/"), {"action": action.pk})
    assert said(answer) == [f"ERR-{line.pk} is as it was before."]
    assert statuses() == [Status.FAILED]
    assert "Take it back" not in text_of(operator.get(page_of(line, "change/")))


def test_a_colleagues_step_is_not_offered_to_take_back(
    operator, make_line, make_person, browser_of, bench
):
    line = make_line()
    operator.post(page_of(line, "retry/"))
    otto = browser_of(make_person("otto", "view", "retry"))
    assert "Take it back" not in text_of(otto.get(page_of(line, "change/")))
    action = line.actions.get()
    answer = otto.post(page_of(line, "undo/"), {"action": action.pk})
    assert answer.status_code == 404
    assert statuses() == [Status.RETRYING]


@pytest.mark.parametrize("number", ["", "x", "999999", "-1", "9" * 30])
def test_an_undo_of_nothing_is_not_found(operator, make_line, bench, number):
    answer = operator.post(page_of(make_line(), "undo/"), {"action": number})
    assert answer.status_code == 404


def test_a_retry_that_has_begun_is_not_offered_to_take_back(operator, make_line, bench):
    line = make_line()
    operator.post(page_of(line, "retry/"))
    SyncRecord.objects.update(state=SyncRecord.State.RUNNING)
    action = line.actions.get()
    answer = operator.post(page_of(line, "undo/"), {"action": action.pk})
    assert said(answer)[-1] == "It has begun or moved on meanwhile: it stays as it is."


def test_an_unknown_outcome_has_one_safe_button(operator, unknown, bench):
    page = operator.get(page_of(unknown, "change/"))
    assert "Look in NetSuite" in text_of(page)
    assert "A retry cannot double it" in text_of(page)


def test_nothing_found_offers_to_send(operator, unknown, bench):
    answer = operator.post(page_of(unknown, "look/"))
    shown = text_of(answer)
    assert "NetSuite has no such order. It is not there." in shown
    assert "Send it now" in shown and "Adopt" not in shown
    assert bench.asked == [("look",)] and statuses() == [Status.FAILED]


def test_nobody_can_tell_is_not_said_as_not_there(operator, unknown, bench):
    bench.found = Preflight(Light.AMBER, "NetSuite does not answer.")
    shown = text_of(operator.post(page_of(unknown, "look/")))
    assert "NetSuite does not answer." in shown and "It is not there" not in shown


def test_what_is_found_can_be_adopted_with_a_reason(resolver, unknown, bench):
    bench.found = Preflight(
        Light.GREEN,
        "NetSuite has it since 14:02.",
        problems=(FieldProblem(target="memo", rule="differs"),),
        target_id="88123",
    )
    answer = resolver.post(page_of(unknown, "look/"))
    assert "It is there as 88123" in text_of(answer)
    assert "memo: differs" in text_of(answer)
    address = page_of(unknown, "adopt/")
    answer = resolver.post(address, {"target_id": "88123", "reason": " "})
    assert "This field is required." in text_of(answer)
    assert len(bench.asked) == 1
    answer = resolver.post(address, {"target_id": "88123", "reason": "same lines"})
    assert bench.asked[1:] == [("adopt", "88123", "rosa", "same lines")]
    assert said(answer) == [f"ERR-{unknown.pk} is settled: NetSuite has it as 88123."]
    assert statuses() == [Status.RESOLVED]


def test_the_light_is_shown_with_what_would_still_fail(operator, make_line, bench):
    bench.light = Preflight(
        Light.RED,
        "NetSuite would refuse the postcode.",
        problems=(
            FieldProblem(source="shipping.zip", value="long", rule="at most 10"),
        ),
    )
    line = make_line()
    shown = text_of(operator.post(page_of(line, "preflight/")))
    assert "Would fail again. NetSuite would refuse the postcode." in shown
    assert "shipping.zip “long”: at most 10" in shown
    later = text_of(operator.get(page_of(line, "change/")))
    assert "Retry now Would fail again" in later
    assert "Checked just now" in later
    assert statuses() == [Status.FAILED]


def test_a_record_that_is_there_already_is_settled_by_the_check(
    operator, make_line, bench
):
    bench.light = Preflight(
        Light.GREEN, "It is there.", target_id="7", is_same=True, proof="Is 7 there."
    )
    shown = text_of(operator.post(page_of(make_line(), "preflight/")))
    assert "How it ended Is 7." in shown
    assert statuses() == [Status.RESOLVED]


@pytest.mark.parametrize(
    "name", ["retry", "preflight", "look", "adopt", "reread", "undo"]
)
def test_what_acts_is_not_reached_by_a_link(operator, resolver, make_line, bench, name):
    line = make_line()
    for client in (operator, resolver):
        assert client.get(page_of(line, f"{name}/")).status_code in (403, 405)
    assert statuses() == [Status.FAILED] and not bench.asked


PAGES = ("retry", "retry-as", "reread", "preflight", "look", "adopt", "fix", "exclude")


@pytest.mark.parametrize("name", [*PAGES, "resolve"])
def test_each_button_takes_its_right_and_a_token(
    auditor, olga, browser_of, make_line, bench, name
):
    line = make_line()
    assert auditor.post(page_of(line, f"{name}/")).status_code == 403
    strict = browser_of(olga, enforce_csrf_checks=True)
    assert strict.post(page_of(line, f"{name}/")).status_code == 403
    assert statuses() == [Status.FAILED] and not bench.asked
