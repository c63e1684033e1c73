from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('integrations', '0008_flow_hold'),
    ]

    operations = [
        migrations.CreateModel(
            name='ScanPlace',
            fields=[
                ('name', models.CharField(max_length=40, primary_key=True, serialize=False)),
                ('row', models.BigIntegerField(default=0)),
            ],
            options={'default_permissions': ()},
        ),
    ]
