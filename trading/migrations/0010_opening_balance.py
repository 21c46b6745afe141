"""The balance that all later money is explained from."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0009_command_clock"),
    ]

    operations = [
        migrations.AddField(
            model_name="venueaccount",
            name="opening_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="opening_balance",
            field=models.DecimalField(decimal_places=12, default=0, max_digits=36),
        ),
    ]
