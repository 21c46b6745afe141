# ruff: noqa: E501 - a table is read best with one text a line
"""Every error text of the venue that is known, as a reason of ours and one sentence with a next step.

Texts are matched by their beginning, because most continue with an asset, an address or a figure (Hyperliquid 4.4). A text that no
row knows is shown as the venue said it and flagged, so that it can be counted and added.
"""

from dataclasses import dataclass

from trading.venues.errors import Reason, Rejected


@dataclass(frozen=True, slots=True)
class Refusal:
    """One known text: how it begins, what it means, what the trader reads."""

    prefix: str
    reason: Reason
    sentence: str
    retry_after: float | None = None


R = Reason

REFUSALS = (
    Refusal("Price must be divisible by tick size", R.PRICE_TICK, "The price does not fit the market's tick size. Round it."),
    Refusal("Order must have minimum value of", R.BELOW_MINIMUM, "The order is worth less than the minimum of 10. Raise the size."),
    Refusal("Insufficient margin to place order", R.INSUFFICIENT_MARGIN, "There is not enough free margin for this order. Lower the size or add funds."),
    Refusal("Reduce only order would increase position", R.REDUCE_ONLY_WOULD_INCREASE, "This order may only reduce a position, and there is none it could reduce. Refresh and check the position."),
    Refusal("Post only order would have immediately matched", R.POST_ONLY_WOULD_MATCH, "A post-only order may not match at once. Move the price away from the market."),
    Refusal("Order could not immediately match", R.NO_MATCH, "Nobody took the other side within your price limit. Allow more slippage or use a limit order."),
    Refusal("Invalid TP/SL price", R.TRIGGER_PRICE, "The trigger price is on the wrong side of the current price. Change it."),
    Refusal("No liquidity available for market order", R.NO_LIQUIDITY, "The order book is empty on that side. Use a limit order or try again later."),
    Refusal("Order would increase open interest while open interest is capped", R.OPEN_INTEREST_CAP, "This market is full at the moment and takes no new positions. Try again later; you can still reduce."),
    Refusal("Order rejected due to price more aggressive than oracle while at open interest cap", R.OPEN_INTEREST_CAP, "This market is full at the moment. Use a price no better than the oracle's."),
    Refusal("Order would increase open interest too quickly", R.OPEN_INTEREST_CAP, "This market grows too fast right now. Use a smaller size or try again in a minute."),
    Refusal("Order price too far from oracle", R.PRICE_TOO_FAR, "The price is too far from the market. Move it closer."),
    Refusal("Order would cause position to exceed margin tier limit", R.MARGIN_TIER, "At this leverage the position would be too large. Lower the leverage or the size."),
    Refusal("(Spot-only) Order has insufficient spot balance", R.INSUFFICIENT_BALANCE, "The spot balance is too small. Lower the size."),
    Refusal("Order has zero size", R.SIZE_ZERO, "The size is zero after rounding. Raise it."),
    Refusal("Order has invalid size", R.SIZE_INVALID, "The size has too many decimals for this market. Round it."),
    Refusal("Order has invalid price", R.PRICE_INVALID, "The price has too many digits for this market. Round it."),
    Refusal("Order price cannot be more than", R.PRICE_TOO_FAR, "The price is too far from the market. Move it closer."),
    Refusal("Insufficient spot balance", R.INSUFFICIENT_BALANCE, "The spot balance is too small. Lower the size."),
    Refusal("Cannot modify canceled or filled order", R.ORDER_GONE, "This order is already filled or cancelled. Refresh the list."),
    Refusal("Builder fee has not been approved", R.BUILDER_NOT_APPROVED, "The exchange fee is not approved by your wallet. Approve it and send the order again."),
    Refusal("Builder has insufficient balance to be approved", R.BUILDER_UNFUNDED, "The exchange's fee account is not ready at the venue. Tell the exchange's support."),
    Refusal("Only post-only orders allowed immediately after a network upgrade", R.POST_ONLY_WINDOW, "The venue has just been upgraded and takes post-only orders for now. Try again in a minute.", 60.0),
    Refusal("Too many cumulative requests sent", R.ADDRESS_LIMIT, "The venue's request limit for this account is used up. Wait ten seconds; trading more raises the limit.", 10.0),
    Refusal("Order was never placed, already canceled, or filled", R.ORDER_GONE, "This order is already filled or cancelled. Refresh the list."),
    Refusal("TWAP was never placed, already canceled, or filled", R.ORDER_GONE, "This TWAP order is already finished or cancelled. Refresh the list."),
    Refusal("Invalid TWAP duration", R.TWAP, "A TWAP order runs five minutes to seven days. Change its duration."),
    Refusal("Reduce-only TWAP order would increase position", R.REDUCE_ONLY_WOULD_INCREASE, "This TWAP order may only reduce a position, and there is none it could reduce. Check the position."),
    Refusal("Cannot switch leverage type with open position", R.MODE_LOCKED, "Isolated and cross cannot be switched while the position is open. Close it first."),
    Refusal("Cross margin is not allowed for this asset", R.CROSS_NOT_ALLOWED, "This market allows isolated margin only. Choose isolated."),
    Refusal("Invalid leverage value", R.LEVERAGE_INVALID, "The leverage is outside what this market allows. Choose a lower one."),
    Refusal("Cross position does not have sufficient margin available to decrease leverage", R.LEVERAGE_NEEDS_MARGIN, "Less leverage needs more margin than is free. Add funds or reduce the position first."),
    Refusal("Isolated position does not have sufficient margin available to decrease leverage", R.LEVERAGE_NEEDS_MARGIN, "Less leverage needs more margin in this position. Add margin first, then lower the leverage."),
    Refusal("Position does not have sufficient margin for reduction", R.MARGIN_NOT_REMOVABLE, "That much margin cannot be removed. Enter a smaller amount."),
    Refusal("Cannot remove isolated margin for this asset", R.MARGIN_LOCKED_BY_MARKET, "Margin cannot be removed in this market. Reduce the position to get margin back."),
    Refusal("Position does not use isolated margin", R.NOT_ISOLATED, "This position uses cross margin, which has no margin of its own to change. Refresh the page."),
    Refusal("Update to isolated margin cannot be zero", R.AMOUNT_ZERO, "The amount must not be zero. Enter an amount."),
    Refusal("Cannot update margin for empty position", R.NO_POSITION, "The position is no longer open. Refresh the page."),
    Refusal("Unknown user while updating isolated margin", R.ACCOUNT_UNFUNDED, "The venue does not know this account yet. Deposit funds first."),
    Refusal("Account does not have sufficient margin available for increase", R.INSUFFICIENT_MARGIN, "There is not enough free margin to add that much. Enter a smaller amount."),
    Refusal("Asset not strict isolated", R.NOT_PERMITTED, "This market does not take that kind of margin change. Add margin as an amount."),
    Refusal("Cannot automatically accept new margin tiers on", R.MARGIN_TIER, "The venue has changed this market's tiers. Lower the leverage or reduce the position."),
    Refusal("User or API Wallet", R.KEY_UNKNOWN, "The venue does not accept the trading key: it was replaced, revoked or has expired. Connect again."),
    Refusal("Must deposit before performing actions", R.ACCOUNT_UNFUNDED, "The venue does not know this account yet. Deposit funds first, then try again."),
    Refusal("Vault not registered", R.VAULT_UNKNOWN, "The venue does not know this sub-account. Choose another account."),
    Refusal("Invalid nonce", R.NONCE_USED, "This request has reached the venue before. Wait a moment: its outcome is being checked."),
    Refusal("Action already expired", R.EXPIRED, "The order reached the venue too late and was not placed. Check the price and send it again."),
    Refusal("Signed action over weight limit of", R.BATCH_TOO_LARGE, "Too many changes at once. Send fewer."),
    Refusal("Too many extra agents", R.AGENT_LIMIT, "This account has the most trading keys it may have. Remove one at the venue, then connect again."),
    Refusal("Agent valid_until already expired", R.AGENT_EXPIRY, "The trading key's end must lie between now and 180 days ahead. Choose another end."),
    Refusal("Extra agent already used", R.AGENT_USED, "This trading key was used before and cannot be used again. Connect again with a fresh key."),
    Refusal("User has pending agent removal", R.AGENT_PENDING, "The venue is still removing the old trading key. Try again in ten seconds.", 10.0),
    Refusal("Agent can only send asset to same user", R.NOT_PERMITTED, "A trading key cannot send funds to others. Use your wallet."),
    Refusal("Abstraction transition not allowed", R.NOT_PERMITTED, "The account mode cannot be changed now. Close positions and orders first."),
    Refusal("Action disabled when unified account is active", R.NOT_PERMITTED, "In a unified account the balance already backs your positions. Nothing needs to be moved."),
    Refusal("Cannot set scheduled cancel time until enough volume traded", R.VOLUME_REQUIRED, "The venue offers scheduled cancelling after 1,000,000 of volume. Cancel by hand until then."),
    Refusal("Cannot create sub-accounts until enough volume traded", R.VOLUME_REQUIRED, "The venue offers sub-accounts after 100,000 of volume. Use the main account until then."),
    Refusal("Referral code not registered", R.REFERRAL, "The venue does not know this referral code. Check it."),
    Refusal("Referrer already set", R.REFERRAL, "This account already has a referrer. Nothing needs to be done."),
    Refusal("Invalid send", R.AMOUNT_INVALID, "The amount has more than six decimals. Round it."),
    Refusal("Insufficient balance for withdrawal", R.INSUFFICIENT_BALANCE, "The balance is too small for this withdrawal. Enter a smaller amount."),
    Refusal("Error withdrawing from bridge", R.TRANSFER_FAILED, "The venue's bridge refused the withdrawal. Try again later at the venue."),
    Refusal("Insufficient balance for token transfer", R.INSUFFICIENT_BALANCE, "The balance is too small for this transfer. Enter a smaller amount."),
    Refusal("Failed to deserialize the JSON body", R.REQUEST_MALFORMED, "The venue could not read this request, and nothing was done. Tell the exchange's support."),
    Refusal("429 Too Many Requests", R.RATE_LIMITED, "The venue asks us to slow down. Try again in a minute.", 60.0),
    Refusal("Cannot track more than", R.STREAM_LIMIT, "Too many accounts are followed live at once. Keep this page open: it refreshes more slowly for now."),
    Refusal("Cannot subscribe to more than", R.STREAM_LIMIT, "Too many live feeds are open at once. Keep this page open: it refreshes more slowly for now."),
    Refusal("Cannot send more than", R.STREAM_LIMIT, "Too many live messages were sent. Keep this page open: it refreshes more slowly for a minute.", 60.0),
    Refusal("too many pending post requests", R.STREAM_LIMIT, "Too many requests are under way. Try again in a moment.", 1.0),
)  # fmt: skip

_OLD_PREFIX = "L1 error: "
_MAX_SHOWN = 300


def find(text: str) -> Refusal | None:
    """The row that knows this text, None when there is none."""
    said = text.removeprefix(_OLD_PREFIX)
    return next((row for row in REFUSALS if said.startswith(row.prefix)), None)


def rejected(text: str) -> Rejected:
    """The error for a refusal in the venue's words."""
    row = find(text)
    if row is None:
        shown = text[:_MAX_SHOWN].strip() or "no reason given"
        return Rejected(
            f"The venue refused this: {shown}", reason=Reason.UNMAPPED, text=text[:_MAX_SHOWN], mapped=False
        )
    return Rejected(
        row.sentence,
        reason=row.reason,
        text=text[:_MAX_SHOWN],
        retryable=row.retry_after is not None,
        retry_after=row.retry_after,
    )
