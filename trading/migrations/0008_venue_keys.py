"""Keys that traders bring from a venue, and approvals that are not posted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("trading", "0007_records")]

    operations = [
        migrations.AddField(
            model_name="venueaccount",
            name="key_kind",
            field=models.CharField(
                choices=[("agent", "Agent"), ("api_key", "Api_Key")], default="agent", max_length=16
            ),
        ),
        migrations.AddField(
            model_name="walletapproval", name="method", field=models.CharField(default="POST", max_length=6)
        ),
    ]
