"""What a resting order waits for: its trigger, its position or its parent."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("trading", "0004_proof"),
    ]

    operations = [
        migrations.AddField(
            model_name="order",
            name="covers_position",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="order",
            name="parent_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name="order",
            name="time_in_force",
            field=models.CharField(blank=True, default="", max_length=16),
        ),
        migrations.AddField(
            model_name="order",
            name="trigger_is_market",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="order",
            name="trigger_kind",
            field=models.CharField(
                blank=True,
                choices=[("stop_loss", "Stop_Loss"), ("take_profit", "Take_Profit")],
                default="",
                max_length=16,
            ),
        ),
        migrations.AddField(
            model_name="order",
            name="trigger_price",
            field=models.DecimalField(decimal_places=12, max_digits=36, null=True),
        ),
    ]
