"""What a person is found by, in the order of bytes: an index under row security can do no more than compare."""

from django.db import migrations, models
from django.db.models.functions import Lower


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0004_venues"),
    ]

    operations = [
        migrations.AddField(
            model_name="user",
            name="email_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=Lower("email"),
                output_field=models.CharField(db_collation="C", max_length=254),
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="wallet_key",
            field=models.GeneratedField(
                db_persist=True,
                expression=Lower("wallet"),
                output_field=models.CharField(db_collation="C", max_length=42),
            ),
        ),
        migrations.AddIndex(
            model_name="user", index=models.Index(fields=["operator", "email_key"], name="users_by_email")
        ),
        migrations.AddIndex(
            model_name="user", index=models.Index(fields=["operator", "wallet_key"], name="users_by_wallet")
        ),
        migrations.AddIndex(
            model_name="user", index=models.Index(fields=["operator", "role", "-id"], name="users_newest_first")
        ),
    ]
