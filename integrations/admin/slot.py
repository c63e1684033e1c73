"""Who holds which of the requests that a vendor allows at once."""

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from errorqueue.admin.readonly import ReadOnlyAdmin
from errorqueue.clock import database_time
from errorqueue.templatetags.console import pill
from integrations.admin.columns import moment
from integrations.models import Slot


class InUse(admin.SimpleListFilter):
    """Shows only the slots that somebody holds now."""

    title = "in use"
    parameter_name = "in_use"

    def lookups(
        self, request: HttpRequest, model_admin: object
    ) -> list[tuple[str, str]]:
        return [("yes", "In use"), ("no", "Free")]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Slot]
    ) -> QuerySet[Slot]:
        taken = Q(lease_until__gt=database_time())
        wanted = {"yes": taken, "no": ~taken}
        return queryset.filter(wanted.get(self.value() or "", Q()))


@admin.register(Slot)
class SlotAdmin(ReadOnlyAdmin):
    list_display = ["connection", "number", "state_shown", "holder", "until"]
    list_display_links = None
    list_filter = [InUse, "connection"]
    list_select_related = ["connection"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Slot]:
        """Slots above the allowance lie idle and are left out."""
        within = super().get_queryset(request)
        return within.filter(number__lte=F("connection__allowance"))

    @admin.display(description="State")
    def state_shown(self, slot: Slot) -> SafeString:
        taken = slot.lease_until is not None and slot.lease_until > database_time()
        return pill("In use", "wait") if taken else pill("Free", "good")

    @admin.display(description="In use until", ordering="lease_until")
    def until(self, slot: Slot) -> str:
        return moment(slot.lease_until)
