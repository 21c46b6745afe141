"""Support's addresses, for the roles support and owner. All of them read."""

from django.urls import path

from trading.support import views

urlpatterns = [
    path("", views.find_trader, name="support"),
    path("traders/<int:trader_id>/", views.show_trader, name="support_trader"),
]
