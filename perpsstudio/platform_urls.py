"""The platform's own host: a landing page that lists nothing private, and the measurements behind their own lock."""

from django.urls import path
from django.views.generic import TemplateView

from branding.views import brand_favicon, theme_css
from trading.views.metrics import metrics

urlpatterns = [
    path("", TemplateView.as_view(template_name="platform.html"), name="platform"),
    path("brand/theme.css", theme_css, name="theme_css"),
    path("favicon.ico", brand_favicon, name="favicon"),
    path("metrics", metrics, name="metrics"),
]

handler400 = "tenants.views.bad_request"
handler403 = "tenants.views.forbidden"
handler404 = "tenants.views.not_found"
handler500 = "tenants.views.server_error"
