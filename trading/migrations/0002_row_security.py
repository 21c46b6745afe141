from django.db import migrations

from tenants.row_security import protect, protect_append_only, refuse_changes


class Migration(migrations.Migration):
    dependencies = [("trading", "0001_initial")]

    operations = [
        protect("trading_venueaccount"),
        protect("trading_position"),
        protect("trading_order"),
        protect("trading_fill"),
        protect("trading_marginchange"),
        protect("trading_preference"),
        protect("trading_builderfee"),
        protect("trading_walletapproval"),
        protect("trading_command"),
        protect("trading_fundingpayment"),
        protect("trading_ledgerentry"),
        protect("trading_setting"),
        protect("trading_settingchange"),
        protect("trading_formerposition"),
        protect("trading_liquidation"),
        protect("trading_difference"),
        protect_append_only("trading_commandevent"),
        refuse_changes("trading_commandevent"),
        protect_append_only("trading_approvalevent"),
        refuse_changes("trading_approvalevent"),
    ]
