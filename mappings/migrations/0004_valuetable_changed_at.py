from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('mappings', '0003_acceptance'),
    ]

    operations = [
        migrations.AddField(
            model_name='valuetable',
            name='changed_at',
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
    ]
