"""The small mark of a brand that has no logo: the first letter of its name on its accent, as an SVG image."""

from xml.sax.saxutils import escape

from branding.theme import Theme, tokens

SIDE = 32


def favicon(name: str, theme: Theme) -> str:
    """The mark as SVG text; its corners are as round as the brand's controls."""
    colours = tokens(theme)
    ground, ink = (colours[token].convert("srgb").to_string(hex=True, fit=True) for token in ("accent", "accent-ink"))
    corner = min(theme.radius, SIDE // 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">'
        f'<rect width="{SIDE}" height="{SIDE}" rx="{corner}" fill="{ground}"/>'
        f'<text x="50%" y="50%" dy="0.36em" text-anchor="middle" font-family="Inter, system-ui, sans-serif" '
        f'font-size="20" font-weight="700" fill="{ink}">{escape(name[:1].upper())}</text>'
        "</svg>"
    )
