import uuid
from decimal import Decimal

import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import django.db.models.manager
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="SignerNonce",
            fields=[
                ("signer", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("last", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="VenueAccount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "trader",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="accounts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                ("is_current", models.BooleanField(default=True)),
                (
                    "venue",
                    models.CharField(choices=[("hyperliquid", "Hyperliquid"), ("aster", "Aster")], max_length=16),
                ),
                ("network", models.CharField(choices=[("mainnet", "Mainnet"), ("testnet", "Testnet")], max_length=16)),
                ("address", models.CharField(max_length=42)),
                (
                    "address_key",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.text.Lower("address"),
                        output_field=models.CharField(db_collation="C", max_length=42),
                    ),
                ),
                ("agent_address", models.CharField(blank=True, default="", max_length=42)),
                ("agent_key", models.BinaryField(default=bytes)),
                (
                    "key_kind",
                    models.CharField(
                        choices=[("agent", "Agent"), ("api_key", "Api_Key")], default="agent", max_length=16
                    ),
                ),
                ("agent_since", models.DateTimeField(null=True)),
                ("agent_expires_at", models.DateTimeField(null=True)),
                ("agent_refused_at", models.DateTimeField(null=True)),
                ("builder", models.CharField(blank=True, default="", max_length=42)),
                (
                    "mode",
                    models.CharField(
                        choices=[
                            ("standard", "Standard"),
                            ("unified", "Unified"),
                            ("portfolio", "Portfolio"),
                            ("multi_asset", "Multi_Asset"),
                            ("unknown", "Unknown"),
                        ],
                        default="standard",
                        max_length=16,
                    ),
                ),
                ("equity", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("cross_equity", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("cross_maintenance", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("cross_margin_used", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("withdrawable", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("taker_fee", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("maker_fee", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("builder_fee", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("fees_read_at", models.DateTimeField(null=True)),
                ("venue_time", models.DateTimeField(null=True)),
                ("synced_at", models.DateTimeField(null=True)),
                ("attempted_at", models.DateTimeField(null=True)),
                ("confirmed_at", models.DateTimeField(null=True)),
                ("orders_read_at", models.DateTimeField(null=True)),
                ("history_read_at", models.DateTimeField(null=True)),
                ("readings", models.BigIntegerField(default=0)),
                ("account_reading", models.BigIntegerField(default=0)),
                ("orders_reading", models.BigIntegerField(default=0)),
                ("behind_since", models.DateTimeField(null=True)),
                ("cursors", models.JSONField(default=dict)),
                ("opening_balance", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("opening_at", models.DateTimeField(null=True)),
                ("anchors", models.JSONField(default=dict)),
                ("pools", models.JSONField(default=dict)),
                ("hedge_mode", models.BooleanField(default=False)),
                ("sync_problem", models.CharField(blank=True, default="", max_length=200)),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["attempted_at"], name="longest_not_attempted"),
                    models.Index(fields=["operator", "address_key"], name="accounts_by_address"),
                    models.Index(
                        condition=models.Q(("behind_since__isnull", False)),
                        fields=["venue", "network", "behind_since"],
                        name="accounts_behind",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("operator", "trader", "venue", "network", "address"),
                        name="one_account_per_trader_and_address",
                    )
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="BuilderFee",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
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
                "constraints": [
                    models.UniqueConstraint(fields=("operator", "venue", "network"), name="one_builder_fee_per_venue"),
                    models.CheckConstraint(
                        condition=models.Q(("rate__gt", 0), ("rate__lte", Decimal("0.001"))),
                        name="builder_fee_within_the_venues_cap",
                    ),
                ],
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
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="approvals", to="trading.venueaccount"
                    ),
                ),
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
                            ("dead", "Never carried out"),
                            ("unproven", "Cannot be told"),
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
                ("method", models.CharField(default="POST", max_length=6)),
                ("path", models.CharField(blank=True, default="", max_length=60)),
                ("body", models.BinaryField(default=bytes)),
                ("dead_at", models.DateTimeField(null=True)),
                ("spent_at", models.DateTimeField(null=True)),
                ("message", models.CharField(blank=True, default="", max_length=300)),
                ("reason", models.CharField(blank=True, default="", max_length=40)),
                ("venue_text", models.CharField(blank=True, default="", max_length=300)),
                ("asked_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("next_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("deliveries", models.PositiveSmallIntegerField(default=0)),
                ("settled_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-asked_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "unknown")), fields=["next_at"], name="approvals_not_answered"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("account", "nonce"), name="one_approval_per_nonce"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ("asked", "unknown"))),
                        fields=("account",),
                        name="one_open_approval_per_account",
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Market",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "venue",
                    models.CharField(choices=[("hyperliquid", "Hyperliquid"), ("aster", "Aster")], max_length=16),
                ),
                ("network", models.CharField(choices=[("mainnet", "Mainnet"), ("testnet", "Testnet")], max_length=16)),
                ("name", models.CharField(max_length=40)),
                ("index", models.PositiveIntegerField()),
                ("is_delisted", models.BooleanField(default=False)),
                ("max_leverage", models.PositiveSmallIntegerField()),
                ("spec", models.JSONField(default=dict)),
                ("mark_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("oracle_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("mid_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("previous_day_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("funding_rate", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("open_interest", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("day_volume", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("received_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["venue", "index"],
                "constraints": [
                    models.UniqueConstraint(fields=("venue", "network", "name"), name="one_market_per_name")
                ],
            },
        ),
        migrations.CreateModel(
            name="Position",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
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
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="positions", to="trading.venueaccount"
                    ),
                ),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "constraints": [
                    models.UniqueConstraint(fields=("account", "market", "position_side"), name="one_position_per_side")
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Order",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="orders",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                ("venue_id", models.BigIntegerField()),
                ("client_id", models.CharField(blank=True, default="", max_length=40)),
                ("is_buy", models.BooleanField()),
                ("kind", models.CharField(max_length=30)),
                ("limit_price", models.DecimalField(decimal_places=12, max_digits=36)),
                ("size", models.DecimalField(decimal_places=12, max_digits=36)),
                ("original_size", models.DecimalField(decimal_places=12, max_digits=36)),
                ("reduce_only", models.BooleanField(default=False)),
                ("time_in_force", models.CharField(blank=True, default="", max_length=16)),
                ("trigger_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                (
                    "trigger_kind",
                    models.CharField(
                        blank=True,
                        choices=[("stop_loss", "Stop_Loss"), ("take_profit", "Take_Profit")],
                        default="",
                        max_length=16,
                    ),
                ),
                ("trigger_is_market", models.BooleanField(default=False)),
                ("trail", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("covers_position", models.BooleanField(default=False)),
                ("parent_id", models.BigIntegerField(null=True)),
                ("is_open", models.BooleanField(default=True)),
                ("end", models.CharField(blank=True, default="", max_length=40)),
                (
                    "wakes_at",
                    models.GeneratedField(
                        db_persist=True,
                        expression=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Coalesce("trigger_price", "limit_price"),
                            models.FloatField(),
                        ),
                        output_field=models.FloatField(),
                    ),
                ),
                (
                    "wakes_below",
                    models.GeneratedField(
                        db_persist=True,
                        expression=models.Case(
                            models.When(is_buy=True, then=False, trigger_kind="stop_loss"),
                            models.When(then=True, trigger_kind="stop_loss"),
                            default="is_buy",
                        ),
                        output_field=models.BooleanField(),
                    ),
                ),
                ("placed_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-placed_at"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "market", "venue_id"), name="one_row_per_order_and_market"
                    )
                ],
                "indexes": [
                    models.Index(fields=["account", "-seen_at"], name="orders_last_seen_first"),
                    models.Index(
                        condition=models.Q(("is_open", True)), fields=["account"], name="orders_of_an_account"
                    ),
                    models.Index(condition=models.Q(("end", "")), fields=["account"], name="orders_without_end"),
                    models.Index(
                        condition=models.Q(("is_open", True)),
                        fields=["market", "wakes_below", "wakes_at"],
                        name="orders_that_rest",
                    ),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Fill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="fills",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                ("key", models.CharField(max_length=80)),
                ("order_id", models.BigIntegerField()),
                ("happened_at", models.DateTimeField()),
                ("is_buy", models.BooleanField()),
                ("price", models.DecimalField(decimal_places=12, max_digits=36)),
                ("size", models.DecimalField(decimal_places=12, max_digits=36)),
                ("start_position", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("direction", models.CharField(max_length=40)),
                ("closed_pnl", models.DecimalField(decimal_places=12, max_digits=36)),
                ("fee", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("fee_token", models.CharField(blank=True, default="", max_length=20)),
                ("builder_fee", models.DecimalField(decimal_places=12, default=0, max_digits=36)),
                ("liquidation", models.CharField(blank=True, default="", max_length=12)),
                ("liquidation_mark_price", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["account", "-happened_at"], name="fills_newest_first"),
                    models.Index(fields=["account", "id"], name="fills_as_they_came"),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="one_row_per_fill")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Preference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "trader",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="trading.market"
                    ),
                ),
                ("mode", models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16)),
                ("leverage", models.PositiveSmallIntegerField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "constraints": [models.UniqueConstraint(fields=("trader", "market"), name="one_preference_per_market")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Command",
            fields=[
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="commands", to="trading.venueaccount"
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("order", "Order"),
                            ("orders", "Orders"),
                            ("modify", "Change of an order"),
                            ("cancel", "Cancel"),
                            ("cancel_all", "Cancel all"),
                            ("mode", "Margin mode"),
                            ("leverage", "Leverage"),
                            ("margin", "Margin"),
                            ("move", "Move of collateral"),
                        ],
                        max_length=10,
                    ),
                ),
                ("form_key", models.UUIDField()),
                ("fingerprint", models.CharField(max_length=64)),
                ("intent", models.JSONField(default=dict)),
                ("before", models.JSONField(default=dict)),
                ("client_id", models.CharField(blank=True, default="", max_length=40)),
                ("names", models.JSONField(default=dict)),
                ("nonce", models.BigIntegerField()),
                ("method", models.CharField(default="POST", max_length=6)),
                ("path", models.CharField(max_length=60)),
                ("body", models.BinaryField()),
                ("burn_path", models.CharField(blank=True, default="", max_length=60)),
                ("burn_body", models.BinaryField(default=bytes)),
                ("dead_at", models.DateTimeField(null=True)),
                ("spent_at", models.DateTimeField(null=True)),
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
                        default="prepared",
                        max_length=10,
                    ),
                ),
                ("message", models.CharField(blank=True, default="", max_length=300)),
                ("next_step", models.CharField(blank=True, default="", max_length=300)),
                ("evidence", models.JSONField(default=dict)),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("deliveries", models.PositiveSmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("prepared_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("sent_at", models.DateTimeField(null=True)),
                ("settled_at", models.DateTimeField(null=True)),
                ("shown_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-prepared_at"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["account", "-prepared_at"], name="commands_newest_first"),
                    models.Index(
                        condition=models.Q(("state__in", ["prepared", "unknown"])),
                        fields=["prepared_at"],
                        name="commands_not_settled",
                    ),
                    models.Index(
                        condition=models.Q(("shown_at", None), ("state__in", ["accepted", "unproven"])),
                        fields=["account", "settled_at"],
                        name="commands_not_shown",
                    ),
                    models.Index(
                        condition=models.Q(
                            ("kind", "orders"),
                            models.Q(
                                (
                                    "intent__has_any_keys",
                                    ["take_profit", "stop_loss", "then_take_profit", "then_stop_loss"],
                                ),
                                ("kind__in", ["order", "cancel_all"]),
                            ),
                            _connector="OR",
                        ),
                        fields=["settled_at"],
                        name="commands_that_lead",
                    ),
                    models.Index(
                        condition=models.Q(("kind__in", ["mode", "leverage"]), ("state", "accepted")),
                        fields=["account", "market", "kind", "-settled_at"],
                        name="commands_that_set",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "form_key", "kind"), name="one_command_per_form_and_kind"
                    ),
                    models.UniqueConstraint(fields=("account", "nonce"), name="one_command_per_nonce"),
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="MarginChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="margin_changes",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                (
                    "command",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="margin_change",
                        to="trading.command",
                    ),
                ),
                ("key", models.CharField(blank=True, default="", max_length=120)),
                ("amount", models.DecimalField(decimal_places=12, max_digits=36)),
                ("margin_before", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("liquidation_before", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("liquidation_after", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("happened_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["account", "-happened_at"], name="margin_changes_newest_first"),
                    models.Index(fields=["account", "id"], name="margin_changes_as_they_came"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("key", ""), _negated=True),
                        fields=("account", "key"),
                        name="one_row_per_margin_move",
                    )
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="CommandEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "command",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="trading.command"
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("prepared", "Written down"),
                            ("sent", "Sent"),
                            ("answered", "Answered"),
                            ("burned", "Its nonce used up"),
                            ("asked", "Asked about"),
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
                ("answer_length", models.PositiveIntegerField(default=0)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("evidence", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(
                        condition=models.Q(("evidence__has_key", "reason")),
                        fields=["operator", "command"],
                        name="refused_with_a_reason",
                    )
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="ApprovalEvent",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "approval",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="events", to="trading.walletapproval"
                    ),
                ),
                (
                    "step",
                    models.CharField(
                        choices=[
                            ("prepared", "Written down"),
                            ("sent", "Sent"),
                            ("answered", "Answered"),
                            ("burned", "Its nonce used up"),
                            ("asked", "Asked about"),
                            ("settled", "Settled"),
                        ],
                        max_length=10,
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
                            ("dead", "Never carried out"),
                            ("unproven", "Cannot be told"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=10,
                    ),
                ),
                ("happened_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("path", models.CharField(blank=True, default="", max_length=60)),
                ("request", models.BinaryField(default=bytes)),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("answer", models.BinaryField(default=bytes)),
                ("answer_length", models.PositiveIntegerField(default=0)),
                ("error", models.CharField(blank=True, default="", max_length=300)),
                ("evidence", models.JSONField(default=dict)),
            ],
            options={
                "ordering": ["id"],
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
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="funding",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
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
                "indexes": [
                    models.Index(fields=["account", "-happened_at"], name="funding_newest_first"),
                    models.Index(fields=["account", "id"], name="funding_as_they_came"),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="one_row_per_funding_payment")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="ledger",
                        to="trading.venueaccount",
                    ),
                ),
                ("key", models.CharField(max_length=160)),
                ("kind", models.CharField(max_length=40)),
                ("happened_at", models.DateTimeField()),
                ("amount", models.DecimalField(decimal_places=12, max_digits=36, null=True)),
                ("asset", models.CharField(blank=True, default="", max_length=40)),
                ("details", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [
                    models.Index(fields=["account", "-happened_at"], name="ledger_newest_first"),
                    models.Index(fields=["account", "id"], name="ledger_as_they_came"),
                ],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="one_row_per_ledger_entry")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Setting",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="settings", to="trading.venueaccount"
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="trading.market"
                    ),
                ),
                ("mode", models.CharField(choices=[("isolated", "Isolated"), ("cross", "Cross")], max_length=16)),
                ("leverage", models.PositiveSmallIntegerField()),
                ("told_at", models.DateTimeField()),
            ],
            options={
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "constraints": [models.UniqueConstraint(fields=("account", "market"), name="one_setting_per_market")],
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
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="setting_changes",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                (
                    "command",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.command"
                    ),
                ),
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
                "indexes": [models.Index(fields=["account", "-happened_at"], name="settings_newest_first")],
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
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
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
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="former_positions",
                        to="trading.venueaccount",
                    ),
                ),
                ("ended_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["-ended_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [models.Index(fields=["account", "market", "-ended_at"], name="former_newest_first")],
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
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="liquidations",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
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
                ("noticed_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["-happened_at", "-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [models.Index(fields=["account", "-happened_at"], name="liquidations_newest_first")],
                "constraints": [models.UniqueConstraint(fields=("account", "key"), name="one_row_per_liquidation")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
        migrations.CreateModel(
            name="Difference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="differences",
                        to="trading.venueaccount",
                    ),
                ),
                (
                    "market",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="trading.market"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("position", "Position"),
                            ("margin", "Margin"),
                            ("balance", "Balance"),
                            ("order", "Order"),
                            ("setting", "Leverage or mode"),
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
                "indexes": [
                    models.Index(fields=["operator", "-healed_at", "-found_at", "-id"], name="differences_open_first"),
                    models.Index(fields=["account", "-found_at"], name="differences_of_an_account"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("healed_at", None)),
                        fields=("account", "kind", "subject"),
                        name="one_open_difference",
                    )
                ],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
