import django.db.models.deletion
import django.db.models.manager
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("tenants", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Brand",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "operator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="tenants.operator"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                ("accent", models.CharField(max_length=7)),
                ("neutral_hue", models.PositiveSmallIntegerField(default=250)),
                ("neutral_chroma", models.DecimalField(decimal_places=3, default=0, max_digits=4)),
                (
                    "scheme",
                    models.CharField(choices=[("dark", "Dark"), ("light", "Light")], default="dark", max_length=5),
                ),
                ("radius", models.PositiveSmallIntegerField(default=4)),
                ("gap", models.PositiveSmallIntegerField(default=1)),
                ("density", models.PositiveSmallIntegerField(default=30)),
                ("font", models.CharField(default="inter", max_length=20)),
                ("logo", models.BinaryField(default=bytes)),
                ("logo_type", models.CharField(default="image/png", max_length=20)),
                ("logo_digest", models.CharField(blank=True, default="", max_length=16)),
                ("published_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "ordering": ["-id"],
                "abstract": False,
                "base_manager_name": "unscoped",
                "default_manager_name": "unscoped",
                "indexes": [models.Index(fields=["operator", "-id"], name="brand_newest_first")],
            },
            managers=[
                ("unscoped", django.db.models.manager.Manager()),
            ],
        ),
    ]
