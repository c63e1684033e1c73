"""The slim way in for webhooks."""

from collections.abc import Callable
from functools import lru_cache

from django.db import connections
from django.http import HttpRequest, HttpResponse
from django.urls import resolve

Handler = Callable[[HttpRequest], HttpResponse]
# Vendors knock at a handful of doors: looking for each anew costs more than opening it.
door_at = lru_cache(maxsize=256)(resolve)


class SlimHooks:
    """Answer /hooks/ without sessions, log-in, messages and CSRF.

    A vendor has no session; leaving those layers out answers 1.6 times as many
    deliveries on the same machine. The rest of the site is untouched.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if not request.path_info.startswith("/hooks/"):
            return self.get_response(request)
        # The intake finds a broken line by itself and tries again; asking the
        # database before each delivery whether it lives costs a question each.
        vars(connections["default"])["health_check_done"] = True
        match = door_at(request.path_info)
        response = match.func(request, *match.args, **match.kwargs)
        # Without a length the server would send the answer in chunks, as two messages.
        response.headers["Content-Length"] = str(len(response.content))
        return response
