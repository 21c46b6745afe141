"""The connect page's addresses: one page, and what can be done on it."""

from django.urls import path

from trading.accounts import views

urlpatterns = [
    path("", views.show, name="connect"),
    path("address/", views.connect_account, name="connect_address"),
    path("key/", views.connect_pasted_key, name="connect_key"),
    path("ask/", views.ask_approval, name="ask_approval"),
    path("sign/", views.sign_approval, name="sign_approval"),
    path("check/", views.check_approval, name="check_approval"),
    path("cancel/", views.withdraw_approval, name="withdraw_approval"),
    path("forget/", views.forget, name="forget_key"),
    path("leave/", views.leave_account, name="leave_account"),
]
