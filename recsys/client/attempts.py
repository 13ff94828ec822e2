"""When a call is made again, and what its answer means.

Calls that got no answer, or one that says to come back, are made again. That is safe: lists change nothing, and events
carry an id from their first attempt on, so that the server counts each once.
"""

import random
from collections.abc import Generator
from typing import Any

import httpx

from recsys.errors import DataError, RecsysError, StoreError

RETRIED_STATUSES = frozenset({429, 502, 503, 504})
"""Answers after which a call is made again."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds before a call is made again: doubled each time, and multiplied by 0.5 to 1.5, drawn by chance."""

Answer = httpx.Response | httpx.RequestError
"""What a call gave: an answer, or the reason why there is none."""

Steps = Generator[float | None, Answer | None, Any]
"""Yields None to have the call made, or seconds to have a pause; takes what the call gave; returns the JSON."""


def attempts(retries: int) -> Steps:
    """One call, made again as often as it is worth it: says when to make it and when to wait, for either client.

    Raises:
        DataError: the server refuses what was sent; its words say where and what.
        StoreError: no answer, or none but to come back, after all retries.
        RecsysError: anything else.
    """
    pause = FIRST_PAUSE
    for left in range(retries, -1, -1):
        answer = yield None
        assert answer is not None
        if isinstance(answer, httpx.Response) and answer.status_code not in RETRIED_STATUSES:
            return _content(answer)
        if not left:
            break
        given = answer.headers.get("retry-after", "") if isinstance(answer, httpx.Response) else ""
        wait = float(given) if given.isdecimal() else pause * (0.5 + random.random())
        yield min(wait, LONGEST_PAUSE)
        pause = min(2 * pause, LONGEST_PAUSE)
    words = _words(answer) if isinstance(answer, httpx.Response) else str(answer)
    raise StoreError(f"the service gives no answer after {retries + 1} attempts: {words}")


def _content(answer: httpx.Response) -> Any:
    """The JSON of an answer, or the error that it stands for."""
    if answer.is_success:
        try:
            return answer.json()
        except ValueError as error:
            raise RecsysError(f"status {answer.status_code}, but no JSON: {answer.text[:200]}") from error
    kind = DataError if answer.status_code in (400, 404, 413, 422) else RecsysError
    raise kind(_words(answer))


def _words(answer: httpx.Response) -> str:
    """What the server says of a failure, or what there is instead."""
    try:
        problem = answer.json()
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in problem["errors"])
        words = ": ".join(filter(None, [problem["detail"], faults]))
    except (ValueError, KeyError, TypeError):
        words = answer.text[:200]
    if answer.has_redirect_location:
        words = f"the service is at {answer.headers['location']}; give that as the url"
    return f"status {answer.status_code}: {words}"
