import django.db.models.functions.text
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_row_security"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="user",
            name="one_user_per_email_and_operator",
        ),
        migrations.AddField(
            model_name="user",
            name="wallet",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
        migrations.AlterField(
            model_name="user",
            name="email",
            field=models.EmailField(blank=True, default="", max_length=254),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                models.F("operator"),
                django.db.models.functions.text.Lower("email"),
                condition=models.Q(("email", ""), _negated=True),
                name="one_user_per_email_and_operator",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.UniqueConstraint(
                condition=models.Q(("wallet", ""), _negated=True),
                fields=("operator", "wallet"),
                name="one_user_per_wallet_and_operator",
            ),
        ),
        migrations.AddConstraint(
            model_name="user",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("email", ""), _negated=True), models.Q(("wallet", ""), _negated=True), _connector="OR"
                ),
                name="user_has_an_email_or_a_wallet",
            ),
        ),
    ]
