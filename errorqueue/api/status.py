"""Where a failed record stands, for the page that waits for its retry."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework.permissions import BasePermission, IsAdminUser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from errorqueue.models import FailedRecord
from errorqueue.wording import next_try


class MayViewFailedRecords(BasePermission):
    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.has_perm("errorqueue.view_failedrecord"))


class StatusView(APIView):
    """Answers the status of one failed record; changes nothing.

    It serves the console's own pages and is no part of the published interface.
    """

    schema = None
    permission_classes = [IsAdminUser, MayViewFailedRecords]

    def get(self, request: Request, pk: int) -> Response:
        return Response(status_of(get_object_or_404(FailedRecord, pk=pk)))


def status_of(line: FailedRecord) -> dict[str, Any]:
    """Describe a line as its pill shows it.

    `is_moving` says that it is worth asking again; `next_try` is ISO 8601 or null.
    """
    subject = line.subject if line.is_open else None
    progress = subject.progress if subject else ""
    return {
        "status": line.status,
        "label": progress or line.get_status_display(),
        "tone": line.tone,
        "next_try": line.next_try_at.isoformat() if line.next_try_at else None,
        "next_try_text": next_try(line.next_try_at),
        "is_moving": line.status == FailedRecord.Status.RETRYING,
    }
