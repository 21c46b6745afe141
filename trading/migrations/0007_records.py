"""What happened to an account at its venue, and both sides of a hedge."""

import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models

from tenants.row_security import protect


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0003_wallet"),
        ("trading", "0006_command_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Difference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("position", "Position"),
                            ("margin", "Margin"),
                            ("balance", "Balance"),
                            ("order", "Order"),
                        ],
                        max_length=10,
                    ),
                ),
                ("subject", models.CharField(blank=True, default="", max_length=80)),
                ("ours", models.CharField(max_length=60)),
                ("venues", models.CharField(max_length=60)),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("healed_at", models.DateTimeField(null=True)),
                ("explanation", models.CharField(blank=True, default="", max_length=120)),
            ],
            options={
                "ordering": ["-found_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="FormerPosition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position_side",
                    models.CharField(
                        choices=[("both", "Both"), ("long", "Long"), ("short", "Short")], default="both", max_length=16
                    ),
                ),
                ("size", models.DecimalField(decimal_places=12, max_digits=36)),
                ("entry_price", models.DecimalField(decimal_places=12, max_digits=36)),
                ("mark_price", models.DecimalField(decimal_places=12, max_digits=36)),
                ("mode", models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16)),
                ("leverage", models.PositiveSmallIntegerField()),
                ("margin", models.DecimalField(decimal_places=12, max_digits=36)),
                ("cash", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("unrealised_pnl", models.DecimalField(decimal_places=12, max_digits=36)),
                ("liquidation_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("estimated_liquidation_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("max_leverage", models.PositiveSmallIntegerField()),
                ("funding_since_open", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("venue_time", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-ended_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="FundingPayment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=80)),
                ("happened_at", models.DateTimeField()),
                ("amount", models.DecimalField(decimal_places=12, max_digits=36)),
                ("size", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("rate", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=160)),
                ("kind", models.CharField(max_length=40)),
                ("happened_at", models.DateTimeField()),
                ("amount", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("details", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Liquidation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "position_side",
                    models.CharField(
                        choices=[("both", "Both"), ("long", "Long"), ("short", "Short")], default="both", max_length=16
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                ("happened_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField()),
                ("mode", models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16)),
                ("method", models.CharField(max_length=24)),
                ("size_before", models.DecimalField(decimal_places=12, max_digits=36)),
                ("closed_size", models.DecimalField(decimal_places=12, max_digits=36)),
                ("mark_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("average_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("closed_pnl", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("fee", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("settled", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("entry_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("leverage", models.PositiveSmallIntegerField(null=True)),
                ("margin", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("returned", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("lost", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("remained", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("liquidation_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("estimated_liquidation_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("path", models.JSONField(default=list)),
                ("path_until", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="SettingChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "mode_before",
                    models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16),
                ),
                ("leverage_before", models.PositiveSmallIntegerField()),
                ("mode", models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16)),
                ("leverage", models.PositiveSmallIntegerField()),
                ("happened_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name="order",
            name="one_row_per_order",
        ),
        migrations.RemoveConstraint(
            model_name="position",
            name="one_position_per_market",
        ),
        migrations.AddField(
            model_name="fill",
            name="fee_token",
            field=models.CharField(blank=True, default="", max_length=20),
        ),
        migrations.AddField(
            model_name="marginchange",
            name="key",
            field=models.CharField(blank=True, default="", max_length=120),
        ),
        migrations.AddField(
            model_name="order",
            name="end",
            field=models.CharField(blank=True, default="", max_length=40),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="cursors",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="position",
            name="position_side",
            field=models.CharField(
                choices=[("both", "Both"), ("long", "Long"), ("short", "Short")], default="both", max_length=16
            ),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="account_reading",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="anchors",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="hedge_mode",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="history_read_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="orders_reading",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="venueaccount",
            name="readings",
            field=models.BigIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name="marginchange",
            name="command",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="margin_change",
                to="trading.command",
            ),
        ),
        migrations.AlterField(
            model_name="marginchange",
            name="margin_before",
            field=models.DecimalField(decimal_places=12, max_digits=36, null=True),
        ),
        migrations.AddIndex(
            model_name="marginchange",
            index=models.Index(fields=["account", "-happened_at"], name="margin_changes_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="marginchange",
            constraint=models.UniqueConstraint(
                condition=models.Q(("key", ""), _negated=True),
                fields=("account", "key"),
                name="one_row_per_margin_move",
            ),
        ),
        migrations.AddConstraint(
            model_name="order",
            constraint=models.UniqueConstraint(
                fields=("account", "market", "venue_id"), name="one_row_per_order_and_market"
            ),
        ),
        migrations.AddConstraint(
            model_name="position",
            constraint=models.UniqueConstraint(
                fields=("account", "market", "position_side"), name="one_position_per_side"
            ),
        ),
        migrations.AddField(
            model_name="difference",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="differences", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="difference",
            name="market",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
            ),
        ),
        migrations.AddField(
            model_name="difference",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="formerposition",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="former_positions", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="formerposition",
            name="market",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"),
        ),
        migrations.AddField(
            model_name="formerposition",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="fundingpayment",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="funding", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="fundingpayment",
            name="market",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"),
        ),
        migrations.AddField(
            model_name="fundingpayment",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="ledger", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="ledgerentry",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="liquidation",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="liquidations", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="liquidation",
            name="market",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"),
        ),
        migrations.AddField(
            model_name="liquidation",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="account",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="setting_changes", to="trading.venueaccount"
            ),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="command",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.command"
            ),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="market",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"),
        ),
        migrations.AddField(
            model_name="settingchange",
            name="operator",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
            ),
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(fields=["operator", "-found_at", "-id"], name="differences_newest_first"),
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(fields=["account", "-found_at"], name="differences_of_an_account"),
        ),
        migrations.AddConstraint(
            model_name="difference",
            constraint=models.UniqueConstraint(
                condition=models.Q(("healed_at", None)),
                fields=("account", "kind", "subject"),
                name="one_open_difference",
            ),
        ),
        migrations.AddIndex(
            model_name="formerposition",
            index=models.Index(fields=["account", "market", "-ended_at"], name="former_newest_first"),
        ),
        migrations.AddIndex(
            model_name="fundingpayment",
            index=models.Index(fields=["account", "-happened_at"], name="funding_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="fundingpayment",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_row_per_funding_payment"),
        ),
        migrations.AddIndex(
            model_name="ledgerentry",
            index=models.Index(fields=["account", "-happened_at"], name="ledger_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="ledgerentry",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_row_per_ledger_entry"),
        ),
        migrations.AddIndex(
            model_name="liquidation",
            index=models.Index(fields=["account", "-happened_at"], name="liquidations_newest_first"),
        ),
        migrations.AddConstraint(
            model_name="liquidation",
            constraint=models.UniqueConstraint(fields=("account", "key"), name="one_row_per_liquidation"),
        ),
        migrations.AddIndex(
            model_name="settingchange",
            index=models.Index(fields=["account", "-happened_at"], name="settings_newest_first"),
        ),
        protect("trading_difference"),
        protect("trading_formerposition"),
        protect("trading_fundingpayment"),
        protect("trading_ledgerentry"),
        protect("trading_liquidation"),
        protect("trading_settingchange"),
    ]
