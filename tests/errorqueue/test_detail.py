import pytest

from errorqueue import services
from errorqueue.admin.detail import changes, readable
from errorqueue.failures import FailureKind
from errorqueue.models import FailedRecord
from integrations.models import SyncRecord
from tests.errorqueue.conftest import failure
from tests.errorqueue.pages import page_of, text_of


def test_the_page_answers_what_why_and_how(operator, make_line):
    line = make_line(label="#1042")
    answer = operator.get(page_of(line, "change/"))
    shown = text_of(answer)
    assert answer.context["title"].startswith(f"ERR-{line.pk} · Order #1042")
    assert "What failed Order #1042 has a postcode that is too long" in shown
    assert "Why NetSuite takes 36 characters." in shown
    assert "How to fix it Shorten the postcode in Shopify." in shown


def test_each_wrong_field_has_its_rule_and_value(operator, make_line):
    shown = text_of(operator.get(page_of(make_line(), "change/")))
    assert "shippingAddress.zip shipping.zip – SW1A 1AA and a long remark" in shown
    assert "at most 36 characters" in shown


def test_facts_name_who_what_and_how_much(operator, make_line):
    line = make_line(FailureKind.TEMPORARY, waits=True, source_key="555000")
    shown = text_of(operator.get(page_of(line, "change/")))
    for fact in (
        "Flow Orders to NetSuite",
        "From → to Acme Shop → NetSuite",
        "Customer Acme Outdoor Ltd",
        "E-mail jane@example.com",
        "Amount 1,240.00 EUR",
        "Document id 555000",
        "Tries 3 of 10",
        "Next try in 11 minutes",
    ):
        assert fact in shown


def test_both_payloads_and_every_try_are_on_the_page(operator, make_line, add_try):
    line = make_line()
    add_try(line, 1), add_try(line, 2, message="It timed out.")
    answer = operator.get(page_of(line, "change/"))
    shown = text_of(answer)
    assert '"note": "ring twice"' in shown
    assert '"externalId": "shopify-acme-order-7"' in shown
    assert "Try 2" in shown and "Try 1" in shown and "It timed out." in shown
    assert "request id 7f3a-91" in shown
    assert '"total": 1240.10' in shown
    assert '{"title": "Bad Request"}' in shown


def test_an_unknown_outcome_is_said_and_a_retry_called_safe(operator, make_line):
    line = make_line()
    services.capture(line.subject, line.subject.labels(), failure(is_unknown=True))
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Outcome unknown" in shown
    assert "looks it up by its external id before it writes" in shown


def test_what_people_did_is_shown_with_the_difference(operator, make_line, olga):
    line = make_line()
    services.note_edit(
        line, olga, "customer called", '{\n "zip": "long"\n}', '{\n "zip": "SW1A"\n}'
    )
    page = operator.get(page_of(line, "change/")).content.decode()
    assert '<span class="diff-removed">- &quot;zip&quot;: &quot;long&quot;' in page
    assert '<span class="diff-added">+ &quot;zip&quot;: &quot;SW1A&quot;' in page
    assert "customer called" in page


def test_a_line_whose_record_is_gone_can_still_be_read(operator, make_line):
    line = make_line()
    SyncRecord.objects.all().delete()
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Why NetSuite takes 36 characters." in shown
    assert "It was never sent." in shown


def test_a_settled_line_says_first_how_it_ended(operator, make_line, olga):
    line = make_line(label="#1042")
    services.exclude(line, olga, "test order")
    page = operator.get(page_of(line, "change/"))
    shown = text_of(page).partition("Skip to main content")[2]
    ended = shown.index("How it ended Excluded: test order")
    assert ", by olga" in shown
    assert ended < shown.index("What had failed") < shown.index("How to fix it")
    assert page.content.decode().index('<details class="card">') > 0
    assert "Order #1042 has a postcode" not in shown[:ended]


def test_an_open_line_shows_its_answer_unfolded(operator, make_line):
    shown = text_of(operator.get(page_of(make_line(), "change/")))
    assert "How it ended" not in shown and "What had failed" not in shown


def test_who_may_not_retry_is_told_whom_to_ask(auditor, operator, make_line):
    line = make_line()
    asks = "Ask an operator to retry it."
    assert asks in text_of(auditor.get(page_of(line, "change/")))
    assert asks not in text_of(operator.get(page_of(line, "change/")))


def test_a_line_that_needs_a_person_counts_its_tries_plainly(operator, make_line):
    line = make_line()
    assert "Tries 3 tries First failed" in text_of(
        operator.get(page_of(line, "change/"))
    )
    FailedRecord.objects.update(tries=1)
    assert "Tries 1 try First failed" in text_of(operator.get(page_of(line, "change/")))


def test_headers_of_which_nothing_is_kept_are_left_out(operator, make_line, add_try):
    line = make_line()
    sent = "Host: •••\nAuthorization: •••\nPrefer: x\nConnection: •••\n\nnote: •••"
    exchange = {"method": "PUT", "url": "u", "status": 400, "request": sent}
    add_try(line, exchanges=[exchange | {"response": "Server: •••"}])
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Request Authorization: ••• Prefer: x note: ••• Response no body" in shown


def test_a_settled_line_offers_nothing_to_press(operator, make_line):
    line = make_line()
    services.resolve(line.subject, "Delivered to NetSuite as 88123.")
    shown = text_of(operator.get(page_of(line, "change/")))
    assert "Delivered to NetSuite as 88123." in shown
    for button in ("Retry now", "Exclude…", "Edit and retry"):
        assert button not in shown


def test_scripts_in_payloads_and_answers_stay_text(operator, make_line, add_try):
    nasty = "</pre><script>alert(1)</script>"
    line = make_line(source={"note": nasty}, party=nasty)
    add_try(line, exchanges=[{"method": "PUT", "url": nasty, "response": nasty}])
    page = operator.get(page_of(line, "change/")).content.decode()
    assert "<script>alert" not in page


def test_an_unknown_line_leads_back_instead_of_failing(operator, make_line):
    assert (
        operator.get("/admin/errorqueue/failedrecord/99999/change/").status_code == 302
    )
    assert operator.get("/admin/errorqueue/failedrecord/abc/change/").status_code == 302
    assert (
        operator.post("/admin/errorqueue/failedrecord/99999/retry/").status_code == 404
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (None, ""),
        ("", ""),
        ("plain words", "plain words"),
        ('{"a":1.10}', '{\n  "a": 1.10\n}'),
        ({"a": ["é"]}, '{\n  "a": [\n    "é"\n  ]\n}'),
        ("[" * 100_000, "[" * 100_000),
    ],
)
def test_bodies_are_indented_digit_for_digit(body, shown):
    assert readable(body) == shown


def test_a_huge_body_is_cut_and_says_so():
    assert readable("x" * 250_000).endswith("… 50,000 more characters")


def test_equal_texts_have_no_difference():
    assert list(changes("same", "same")) == []
