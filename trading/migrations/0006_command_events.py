"""Commands that say how they are sent, when they are dead and what uses up their nonce, and every step they take."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from tenants.row_security import protect_append_only, refuse_changes


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_row_security"),
        ("trading", "0005_order_triggers"),
    ]

    operations = [
        migrations.RenameField(model_name="command", old_name="expires_at", new_name="dead_at"),
        migrations.AddField(model_name="command", name="method", field=models.CharField(default="POST", max_length=6)),
        migrations.AddField(model_name="command", name="names", field=models.JSONField(default=dict)),
        migrations.AddField(
            model_name="command", name="burn_path", field=models.CharField(blank=True, default="", max_length=60)
        ),
        migrations.AddField(model_name="command", name="burn_body", field=models.BinaryField(default=bytes)),
        migrations.AlterField(
            model_name="command",
            name="kind",
            field=models.CharField(
                choices=[
                    ("order", "Order"),
                    ("orders", "Orders"),
                    ("modify", "Change of an order"),
                    ("cancel", "Cancel"),
                    ("cancel_all", "Cancel all"),
                    ("mode", "Margin mode"),
                    ("leverage", "Leverage"),
                    ("margin", "Margin"),
                ],
                max_length=10,
            ),
        ),
        migrations.CreateModel(
            name="CommandEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("prepared", "Written down and signed"),
                            ("sent", "Sent"),
                            ("answered", "Answered"),
                            ("burned", "Its nonce used up"),
                            ("settled", "Settled"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("prepared", "Prepared"),
                            ("unknown", "Checking"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("dead", "Never executed"),
                            ("unproven", "Received, effect hidden"),
                        ],
                        max_length=10,
                    ),
                ),
                ("happened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("path", models.CharField(blank=True, default="", max_length=60)),
                ("request", models.BinaryField(default=bytes)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.BinaryField(default=bytes)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("evidence", models.JSONField(default=dict)),
                (
                    "command",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="trading.command"
                    ),
                ),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
            ],
            options={
                "ordering": ["id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
        ),
        protect_append_only("trading_commandevent"),
        refuse_changes("trading_commandevent"),
    ]
