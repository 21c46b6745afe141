"""The structure of an account's page in one digest per fragment: when a digest changes, the fragment is fetched again.

Numbers that patches carry (marks, profit, margin in use) are left out; what only a template can show is in.
"""

from collections.abc import Collection

from django.db import connection

from trading.live.publish import Fragment, announce_shapes
from trading.models import (
    Command,
    Fill,
    FundingPayment,
    LedgerEntry,
    Liquidation,
    MarginChange,
    Order,
    Position,
    VenueAccount,
)

# What is only ever added to is told by its newest row. Of an equality PostgreSQL may seek it among everybody's newest
# rows, which are very many where this account's is old; in this order only the account's own can be read.
NEWEST = """
SELECT id FROM {table} WHERE account_id BETWEEN account.id AND account.id
ORDER BY account_id DESC, id DESC LIMIT 1
"""
# The rows stay where they are: one statement answers a digest of each fragment, for many accounts or one.
SHAPES = f"""
SELECT account.id,
  md5(ROW(account.mode, account.sync_problem, account.synced_at IS NULL)::text),
  md5(ROW(
    (SELECT string_agg(ROW(id, size, entry_price, mode, leverage, cash, max_leverage)::text, ' ' ORDER BY id)
      FROM {Position._meta.db_table} WHERE account_id = account.id),
    (SELECT string_agg(ROW(id, trigger_price)::text, ' ' ORDER BY id)
      FROM {Order._meta.db_table}
      WHERE account_id = account.id AND is_open AND reduce_only AND trigger_price IS NOT NULL),
    (SELECT string_agg(ROW(id, market_id)::text, ' ' ORDER BY id)
      FROM {Command._meta.db_table} WHERE account_id = account.id AND state IN ('prepared', 'unknown'))
  )::text),
  md5(ROW(
    (SELECT string_agg(ROW(id, size, limit_price)::text, ' ' ORDER BY id)
      FROM {Order._meta.db_table} WHERE account_id = account.id AND is_open)
  )::text),
  md5(ROW(
    (SELECT string_agg(ROW(id, ended_at, remained, path_until)::text, ' ' ORDER BY id)
      FROM (SELECT * FROM {Liquidation._meta.db_table} WHERE account_id = account.id
        ORDER BY happened_at DESC, id DESC LIMIT 5) AS shown)
  )::text),
  md5(ROW(({NEWEST.format(table=Fill._meta.db_table)}))::text),
  md5(ROW(({NEWEST.format(table=MarginChange._meta.db_table)}))::text),
  md5(ROW(({NEWEST.format(table=FundingPayment._meta.db_table)}))::text),
  md5(ROW(({NEWEST.format(table=LedgerEntry._meta.db_table)}))::text)
FROM {VenueAccount._meta.db_table} AS account WHERE account.operator_id = %s AND account.id = ANY(%s)
"""  # noqa: S608  # our own tables
FRAGMENTS = (
    Fragment.ACCOUNT,
    Fragment.POSITIONS,
    Fragment.ORDERS,
    Fragment.LIQUIDATIONS,
    Fragment.FILLS,
    Fragment.MARGIN_CHANGES,
    Fragment.FUNDING,
    Fragment.TRANSFERS,
)


def announce(operator_id: int, account_id: int) -> list[Fragment]:
    """``announce_all`` of one account."""
    return announce_all(operator_id, [account_id]).get(account_id, [])


def announce_all(operator_id: int, account_ids: Collection[int]) -> dict[int, list[Fragment]]:
    """Tell the pages and the stream what has changed in the rows of some accounts; by account, the fragments that are
    fetched again.

    To be called after rows were written, in the operator's scope and outside a transaction. Repeats are harmless.
    """
    return announce_shapes(operator_id, account_shapes(operator_id, account_ids))


def account_shapes(operator_id: int, account_ids: Collection[int]) -> dict[int, dict[Fragment, str]]:
    """The digest of each fragment by account of the operator. An account that is gone has none."""
    with connection.cursor() as cursor:
        cursor.execute(SHAPES, [operator_id, list(account_ids)])
        rows = cursor.fetchall()
    shapes = {account_id: dict(zip(FRAGMENTS, digests, strict=True)) for account_id, *digests in rows}
    for shape in shapes.values():
        shape[Fragment.LIQUIDATION_NOTICES] = shape[Fragment.LIQUIDATIONS]
    return shapes
