import pytest
from django.contrib.messages import get_messages

from errorqueue import services
from errorqueue.failures import Refused, Reread, RetryChoice, RetryOptions, Start
from errorqueue.models import FailedRecord
from tests.errorqueue.pages import page_of, text_of

Status = FailedRecord.Status


@pytest.fixture
def chosen(monkeypatch):
    """What was asked of the record itself."""
    seen = []
    whole = services.retry

    def retry(line, by=None, reason="", choice=None):
        seen.append(choice)
        return whole(line, by, reason)

    monkeypatch.setattr(services, "retry", retry)
    return seen


def said(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_one_click_asks_nothing(operator, make_line, bench, chosen):
    line = make_line()
    answer = operator.post(page_of(line, "retry/"))
    assert answer.url == page_of(line, "change/")
    assert chosen == [None]
    assert FailedRecord.objects.get().status == Status.RETRYING


def test_the_dialog_explains_each_choice_in_words(operator, make_line, bench):
    shown = text_of(operator.get(page_of(make_line(), "retry-as/")))
    for words in (
        "From the mapping The record is mapped anew",
        "Send the same document again The same document goes out once more",
        "Look first The target is searched for it first",
        "As it is kept here What came in",
        "Change it first Opens the form",
        "Read it from the source again Shows what is different",
        "Orders v4, the current one Orders v3, as at failure",
    ):
        assert words in shown


def test_the_default_of_every_choice_is_what_one_click_does(
    operator, make_line, bench, chosen
):
    operator.post(page_of(make_line(), "retry-as/"), {"payload": "kept"})
    assert chosen == [RetryChoice()]


def test_start_and_mapping_travel_to_the_retry(operator, make_line, bench, chosen):
    data = {"start": "sent", "payload": "kept", "version": "9"}
    operator.post(page_of(make_line(), "retry-as/"), data)
    assert chosen == [RetryChoice(Start.SENT, 9)]


@pytest.mark.parametrize(
    "data",
    [
        {"start": "moon", "payload": "kept"},
        {"payload": "other"},
        {"payload": "kept", "version": "77"},
        {"payload": "kept", "version": "x"},
    ],
)
def test_what_was_not_offered_is_refused(operator, make_line, bench, chosen, data):
    answer = operator.post(page_of(make_line(), "retry-as/"), data)
    assert answer.status_code == 200
    assert "is not one of the available choices" in text_of(answer)
    assert not chosen


def test_change_it_first_leads_to_the_form(operator, make_line, bench, chosen):
    line = make_line()
    answer = operator.post(page_of(line, "retry-as/"), {"payload": "edit"})
    assert answer.url == page_of(line, "fix/")
    assert not chosen


def test_who_may_not_edit_is_not_offered_to(make_person, browser_of, make_line, bench):
    rita = browser_of(make_person("rita", "view", "retry"))
    shown = text_of(rita.get(page_of(make_line(), "retry-as/")))
    assert "Change it first" not in shown and "As it is kept here" in shown


def test_read_again_shows_the_difference_and_takes_nothing_yet(
    operator, make_line, bench, chosen
):
    line = make_line()
    data = {"payload": "reread", "start": "mapping", "version": "9"}
    answer = operator.post(page_of(line, "retry-as/"), data)
    page = answer.content.decode()
    assert '<span class="diff-removed">- &quot;zip&quot;: &quot;long&quot;' in page
    assert '<span class="diff-added">+ &quot;zip&quot;: &quot;SW1A&quot;' in page
    assert "It was changed there since." in text_of(answer)
    assert bench.asked == [("reread",)] and not chosen
    hidden = {"mark": "m-1", "start": "mapping", "version": "9"}
    for name, value in hidden.items():
        assert f'name="{name}" value="{value}"' in page
    answer = operator.post(page_of(line, "reread/"), hidden)
    assert bench.asked[1:] == [("take", "m-1", "olga")]
    assert chosen == [RetryChoice(Start.MAPPING, 9)]
    assert said(answer) == [f"ERR-{line.pk} is queued with what the source has now."]


def test_a_source_that_has_the_same_offers_nothing_to_take(operator, make_line, bench):
    bench.source_has = Reread("{}", "{}", False, "m")
    answer = operator.post(page_of(make_line(), "retry-as/"), {"payload": "reread"})
    assert "Nothing is different there" in text_of(answer)
    assert "Take it over" not in text_of(answer)


def test_a_source_that_moved_on_since_is_refused_in_words(
    operator, make_line, bench, chosen
):
    bench.raises = Refused("The order changed in the shop since. Read it again.")
    line = make_line()
    answer = operator.post(page_of(line, "reread/"), {"mark": "old"})
    assert said(answer) == ["The order changed in the shop since. Read it again."]
    assert not chosen and FailedRecord.objects.get().status == Status.FAILED


def test_only_what_the_record_can_do_is_offered(operator, make_line, bench):
    bench.options_given = RetryOptions(starts=((Start.MAPPING, "From the mapping"),))
    shown = text_of(operator.get(page_of(make_line(), "retry-as/")))
    assert "Read it from the source again" not in shown
    assert "By which mapping?" not in shown


def test_a_settled_line_is_not_asked_about(operator, make_line, bench):
    line = make_line()
    services.resolve(line.subject, "Delivered.")
    answer = operator.get(page_of(line, "retry-as/"))
    assert said(answer) == [f"ERR-{line.pk} is settled already."]
