# ruff: noqa: E501 - a table is read best with one code a line
"""Every error code of the venue that is known, as a reason of ours and one sentence with a next step (Aster 3.8).

The venue's texts vary, its codes do not: the code decides, and the text is kept as it was said. A code that no row knows
is shown with the venue's own text and flagged, so that it can be counted and added.
"""

from dataclasses import dataclass

from trading.venues.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a code means, and what the trader reads."""

    reason: Reason
    sentence: str


R = Reason

# Somebody else's fault than the order's: what came of the request is not known.
IN_DOUBT = frozenset({-1000, -1001, -1006, -1007})
# Seconds to wait: the weight is counted by the minute, orders by ten seconds as well (Aster 5).
TOO_MANY = {-1003: 60.0, -1015: 10.0}
# The state that was asked for is there already.
NOTHING_TO_CHANGE = frozenset({-4046, -4059})
CLOCK = frozenset({-1021, -4225})
# A nonce that is too old and one that was used before have the same code (Aster 1.3), so it never proves a refusal.
NONCE = -4225

MALFORMED = Refusal(
    R.REQUEST_MALFORMED, "The venue could not use this request, and nothing was done. Tell the exchange's support."
)
LOGIN = Refusal(
    R.KEY_UNKNOWN,
    "The venue does not accept the trading key: it is unknown, has expired, or may not do this. Connect again.",
)
PRICE_TICK = Refusal(R.PRICE_TICK, "The price does not fit the market's tick size. Round it.")
PRICE_FAR = Refusal(R.PRICE_TOO_FAR, "The price is too far from the market. Move it closer.")
PRICE_RANGE = Refusal(R.PRICE_INVALID, "The price is outside what this market takes. Change it.")
TRIGGER = Refusal(R.TRIGGER_PRICE, "The trigger price is on the wrong side of the current price. Change it.")
REDUCE_ONLY = Refusal(
    R.REDUCE_ONLY_WOULD_INCREASE,
    "This order may only reduce a position, and there is none it could reduce. Refresh and check the position.",
)
TOO_MANY_ORDERS = Refusal(R.NOT_PERMITTED, "This market has the most open orders it may have. Cancel one first.")
HEDGE = Refusal(
    R.NOT_PERMITTED,
    "This account holds longs and shorts side by side (hedge mode), which this exchange does not trade. Switch to one-way mode at the venue.",
)
MULTI_ASSET = Refusal(
    R.MODE_LOCKED,
    "This account is in multi-asset mode, which has cross margin only. Leave multi-asset mode at the venue to use isolated margin.",
)
ASSET_MODE = Refusal(
    R.MODE_LOCKED,
    "The venue cannot change how assets back this account while isolated positions or orders are open. Close them first.",
)
MODE_ORDERS = Refusal(
    R.MODE_LOCKED, "Isolated and cross cannot be switched while orders are open. Cancel this market's orders first."
)
MODE_POSITION = Refusal(
    R.MODE_LOCKED, "Isolated and cross cannot be switched while the position is open. Close it first."
)
TRADING_BLOCKED = Refusal(R.NOT_PERMITTED, "The venue has blocked trading for this account. Ask the venue's support.")
REDUCE_ACCOUNT = Refusal(
    R.NOT_PERMITTED, "The venue lets this account only reduce its positions. Ask the venue's support."
)
MARKET_CLOSED = Refusal(R.NOT_PERMITTED, "This market is closed at the moment. Choose another market.")
AUTO_MARGIN = Refusal(
    R.NOT_PERMITTED,
    "The venue adds margin to this position by itself, or does not allow it. Look at the setting at the venue.",
)
TRANSFER_ID = Refusal(
    R.REQUEST_MALFORMED,
    "The venue could not tell this change from another, and nothing was done. Tell the exchange's support.",
)
BATCH = Refusal(R.BATCH_TOO_LARGE, "Too many orders at once. Send fewer.")
BULK_READ = Refusal(
    R.NOT_PERMITTED, "The venue does not show this account to the exchange. Ask the exchange's support."
)
BUILDER = Refusal(
    R.BUILDER_NOT_APPROVED,
    "The venue refused the exchange fee or a setting of this request. Approve the fee with your wallet and send it again.",
)

REFUSALS = {
    -1011: Refusal(R.NOT_PERMITTED, "The venue does not accept requests from this exchange's address. Tell the exchange's support."),
    -1020: Refusal(R.NOT_PERMITTED, "The venue does not support this operation. Use another order type."),
    -1021: Refusal(R.EXPIRED, "The request reached the venue at the wrong time, and nothing was done. Try again; if it stays, tell the exchange's support."),
    -1022: LOGIN,
    -1109: LOGIN,
    -1111: Refusal(R.SIZE_INVALID, "The price or the size has too many decimals for this market. Round them."),
    -1115: Refusal(R.REQUEST_MALFORMED, "This market does not know this time in force. Choose another."),
    -1116: Refusal(R.REQUEST_MALFORMED, "This market does not know this order type. Choose another."),
    -1121: Refusal(R.NOT_PERMITTED, "The venue does not know this market. Choose another market."),
    -1125: Refusal(R.KEY_UNKNOWN, "The venue ended the live feed of this account. Refresh the page."),
    -1130: BUILDER,
    -2010: Refusal(R.NOT_PERMITTED, "The venue refused this order. Check its price and size and send it again."),
    -2011: Refusal(R.ORDER_GONE, "This order is already filled or cancelled. Refresh the list."),
    -2013: Refusal(R.ORDER_GONE, "The venue does not know this order any more. Refresh the list."),
    -2014: LOGIN,
    -2015: LOGIN,
    -2018: Refusal(R.INSUFFICIENT_BALANCE, "The balance is too small. Lower the amount or add funds."),
    -2019: Refusal(R.INSUFFICIENT_MARGIN, "There is not enough free margin for this order. Lower the size or add funds."),
    -2020: Refusal(R.NO_LIQUIDITY, "Nobody takes the other side of this order. Change its price or size."),
    -2021: TRIGGER,
    -2022: REDUCE_ONLY,
    -2023: Refusal(R.NOT_PERMITTED, "The venue is liquidating this account and takes no orders. Wait until it is done."),
    -2024: Refusal(R.NO_POSITION, "The position is smaller than this order assumes. Refresh and check the position."),
    -2025: TOO_MANY_ORDERS,
    -2026: Refusal(R.REQUEST_MALFORMED, "This order type cannot be reduce-only. Choose another type."),
    -2027: Refusal(R.MARGIN_TIER, "At this leverage the position would be too large. Lower the leverage or the size."),
    -2028: Refusal(R.LEVERAGE_NEEDS_MARGIN, "Less leverage needs more margin than is free. Add funds or reduce the position first."),
    -4001: PRICE_RANGE,
    -4002: PRICE_RANGE,
    -4003: Refusal(R.SIZE_ZERO, "The size is zero after rounding. Raise it."),
    -4004: Refusal(R.SIZE_INVALID, "The size is below this market's smallest. Raise it."),
    -4005: Refusal(R.SIZE_INVALID, "The size is above what one order may have here. Split it."),
    -4013: PRICE_RANGE,
    -4014: PRICE_TICK,
    -4015: MALFORMED,
    -4016: PRICE_FAR,
    -4021: MALFORMED,
    -4023: Refusal(R.SIZE_INVALID, "The size has too many decimals for this market. Round it."),
    -4024: PRICE_FAR,
    -4028: Refusal(R.LEVERAGE_INVALID, "The leverage is outside what this market allows. Choose a lower one."),
    -4045: TOO_MANY_ORDERS,
    -4046: Refusal(R.MODE_LOCKED, "The market is in this margin mode already. Nothing needs to be done."),
    -4047: MODE_ORDERS,
    -4048: MODE_POSITION,
    -4049: Refusal(R.NOT_ISOLATED, "This position uses cross margin, which has no margin of its own to change. Refresh the page."),
    -4050: Refusal(R.INSUFFICIENT_MARGIN, "There is not enough free margin to add that much. Enter a smaller amount."),
    -4051: Refusal(R.MARGIN_NOT_REMOVABLE, "That much margin cannot be removed. Enter a smaller amount."),
    -4052: AUTO_MARGIN,
    -4053: AUTO_MARGIN,
    -4054: Refusal(R.NO_POSITION, "The position is no longer open. Refresh the page."),
    -4055: Refusal(R.AMOUNT_ZERO, "The amount must be above zero. Enter an amount."),
    -4059: Refusal(R.MODE_LOCKED, "The account is in this position mode already. Nothing needs to be done."),
    -4060: HEDGE,
    -4061: HEDGE,
    -4062: REDUCE_ONLY,
    -4067: Refusal(R.MODE_LOCKED, "The position mode cannot be switched while orders are open. Cancel all orders first."),
    -4068: Refusal(R.MODE_LOCKED, "The position mode cannot be switched while positions are open. Close them first."),
    -4082: BATCH,
    -4083: Refusal(R.NOT_PERMITTED, "The venue refused these orders as a whole. Send them one by one."),
    -4084: Refusal(R.NOT_PERMITTED, "The venue does not support this operation yet. Use another order type."),
    -4087: REDUCE_ACCOUNT,
    -4088: TRADING_BLOCKED,
    -4114: TRANSFER_ID,
    -4115: Refusal(R.NONCE_USED, "This request has reached the venue before. Wait a moment: its outcome is being checked."),
    -4116: Refusal(R.NONCE_USED, "This order has reached the venue before. Wait a moment: its outcome is being checked."),
    -4118: REDUCE_ONLY,
    -4130: Refusal(R.NOT_PERMITTED, "The position has a stop or take-profit for all of it already. Cancel that one first, or change it."),
    -4131: Refusal(R.NO_LIQUIDITY, "The best price on offer is too far from the mark for a market order. Use a limit order or try again later."),
    -4135: TRIGGER,
    -4137: MALFORMED,
    -4138: MALFORMED,
    -4140: MARKET_CLOSED,
    -4141: MARKET_CLOSED,
    -4142: TRIGGER,
    -4161: Refusal(R.MODE_LOCKED, "Leverage cannot be lowered while an isolated position is open. Close it first, or add margin instead."),
    -4164: Refusal(R.BELOW_MINIMUM, "The order is worth less than the market's minimum. Raise the size."),
    -4167: ASSET_MODE,
    -4168: MULTI_ASSET,
    -4169: ASSET_MODE,
    -4170: ASSET_MODE,
    -4171: ASSET_MODE,
    -4183: PRICE_FAR,
    -4184: PRICE_FAR,
    -4212: Refusal(R.NOT_PERMITTED, "The venue exchanges assets only in multi-asset mode, and nothing was changed. Switch the mode at the venue first."),
    -4225: Refusal(R.EXPIRED, "The request reached the venue at the wrong time, and nothing was done. Try again; if it stays, tell the exchange's support."),
    -5049: BULK_READ,
    -5050: Refusal(R.ACCOUNT_UNFUNDED, "The venue takes orders after a first deposit. Deposit funds at the venue, then try again."),
    -5051: BULK_READ,
    -5052: BULK_READ,
    -5053: BULK_READ,
    -5060: PRICE_FAR,
    -5076: Refusal(R.BELOW_MINIMUM, "The order is worth less than the market's minimum. Raise the size."),
}  # fmt: skip

# Faults of the parameters themselves: bugs of ours rather than anything a trader could mend (Aster 3.8).
REFUSALS |= {
    code: MALFORMED
    for code in (*range(-1106, -1099), -1108, *range(-1114, -1111), -1110, *range(-1120, -1116), -1127, -1128, -1136)
    if code not in REFUSALS
}

_MAX_SHOWN = 300


def rejected(code: int, text: str) -> Rejected:
    """The error for a refusal by code, with the venue's own words."""
    said = f"{code} {text}".strip()[:_MAX_SHOWN]
    row = REFUSALS.get(code)
    if row is None:
        shown = text.strip()[:_MAX_SHOWN] or f"code {code}"
        return Rejected(f"The venue refused this: {shown}", reason=Reason.UNMAPPED, text=said, mapped=False)
    return Rejected(row.sentence, reason=row.reason, text=said, retryable=code in CLOCK)
