"""The real values of the queue, found by hopping through an index.

A column of a million lines holds few different values: each hop asks for the next
one, so that no line is read twice.
"""

from django.db import connection

from errorqueue.models import FailedRecord, LineKey
from errorqueue.text import clean

MOST_FLOWS = 200


def flows() -> list[str]:
    """Return the names of the flows that have lines, in order."""
    table = FailedRecord._meta.db_table
    sql = f"""
        WITH RECURSIVE hop(value) AS (
            SELECT MIN(flow) FROM {table} WHERE flow > %s
            UNION ALL
            SELECT (SELECT MIN(flow) FROM {table} WHERE flow > hop.value)
            FROM hop WHERE hop.value IS NOT NULL
        )
        SELECT value FROM hop WHERE value IS NOT NULL LIMIT {MOST_FLOWS}
    """  # noqa: S608 (names of our own)
    return _asked(sql, [""])


def of_key(name: str, start: str, most: int = 8) -> list[str]:
    """Return different values of a kind of key that begin with `start`, in order."""
    after, order = ("~>~", "USING ~<~") if _is_postgresql() else (">", "")
    table = LineKey._meta.db_table
    first = f"{after.replace('>~', '>=~')}" if _is_postgresql() else ">="
    sql = f"""
        WITH RECURSIVE hop(value) AS (
            SELECT * FROM (
                SELECT value FROM {table} WHERE name = %s AND value {first} %s
                ORDER BY value {order} LIMIT 1
            ) AS beginning
            UNION ALL
            SELECT (
                SELECT value FROM {table} WHERE name = %s AND value {after} hop.value
                ORDER BY value {order} LIMIT 1
            ) FROM hop WHERE hop.value IS NOT NULL
        )
        SELECT value FROM hop WHERE value IS NOT NULL LIMIT {most}
    """  # noqa: S608 (names of our own)
    found = _asked(sql, [name, start, name])
    return [value for value in found if value.startswith(start)]


def _asked(sql: str, parameters: list[str]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [clean(each) for each in parameters])
        return [row[0] for row in cursor.fetchall()]


def _is_postgresql() -> bool:
    return connection.vendor == "postgresql"
