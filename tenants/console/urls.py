"""The console's addresses, for the role owner."""

from django.urls import path

from tenants.console import brand, fees, frames, history, margin, overview

urlpatterns = [
    path("", overview.show_overview, name="console"),
    path("freshness/", overview.show_freshness, name="console_freshness"),
    path("brand/", brand.edit_brand, name="console_brand"),
    path("brand/preview/", brand.preview_brand, name="console_brand_preview"),
    path("margin/", margin.edit_margin, name="console_margin"),
    path("margin/preview/", margin.preview_margin, name="console_margin_preview"),
    path("fees/", fees.edit_fees, name="console_fees"),
    path("audit/", history.show_audit, name="console_audit"),
    path("frames/terminal/", frames.show_terminal, name="console_frame_terminal"),
    path("frames/ticket/", frames.show_ticket, name="console_frame_ticket"),
    path("frames/theme.css", frames.draft_theme_css, name="console_frame_theme"),
    path("frames/logo.png", frames.draft_logo, name="console_frame_logo"),
    path("frames/candles/<str:market_name>/", frames.list_example_candles, name="console_frame_candles"),
]
