from django.db import migrations

from tenants.row_security import protect, protect_append_only


class Migration(migrations.Migration):
    dependencies = [("tenants", "0001_initial")]

    operations = [
        protect("tenants_user"),
        protect("tenants_domainclaim"),
        protect("tenants_invitation"),
        protect("tenants_marginpolicy"),
        protect("tenants_marketchoice"),
        protect_append_only("tenants_auditevent"),
    ]
