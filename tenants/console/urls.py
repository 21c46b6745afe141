"""The console's addresses, for the role owner."""

from django.urls import path

from tenants.console import brand, domains, fees, frames, history, margin, markets, overview, team

urlpatterns = [
    path("", overview.show_overview, name="console"),
    path("freshness/", overview.show_freshness, name="console_freshness"),
    path("brand/", brand.edit_brand, name="console_brand"),
    path("brand/preview/", brand.preview_brand, name="console_brand_preview"),
    path("margin/", margin.edit_margin, name="console_margin"),
    path("margin/preview/", margin.preview_margin, name="console_margin_preview"),
    path("markets/", markets.edit_markets, name="console_markets"),
    path("markets/preview/", markets.preview_markets, name="console_markets_preview"),
    path("fees/", fees.edit_fees, name="console_fees"),
    path("domains/", domains.show_domains, name="console_domains"),
    path("domains/<int:claim_id>/check/", domains.check_domain, name="console_domain_check"),
    path("domains/<int:claim_id>/remove/", domains.remove_domain, name="console_domain_remove"),
    path("team/", team.show_team, name="console_team"),
    path("team/<int:member_id>/", team.change_member, name="console_member"),
    path("team/invitations/<int:invitation_id>/", team.withdraw_invitation, name="console_invitation"),
    path("audit/", history.show_audit, name="console_audit"),
    path("frames/terminal/", frames.show_terminal, name="console_frame_terminal"),
    path("frames/ticket/", frames.show_ticket, name="console_frame_ticket"),
    path("frames/theme.css", frames.draft_theme_css, name="console_frame_theme"),
    path("frames/logo.png", frames.draft_logo, name="console_frame_logo"),
    path("frames/candles/<str:market_name>/", frames.list_example_candles, name="console_frame_candles"),
]
