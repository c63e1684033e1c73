"""The answer to the banner of a copied database: the installation has moved."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from integrations.models import AuditEntry
from integrations.models.installation import copied_from, own_host, settle_here


def moved_view(request: HttpRequest) -> HttpResponse:
    """Make this place the home of the database; only a superuser may."""
    if not request.user.is_superuser:
        raise PermissionDenied
    home = copied_from()
    if home:
        with transaction.atomic():
            settle_here()
            told = f"From {home} to {own_host()}"
            AuditEntry.objects.note_change(
                "installation", 1, "moved", told, request.user
            )
        text = "This is the real one from now on. Start the workers again."
        messages.success(request, text)
    return redirect("admin:index")
