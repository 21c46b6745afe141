"""Support's addresses, for the roles support and owner. All of them read."""

from django.urls import path

from trading.support import views

urlpatterns = [
    path("", views.find_trader, name="support"),
    path("open/", views.show_open_matters, name="support_open"),
    path("traders/<int:trader_id>/", views.show_trader, name="support_trader"),
    path("traders/<int:trader_id>/timeline/", views.show_timeline, name="support_timeline"),
    path("liquidations/<int:liquidation_id>/", views.show_liquidation, name="support_liquidation"),
]
