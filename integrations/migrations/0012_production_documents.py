from django.db import migrations


def find_production(apps, schema_editor):
    """Documents that a flow of a production account uses are production documents."""
    documents = apps.get_model("mappings", "MappingDocument")
    flows = apps.get_model("integrations", "Flow")
    used = flows.objects.filter(target__environment="production").values("mapping")
    documents.objects.filter(pk__in=used).update(environment="production")


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0011_payload_rules"),
        ("mappings", "0002_studio"),
    ]

    operations = [
        migrations.RunPython(find_production, migrations.RunPython.noop),
    ]
