"""Certificates of completeness: a chain that shows whatever was done to it."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from integrations.models import Certificate
from integrations.sync.completeness import certifying
from tests.flows.test_completeness import nightly, place_on, yesterday
from tests.flows.test_subscriptions import shop

__all__ = ["nightly", "place_on", "shop", "yesterday"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def chain(nightly, place_on, yesterday):
    place_on(yesterday, 5630)
    nightly()
    assert Certificate.objects.count() >= 4
    assert certifying.verify() == certifying.Verdict(Certificate.objects.count())


def told_by_the_command():
    out = StringIO()
    try:
        call_command("verify_completeness", stdout=out)
    except CommandError as error:
        return str(error)
    return out.getvalue().strip()


def test_a_chain_that_is_whole_says_so(chain):
    count = Certificate.objects.count()
    assert told_by_the_command() == f"{count} certificates, the chain is whole."


@pytest.mark.parametrize(
    "change",
    [
        {"source_count": 99},
        {"delivered": 77},
        {"missing": 5},
        {"money": {"USD": {"source": "1.00"}}},
        {"day": "2020-01-01"},
        {"flow_name": "Another"},
        {"made_by": "somebody"},
    ],
)
def test_a_figure_that_was_changed_breaks_the_chain(chain, change):
    second = Certificate.objects.order_by("pk")[1]
    Certificate.objects.filter(pk=second.pk).update(**change)
    said = told_by_the_command()
    assert f"Certificate {second.pk}" in said and "was changed" in said


def test_one_that_was_taken_out_breaks_the_chain(chain):
    first, second, third = Certificate.objects.order_by("pk")[:3]
    Certificate.objects.filter(pk=second.pk).delete()
    assert f"Certificate {third.pk}" in told_by_the_command()
    assert first.pk


def test_an_end_that_was_cut_off_is_seen_in_the_audit_trail(chain):
    last = Certificate.objects.first()
    Certificate.objects.filter(pk=last.pk).delete()
    said = told_by_the_command()
    assert f"names certificate {last.pk} as the newest" in said


def test_a_changed_figure_with_a_new_digest_still_shows(chain):
    last = Certificate.objects.first()
    last.missing = 0
    last.source_count = 1000
    digest = certifying.digest_of(last)
    Certificate.objects.filter(pk=last.pk).update(source_count=1000, digest=digest)
    assert "audit trail" in told_by_the_command()


def test_a_flow_that_is_removed_leaves_its_certificates_whole(chain):
    Certificate.objects.update(flow=None)
    assert certifying.verify().broken == ""


def test_one_that_is_made_during_the_walk_is_no_fault(chain):
    before = Certificate.objects.order_by("-pk")[1]
    assert certifying._end_fault(before) == ""
    Certificate.objects.order_by("-pk")[:1].get().delete()
    assert "audit trail" in certifying._end_fault(before)
