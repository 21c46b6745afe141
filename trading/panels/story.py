"""A liquidation told from its beginning, in plain sentences: what stood there, what moved it, what is left."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from trading.margin.liquidation import cash_for_liquidation
from trading.models import Fill, Liquidation, MarginChange, SettingChange
from trading.panels.market import liquidation_text, price_text, tone_of
from trading.panels.numbers import clock, money, percent, plain
from trading.panels.records import fee_text, method_words, remaining_words, side_of, small_money
from trading.panels.view_models import Tone
from trading.past import Story
from trading.venues.snapshots import MarketSpec

# The picture of the price: its corners, with room for the line of the liquidation.
WIDTH, HEIGHT, ROOM = Decimal(720), Decimal(120), Decimal(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryRow:
    """One line of the timeline; ``amount`` is money that moved, empty where none did."""

    time: str
    words: str
    amount: str = ""
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One figure with its name."""

    label: str
    value: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PathView:
    """The price around the liquidation as a line (``points`` of a picture 720 by 120), and the same as a table."""

    points: str
    liquidation_height: str
    moment: str
    rows: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LiquidationStory:
    """Everything the page shows."""

    title: str
    lead: str
    badge: str
    mode: str
    facts: tuple[Fact, ...]
    rows: tuple[StoryRow, ...]
    path: PathView | None
    lesson: str


def build_story(story: Story) -> LiquidationStory:
    """The story of a liquidation."""
    row = story.liquidation
    spec = row.market.rules
    return LiquidationStory(
        title=f"{spec.base} {side_of(row).lower()} {'auto-deleveraged' if row.is_deleveraging else 'liquidated'}",
        lead=_lead(row, spec),
        badge=f"{row.mode.title()} {row.leverage}x" if row.leverage else row.mode.title(),
        mode=row.mode,
        facts=_facts(row, spec),
        rows=tuple(line for _, line in sorted(_lines(story, spec), key=lambda pair: pair[0])),
        path=_path(row, spec),
        lesson=_lesson(row, spec),
    )


def _lead(row: Liquidation, spec: MarketSpec) -> str:
    if row.is_deleveraging:
        price = f" at {price_text(row.average_price, spec)}" if row.average_price else ""
        return (
            f"On {clock(row.happened_at)} UTC the venue closed {plain(row.closed_size)} {spec.base} of this position"
            f"{price} against a liquidated position whose loss nobody else took. You did nothing wrong: the venue"
            f" chooses among the positions on the winning side. {remaining_words(row)}"
        ).rstrip()
    direction = "fell" if row.size_before > 0 else "rose"
    mark = f" to {price_text(row.mark_price, spec)}" if row.mark_price else ""
    whole = "" if row.closed_size == abs(row.size_before) else f" {plain(row.closed_size)} of it was closed."
    return (
        f"On {clock(row.happened_at)} UTC the mark price {direction}{mark}, and what backed this position was less than"
        f" the venue asks for. It was {method_words(row.method)}.{whole}"
    )


def _facts(row: Liquidation, spec: MarketSpec) -> tuple[Fact, ...]:
    unit = spec.collateral
    mark = row.mark_price or row.average_price or Decimal(0)
    facts = [
        Fact(label="Size", value=f"{plain(abs(row.size_before))} {spec.base}", note=side_of(row).lower()),
        Fact(label="Entry", value=price_text(row.entry_price, spec) if row.entry_price else "not known"),
        Fact(
            label="Liquidation price shown before",
            value=liquidation_text(row.liquidation_price, mark, spec) if row.liquidation_price else "none",
            note=_ours(row, spec, mark),
        ),
        Fact(label="Mark when it began", value=price_text(row.mark_price, spec) if row.mark_price else "not told"),
        Fact(
            label="Closed at",
            value=price_text(row.average_price, spec) if row.average_price else "not told",
            note=method_words(row.method),
        ),
        Fact(label="Fees", value=f"{money(row.fee, rounding=ROUND_CEILING)} {unit}"),
        _result(row, unit),
        _came_back(row, unit),
        Fact(
            label="Left in the account",
            value=f"{money(row.remained, rounding=ROUND_FLOOR)} {unit}" if row.remained is not None else "not read yet",
            note="only this position's margin was touched" if _is_alone(row) else "",
        ),
    ]
    return tuple(facts)


def _is_alone(row: Liquidation) -> bool:
    return row.mode == "isolated" and not row.is_deleveraging


def _result(row: Liquidation, unit: str) -> Fact:
    if row.lost is None:
        return Fact(label="Lost", value="not known")
    if row.lost < 0:
        return Fact(label="Gained", value=f"{money(-row.lost, rounding=ROUND_FLOOR)} {unit}", note="by what was closed")
    note = f"of {money(row.margin)} in the position" if row.margin is not None else ""
    return Fact(label="Lost", value=f"{money(row.lost, rounding=ROUND_CEILING)} {unit}", note=note)


def _came_back(row: Liquidation, unit: str) -> Fact:
    if row.returned is not None:
        return Fact(label="Came back", value=f"{money(row.returned, rounding=ROUND_FLOOR)} {unit}")
    if row.mode == "isolated":
        return Fact(label="Came back", value="not known")
    return Fact(label="Came back", value="does not apply", note="the whole cross account backed it")


def _ours(row: Liquidation, spec: MarketSpec, mark: Decimal) -> str:
    if row.estimated_liquidation_price is None:
        return ""
    return f"our own estimate: {liquidation_text(row.estimated_liquidation_price, mark, spec)}"


Line = tuple[datetime, StoryRow]


def _lines(story: Story, spec: MarketSpec) -> Iterable[Line]:
    row = story.liquidation
    yield from ((fill.happened_at, _fill_line(fill, spec)) for fill in story.fills)
    yield from ((change.happened_at, _margin_line(change, spec)) for change in story.margin_changes)
    yield from ((change.happened_at, _setting_line(change)) for change in story.setting_changes)
    if story.funding:
        yield story.funding[-1].happened_at, _funding_line(story)
    if row.seen_at is not None:
        yield row.seen_at, _seen_line(row, spec)
    yield row.ended_at, _end_line(row, spec)


def _fill_line(fill: Fill, spec: MarketSpec) -> StoryRow:
    verb = "Bought" if fill.is_buy else "Sold"
    by_venue = " by the venue" if fill.liquidation else ""
    fee = f", fee {fee_text(fill)}" if fill.fee else ""
    return StoryRow(
        time=clock(fill.happened_at),
        words=f"{verb}{by_venue} {plain(fill.size)} {spec.base} at {price_text(fill.price, spec)}{fee}.",
        amount=money(fill.closed_pnl, signed=True) if fill.closed_pnl else "",
        tone=tone_of(fill.closed_pnl),
    )


def _margin_line(change: MarginChange, spec: MarketSpec) -> StoryRow:
    verb = "added to" if change.amount > 0 else "taken from"
    where = "" if change.command_id else ", outside of this platform"
    before, after = change.liquidation_before, change.liquidation_after
    moved = ""
    if before and after:
        moved = f" The liquidation price moved from {price_text(before, spec)} to {price_text(after, spec)}."
    return StoryRow(
        time=clock(change.happened_at),
        words=f"Margin was {verb} the position{where}.{moved}",
        amount=money(change.amount, signed=True),
        tone=tone_of(change.amount),
    )


def _setting_line(change: SettingChange) -> StoryRow:
    where = "" if change.command_id else " outside of this platform"
    before = f"{change.mode_before} {change.leverage_before}x"
    words = f"The setting was changed{where} from {before} to {change.mode} {change.leverage}x."
    return StoryRow(time=clock(change.happened_at), words=words)


def _funding_line(story: Story) -> StoryRow:
    total = sum((payment.amount for payment in story.funding), Decimal(0))
    count = len(story.funding)
    times = "once" if count == 1 else f"{count:,} times"
    verb = "received" if total > 0 else "paid"
    return StoryRow(
        time=clock(story.funding[-1].happened_at),
        words=f"By now funding had been settled {times}: {verb} in all.",
        amount=small_money(total),
        tone=tone_of(total),
    )


def _seen_line(row: Liquidation, spec: MarketSpec) -> StoryRow:
    mark = row.mark_price or row.average_price or Decimal(0)
    if row.liquidation_price is None:
        words = "The page last showed this position, without a liquidation price."
    else:
        shown = liquidation_text(row.liquidation_price, mark, spec)
        words = f"The page last showed this position, with a liquidation price of {shown}."
    return StoryRow(time=clock(row.seen_at) if row.seen_at else "", words=words)


def _end_line(row: Liquidation, spec: MarketSpec) -> StoryRow:
    if row.is_deleveraging:
        words = f"{remaining_words(row)}{'' if row.fee else ' No fee was taken.'}".lstrip()
    elif row.returned is None and row.mode == "isolated":
        words = "The position was closed. How much of its margin came back is not known."
    elif row.returned is None:
        words = "The position was closed. It was backed by the whole cross account, so the loss came out of that."
    elif row.returned > 0:
        words = f"The position was gone. {money(row.returned, rounding=ROUND_FLOOR)} {spec.collateral} came back."
    else:
        borne = row.margin is not None and row.fee - row.closed_pnl > row.margin
        more = " More than its margin cannot be lost: the venue bore the rest." if borne else ""
        words = f"The position was gone, and nothing of its margin came back.{more}"
    lost = row.lost
    return StoryRow(
        time=clock(row.ended_at),
        words=words,
        amount=money(-lost, signed=True) if lost is not None else "",
        tone=tone_of(-lost) if lost is not None else Tone.PLAIN,
    )


def _path(row: Liquidation, spec: MarketSpec) -> PathView | None:
    """The way of the price; None while it has not been read."""
    if len(row.path) < 2:
        return None
    closes = [Decimal(close) for _, _, _, close in row.path]
    lows, highs = [Decimal(low) for _, low, _, _ in row.path], [Decimal(high) for _, _, high, _ in row.path]
    shown = row.liquidation_price
    bottom, top = min([*lows, *([shown] if shown else [])]), max([*highs, *([shown] if shown else [])])
    times = [datetime.fromisoformat(at) for at, *_ in row.path]
    return PathView(
        points=" ".join(
            f"{_across(place, len(closes))},{_height(close, bottom, top)}" for place, close in enumerate(closes)
        ),
        liquidation_height=_height(shown, bottom, top) if shown else "",
        moment=_across(sum(at <= row.happened_at for at in times) - 1, len(closes)),
        rows=tuple(
            (f"{at:%H:%M}", price_text(low, spec), price_text(high, spec), price_text(close, spec))
            for at, low, high, close in zip(times, lows, highs, closes, strict=True)
        ),
    )


def _across(place: int, count: int) -> str:
    return f"{(WIDTH * max(place, 0) / (count - 1)).quantize(Decimal('0.1'))}"


def _height(price: Decimal, bottom: Decimal, top: Decimal) -> str:
    share = (top - price) / (top - bottom) if top > bottom else Decimal("0.5")
    return f"{(ROOM + share * (HEIGHT - 2 * ROOM)).quantize(Decimal('0.1'))}"


def _lesson(row: Liquidation, spec: MarketSpec) -> str:
    """How far beyond the liquidation price the price went, and so how much nearer survival was; empty if not known."""
    shown = row.liquidation_price
    if row.is_deleveraging or shown is None or not row.path or shown <= 0:
        return ""
    is_long = row.size_before > 0
    extreme = min(Decimal(low) for _, low, _, _ in row.path) if is_long else max(Decimal(p[2]) for p in row.path)
    beyond = (shown - extreme if is_long else extreme - shown) / shown
    if beyond <= 0:
        return ""
    went = "fell" if is_long else "rose"
    words = f"The price {went} {percent(beyond)} beyond the liquidation price, to {price_text(extreme, spec)}."
    if row.mode != "isolated":
        return words
    needed = _cash(row, extreme, spec) - _cash(row, shown, spec)
    more = money(needed, rounding=ROUND_CEILING)
    return f"{words} About {more} {spec.collateral} more margin would have kept the position open through it."


def _cash(row: Liquidation, price: Decimal, spec: MarketSpec) -> Decimal:
    return cash_for_liquidation(row.size_before, price, spec.tiers)
