from decimal import Decimal

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from tenants.row_security import protect


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0003_wallet"),
        ("trading", "0002_row_security"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="BuilderFee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "venue",
                    models.CharField(choices=[("hyperliquid", "Hyperliquid"), ("aster", "Aster")], max_length=16),
                ),
                ("network", models.CharField(choices=[("mainnet", "Mainnet"), ("testnet", "Testnet")], max_length=16)),
                ("address", models.CharField(max_length=42)),
                ("rate", models.DecimalField(decimal_places=12, max_digits=36)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="WalletApproval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("key", "Trading key"),
                            ("no_key", "Trading key revoked"),
                            ("fee", "Exchange fee"),
                            ("no_fee", "Exchange fee revoked"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("asked", "Waiting for the wallet"),
                            ("unknown", "Checking"),
                            ("accepted", "Accepted"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        default="asked",
                        max_length=10,
                    ),
                ),
                ("chain_id", models.BigIntegerField()),
                ("nonce", models.BigIntegerField()),
                ("agent_address", models.CharField(blank=True, default="", max_length=42)),
                ("agent_name", models.CharField(blank=True, default="", max_length=16)),
                ("agent_key", models.BinaryField(default=bytes)),
                ("valid_until", models.DateTimeField(null=True)),
                ("builder", models.CharField(blank=True, default="", max_length=42)),
                ("rate", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("path", models.CharField(blank=True, default="", max_length=60)),
                ("body", models.BinaryField(default=bytes)),
                ("message", models.CharField(blank=True, default="", max_length=300)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-asked_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="venueaccount",
            name="one_account_per_address",
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="agent_expires_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="agent_refused_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="agent_since",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="builder",
            field=models.CharField(blank=True, default="", max_length=42),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="is_current",
            field=models.BooleanField(default=True),
        ),
        migrations.AddConstraint(
            model_name="venueaccount",
            constraint=models.UniqueConstraint(
                fields=("operator", "trader", "venue", "network", "address"), name="one_account_per_trader_and_address"
            ),
        ),
        migrations.AddField(
            model_name="builderfee",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="walletapproval",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="approvals", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="walletapproval",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddConstraint(
            model_name="builderfee",
            constraint=models.UniqueConstraint(
                fields=("operator", "venue", "network"), name="one_builder_fee_per_venue"
            ),
        ),
        migrations.AddConstraint(
            model_name="builderfee",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate__gt", 0), ("rate__lte", Decimal("0.001"))),
                name="builder_fee_within_the_venues_cap",
            ),
        ),
        migrations.AddConstraint(
            model_name="walletapproval",
            constraint=models.UniqueConstraint(fields=("account", "nonce"), name="one_approval_per_nonce"),
        ),
        migrations.AddConstraint(
            model_name="walletapproval",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("asked", "unknown"))),
                fields=("account",),
                name="one_open_approval_per_account",
            ),
        ),
        protect("trading_builderfee"),
        protect("trading_walletapproval"),
    ]
