"""When a command could do nothing any more, and when it is looked at next."""

import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0008_venue_keys"),
    ]

    operations = [
        migrations.AddField(model_name="command", name="spent_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="command", name="next_at", field=models.DateTimeField(default=django.utils.timezone.now)
        ),
    ]
