"""What support looks for, found without reading the rest; and when a trader has taken note of a liquidation."""

from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0005_search_keys"),
        ("trading", "0010_opening_balance"),
    ]

    operations = [
        migrations.AddField(
            model_name="liquidation",
            name="noticed_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="address_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=Lower("address"),
                output_field=models.CharField(db_collation="C", max_length=42),
            ),
        ),
        migrations.AddIndex(
            model_name="venueaccount",
            index=models.Index(fields=["operator", "address_key"], name="accounts_by_address"),
        ),
        migrations.AddIndex(
            model_name="command",
            index=models.Index(fields=["account", "-prepared_at"], name="commands_newest_first"),
        ),
    ]
