"""A way out leads only where its reader may go."""

import pytest
from django.urls import reverse

from errorqueue.admin.ways_out import as_allowed
from errorqueue.failures import Route, RouteKind


@pytest.mark.parametrize(("right", "is_open"), [("retry", True), ("view", False)])
def test_creating_again_is_offered_to_who_may_retry(make_person, right, is_open):
    page = reverse("admin:errorqueue_failedrecord_retry_as", args=[1])
    route = Route(RouteKind.CREATE, "Create it again", "It was deleted.", page)
    shown = as_allowed(route, make_person("rita", right))
    assert bool(shown.url) is is_open
    assert shown.text == route.text
