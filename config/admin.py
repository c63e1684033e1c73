from django.contrib.admin import AdminSite


class ConsoleSite(AdminSite):
    """The console's front door."""

    site_title = "Waybill"
    site_header = "Waybill"
    index_title = "Operations"
