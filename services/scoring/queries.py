"""Every read of scoring: tallies of the smallest areas, summed up the tree when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import asyncpg

from services.scoring.domain.formula import Counts

Connection: TypeAlias = "asyncpg.Connection[Any]"
Tallies = Mapping[str, Mapping[str, Counts]]
"""Subject -> indicator -> counts."""

MOVED = """
    SELECT tally.scheme, tally.version, tally.subject, tally.indicator, tally.numerator,
           tally.denominator
    FROM tally LEFT JOIN score ON score.scheme = tally.scheme AND score.rule_version = tally.version
      AND score.subject = tally.subject AND score.indicator = tally.indicator
    WHERE score.id IS NULL OR tally.numerator >= score.numerator
      AND tally.denominator >= score.denominator
      AND (tally.numerator > score.numerator OR tally.denominator > score.denominator)
    ORDER BY tally.scheme, tally.version, tally.subject, tally.indicator LIMIT $1
"""

AREAS = """
    WITH RECURSIVE shown AS (
        SELECT code, level FROM city_area
        WHERE code > $3 AND valid_to IS NULL AND ($4::text IS NULL OR level = $4)
          AND ($5::text IS NULL OR code = $5)
        ORDER BY code LIMIT $6 + 1
    ), below AS (
        SELECT code AS subject, code FROM shown
        UNION ALL
        SELECT below.subject, area.code
        FROM city_area AS area JOIN below ON area.parent = below.code
    ), placed AS (
        SELECT subject, code FROM below
        UNION ALL
        SELECT code, '' FROM shown WHERE level = 'city'
    )
    SELECT shown.code AS subject, summed.indicator, summed.numerator, summed.denominator
    FROM shown LEFT JOIN (
        SELECT placed.subject, indicator, sum(numerator)::bigint AS numerator,
               sum(denominator)::bigint AS denominator
        FROM placed JOIN tally
          ON tally.scheme = $1 AND tally.version = $2 AND tally.subject = placed.code
        GROUP BY placed.subject, indicator
    ) AS summed ON summed.subject = shown.code
    ORDER BY shown.code
"""
"""What has no place counts for the city alone, so that the towns and it sum to the city."""

ORGANISATIONS = """
    WITH shown AS (
        SELECT code FROM city_organisation
        WHERE code > $3 AND NOT closed AND ($4::text IS NULL OR kind = $4)
          AND ($5::text IS NULL OR code = $5)
        ORDER BY code LIMIT $6 + 1
    )
    SELECT shown.code AS subject, indicator, numerator, denominator
    FROM shown LEFT JOIN tally
      ON tally.scheme = $1 AND tally.version = $2 AND tally.subject = shown.code
    ORDER BY shown.code
"""

_QUERIES = {"area": AREAS, "organisation": ORGANISATIONS}


async def tallies(
    connection: Connection,
    scheme: tuple[str, int],
    dimension: str,
    *,
    after: str,
    limit: int,
    kind: str | None = None,
    subject: str | None = None,
) -> Tallies:
    """Of areas or organisations by code. `kind`: level of areas, or kind of organisations."""
    query = _QUERIES[dimension]
    found: dict[str, dict[str, Counts]] = {}
    for row in await connection.fetch(query, *scheme, after, kind, subject, limit):
        counts = found.setdefault(row["subject"], {})
        if row["indicator"] is not None:
            counts[row["indicator"]] = Counts(row["numerator"], row["denominator"])
    return found
