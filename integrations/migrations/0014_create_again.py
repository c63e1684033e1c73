from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("integrations", "0013_installation"),
    ]

    operations = [
        migrations.AlterField(
            model_name="syncrecord",
            name="retry_start",
            field=models.CharField(
                blank=True,
                choices=[
                    ("mapping", "mapping"),
                    ("sent", "sent"),
                    ("look", "look"),
                    ("again", "again"),
                ],
                max_length=8,
            ),
        ),
    ]
