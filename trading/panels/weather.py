"""How a venue is doing, in the words of the banner across the page."""

from trading.panels.numbers import clock
from trading.panels.view_models import VenueBanner
from trading.venues.weather import SLOW_SECONDS, Sky, Weather

TITLES = {
    Sky.SLOW: "{venue} is slow.",
    Sky.RATE_LIMITED: "{venue} asks us to slow down.",
    Sky.HALTED: "{venue} has halted usual trading.",
    Sky.ORDERS_UNANSWERED: "{venue} is not answering orders.",
    Sky.DOWN: "{venue} is not answering.",
}
DETAILS = {
    Sky.SLOW: f"Answers take more than {SLOW_SECONDS:g} s. An order may show as checking for longer than usual.",
    Sky.RATE_LIMITED: "Figures are read less often for a while, and orders go first.",
    Sky.HALTED: "Nothing new is opened until it is back. Cancelling and reducing are still tried.",
    Sky.ORDERS_UNANSWERED: (
        "Figures are read, but nothing new is opened until it does. "
        "Closing, reducing, adding margin and cancelling are still tried."
    ),
    Sky.DOWN: "Nothing new is opened until it does. Closing, reducing, adding margin and cancelling are still tried.",
}


def weather_banner(venue: str, weather: Weather) -> VenueBanner | None:
    """What the trader should know of a venue's weather; None while it is fine."""
    if weather.sky is Sky.FINE:
        return None
    detail = DETAILS[weather.sky]
    if weather.silent_until:
        detail = (
            f"Until {clock(weather.silent_until)} UTC it takes no request of ours, not even an order that closes; "
            "figures stay as they were read last."
        )
    asks = f" From {clock(weather.asks_at)} UTC one order at a time asks if that is over." if weather.asks_at else ""
    since = f" Since {clock(weather.since)} UTC." if weather.since else ""
    title = TITLES[weather.sky].format(venue=venue)
    return VenueBanner(title=title, detail=f"{detail}{asks}{since}")
