"""Which venues an operator offers."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0003_wallet")]

    operations = [
        migrations.AddField(
            model_name="marginpolicy",
            name="venues",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.CharField(max_length=16), default=list, size=None
            ),
        )
    ]
