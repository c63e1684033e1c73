"""What was sent before there were messages counts as told, and is told no second time."""

from typing import Any

from django.db import migrations
from django.db.models import F


def note_told(apps: Any, editor: Any) -> None:
    alerts = apps.get_model("errorqueue", "Alert").objects
    alerts.filter(sent_at__isnull=False).update(planned_at=F("sent_at"))


class Migration(migrations.Migration):
    dependencies = [("errorqueue", "0004_alerting")]

    operations = [migrations.RunPython(note_told, migrations.RunPython.noop)]
