"""The trader's addresses: GET reads, POST acts, each fragment has one address."""

from django.urls import path

from trading.views import closing, commands, exits, market, orders, positions, terminal, ticket, working

urlpatterns = [
    path("", terminal.home, name="home"),
    path("trade/<str:market_name>/", terminal.show_terminal, name="terminal"),
    path("trade/<str:market_name>/quote/", ticket.show_quote, name="quote"),
    path("trade/<str:market_name>/order/", ticket.place_order, name="place_order"),
    path("trade/<str:market_name>/book/", market.show_book, name="book"),
    path("trade/<str:market_name>/candles/", market.list_candles, name="candles"),
    path("trade/<str:market_name>/bar/", market.show_market_bar, name="market_bar"),
    path("banner/", terminal.show_banner, name="banner"),
    path("account/", terminal.show_account, name="account_panel"),
    path("positions/", positions.show_positions, name="positions"),
    path("positions/<int:position_id>/margin/", positions.show_margin_dialog, name="margin_dialog"),
    path("positions/<int:position_id>/margin/preview/", positions.show_margin_preview, name="margin_preview"),
    path("positions/<int:position_id>/margin/change/", positions.change_margin, name="change_margin"),
    path("positions/<int:position_id>/working/", working.show_working, name="working"),
    path("positions/<int:position_id>/exits/", exits.show_exits_dialog, name="exits_dialog"),
    path("positions/<int:position_id>/exits/preview/", exits.show_exits_preview, name="exits_preview"),
    path("positions/<int:position_id>/exits/set/", exits.set_exits, name="set_exits"),
    path("positions/<int:position_id>/close/", closing.show_close_dialog, name="close_dialog"),
    path("positions/<int:position_id>/close/preview/", closing.show_close_preview, name="close_preview"),
    path("positions/<int:position_id>/close/now/", closing.close_position, name="close_position"),
    path("orders/<int:order_id>/cancel/", orders.cancel_order, name="cancel_order"),
    path("orders/<int:order_id>/change/", orders.show_modify_dialog, name="modify_dialog"),
    path("orders/<int:order_id>/change/preview/", orders.show_modify_preview, name="modify_preview"),
    path("orders/<int:order_id>/change/now/", orders.modify_order, name="modify_order"),
    path("orders/of/<str:market_name>/cancel/", orders.show_cancel_dialog, name="cancel_dialog"),
    path("orders/of/<str:market_name>/cancel/now/", orders.cancel_orders, name="cancel_orders"),
    path("orders/", positions.show_orders, name="orders"),
    path("fills/", positions.show_fills, name="fills"),
    path("margin-changes/", positions.show_margin_changes, name="margin_changes"),
    path("commands/<uuid:command_id>/", commands.show_command, name="command"),
]
