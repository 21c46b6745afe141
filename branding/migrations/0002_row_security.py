from django.db import migrations

from tenants.row_security import protect


class Migration(migrations.Migration):
    dependencies = [("branding", "0001_initial")]

    operations = [
        protect("branding_brand"),
    ]
