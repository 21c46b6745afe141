"""Every address on an operator's host. The platform's own host has ``platform_urls``."""

from django.urls import include, path

from branding import views as branding
from tenants import passwords
from tenants import views as people

urlpatterns = [
    path("", include("trading.urls")),
    path("console/", include("tenants.console.urls")),
    path("support/", include("trading.support.urls")),
    path("sign-in/", people.sign_in, name="sign_in"),
    path("sign-in/wallet/", people.sign_in_with_wallet, name="wallet_sign_in"),
    path("sign-in/wallet/message/", people.ask_wallet, name="wallet_message"),
    path("join/", people.join, name="join"),
    path("join/<str:secret>/", people.follow_invitation, name="invitation"),
    path("account/password/", passwords.choose_password, name="password"),
    path("account/connect/", include("trading.accounts.urls")),
    path("sign-out/", people.sign_out, name="sign_out"),
    path("brand/theme.css", branding.theme_css, name="theme_css"),
    path("brand/logo.png", branding.brand_logo, name="brand_logo"),
    path("favicon.ico", branding.brand_favicon, name="favicon"),
]

handler400 = "tenants.views.bad_request"
handler403 = "tenants.views.forbidden"
handler404 = "tenants.views.not_found"
handler500 = "tenants.views.server_error"
