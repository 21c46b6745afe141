"""Rows that turned back: the database itself writes down whenever an older word of the venue took a newer one's place.

A reading heals such a row soon, so whoever looks at rows now and then does not see it.
"""

from django.db import connection

TABLE = """
CREATE TABLE turned_back (id bigserial PRIMARY KEY, told text NOT NULL);
CREATE FUNCTION note_turned_back() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO turned_back (told) VALUES (
        TG_ARGV[0] || ' of ' || OLD.id || ': '
        || (to_jsonb(OLD) ->> TG_ARGV[1]) || ' to ' || (to_jsonb(NEW) ->> TG_ARGV[1])
    );
    RETURN NULL;
END $$;
"""
# By table: what turned back, the column that tells, and when it did. By reports of single orders an order only shrinks,
# which leaves ``seen_at`` alone, and ends, which moves it on.
WATCHED = (
    ("trading_venueaccount", "money and positions", "venue_time", "NEW.venue_time < OLD.venue_time"),
    ("trading_venueaccount", "orders", "orders_read_at", "NEW.orders_read_at < OLD.orders_read_at"),
    ("trading_position", "the position", "venue_time", "NEW.venue_time < OLD.venue_time"),
    ("trading_order", "the listed order", "seen_at", "NEW.seen_at < OLD.seen_at"),
    ("trading_order", "the size", "size", "NEW.seen_at = OLD.seen_at AND NEW.size > OLD.size"),
    ("trading_order", "the end", "is_open", "NEW.seen_at = OLD.seen_at AND NEW.is_open AND NOT OLD.is_open"),
)


def watch() -> None:
    """Have the database watch its rows from now on."""
    with connection.cursor() as cursor:
        cursor.execute(TABLE)
        for number, (table, what, column, condition) in enumerate(WATCHED):
            cursor.execute(
                f"CREATE TRIGGER turned_back_{number} AFTER UPDATE ON {table} FOR EACH ROW WHEN ({condition})"
                f" EXECUTE FUNCTION note_turned_back('{what}', '{column}')"
            )


def told() -> list[str]:
    """What turned back since."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT told FROM turned_back ORDER BY id")
        return [str(row[0]) for row in cursor.fetchall()]
