from django.db import migrations

from tenants.row_security import protect


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]

    operations = [
        protect("trading_venueaccount"),
        protect("trading_position"),
        protect("trading_order"),
        protect("trading_fill"),
        protect("trading_marginchange"),
        protect("trading_preference"),
        protect("trading_command"),
    ]
