"""What clients read: a call, and pages of whole calls at constant cost at any offset with exact totals."""

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from sovereign.calls import keys
from sovereign.calls.content import CallContent
from sovereign.calls.errors import CallNotFoundError, RecordingErasedError, RecordingNotFoundError
from sovereign.calls.items import call_with_content, json_bytes
from sovereign.calls.model import Call, CallRef, CallStatus, Direction
from sovereign.calls.rows import CallRows
from sovereign.kernel import numbered_rows
from sovereign.kernel.errors import InvalidRequestError
from sovereign.kernel.numbered_rows import NumberRange, TimeRange, number_text
from sovereign.kernel.table import Item, Ref, Table

__all__ = ["CallFilters", "CallPage", "CallReading"]

PAGE_BYTES: Final = 5_000_000
"""Most content in one page; reading stops there."""

_ANY_TIME: Final = TimeRange()
_GAP: Final = 20
"""Unwanted calls it is cheaper to read along than to ask again."""
_FEW_RUNS: Final = 3
"""Runs of numbers that are read one after another; more of them cost more requests than asking for each row."""
_ROWS_AT_ONCE: Final = 50
"""Rows, each with its summary, in the hundred items of one request."""
_AT_ONCE: Final = 10
"""Requests for messages that are under way together."""


@dataclass(frozen=True)
class CallFilters:
    """What a list of calls is narrowed to; None leaves a member open."""

    status: CallStatus | None = None
    agent_id: str | None = None
    direction: Direction | None = None
    made: TimeRange = _ANY_TIME

    def indexes(self, org_id: str) -> list[tuple[str, str]]:
        """Name and partition of the keys-only index behind each filter but time."""
        wanted = (
            ("gsi1", self.status and keys.status_index(org_id, self.status)),
            ("gsi2", self.agent_id and keys.agent_index(org_id, self.agent_id)),
            ("gsi3", self.direction and keys.direction_index(org_id, self.direction)),
        )
        return [(name, key) for name, key in wanted if key]


@dataclass(frozen=True)
class CallPage:
    """Calls, newest first, with messages and summary; `total` counts the whole filter."""

    calls: list[Call]
    total: int


class CallReading:
    """Reads calls for clients, without what is encrypted of a gdpr_mode call."""

    def __init__(self, table: Table, rows: CallRows, content: CallContent) -> None:
        self._table = table
        self._rows = rows
        self._content = content

    def get(self, org_id: str, call_id: str) -> Call:
        """The call as clients see it, with messages, summary and analysis: two requests, one more per MB.

        Raises CallNotFoundError.
        """
        ref = self._rows.find(org_id, call_id)
        if ref is None:
            raise CallNotFoundError
        return self._content.load(ref)

    def recorded(self, org_id: str, call_id: str) -> CallRef:
        """The organization's call, which has a recording; two requests.

        Raises CallNotFoundError, RecordingNotFoundError, RecordingErasedError.
        """
        ref = self._rows.find(org_id, call_id)
        if ref is None:
            raise CallNotFoundError
        match self._rows.get(ref).recording:
            case "stored":
                return ref
            case "erased":
                raise RecordingErasedError
            case _:
                raise RecordingNotFoundError

    def page(self, org_id: str, *, offset: int, limit: int, filters: CallFilters) -> CallPage:
        """The calls at `offset` of a filter, newest first.

        Two requests, one more per MB of content, also between moments; a filter by status, agent or direction reads its
        index instead of the counter (some 5,000 calls a request; every further one its own too). Where such a page's
        calls lie in more than a run of numbers, each run is a request; in more than a few, rows and summaries come a
        hundred a request, and each answered call's messages in one.
        Raises InvalidRequestError (`response_too_large`, with the `limit` that fits) beyond `PAGE_BYTES`.
        """
        indexes = filters.indexes(org_id)
        if not indexes:
            made = numbered_rows.read_range(self._table, keys.rows_key(org_id), filters.made).numbers
            return CallPage(_within_bound(self._groups(org_id, [made.page(offset, limit)])), made.total)
        numbers = self._filtered(indexes, filters.made)
        wanted = numbers[offset : offset + limit]
        runs = _runs(wanted)
        if len(runs) > _FEW_RUNS:
            return CallPage(_within_bound(self._scattered(org_id, wanted)), len(numbers))
        kept = frozenset(wanted)
        groups = (group for group in self._groups(org_id, runs) if int(group[0]["sk"]) in kept)
        return CallPage(_within_bound(groups), len(numbers))

    def _filtered(self, indexes: Sequence[tuple[str, str]], made: TimeRange) -> list[int]:
        """The numbers every index names within `made`, newest first."""
        if made.is_empty:
            return []
        named = [
            {int(item["sk"]) for item in self._table.query(key, index=name, between=keys.index_range(made))}
            for name, key in indexes
        ]
        return sorted(set.intersection(*named), reverse=True)

    def _scattered(self, org_id: str, numbers: Sequence[int]) -> Iterator[list[Item]]:
        """The items of each call, as `_groups` gives them: rows and summaries in batches, messages in parallel."""
        with ThreadPoolExecutor(_AT_ONCE) as threads:
            for start in range(0, len(numbers), _ROWS_AT_ONCE):
                some = [number_text(number) for number in numbers[start : start + _ROWS_AT_ONCE]]
                pk = keys.rows_key(org_id)
                found = self._table.get_many([Ref(pk, sk) for n in some for sk in (n, f"{n}#S")], consistent=True)
                rows = [found[Ref(pk, number)] for number in some if Ref(pk, number) in found]
                for row, messages in zip(rows, threads.map(self._messages, rows), strict=True):
                    summary = found.get(Ref(pk, f"{row['sk']}#S"))
                    yield [row, *messages, *([summary] if summary else [])]

    def _messages(self, row: Item) -> list[Item]:
        """A call's messages; one that was never answered has none."""
        if "started_at" not in row:
            return []
        return list(self._table.query(row["pk"], begins_with=f"{row['sk']}#M#", consistent=True))

    def _groups(self, org_id: str, ranges: Iterable[NumberRange]) -> Iterator[list[Item]]:
        """The items of each call of the ranges, in the order of their sort keys, the newest call first."""
        for numbers in ranges:
            if not numbers.total:
                continue
            between = (number_text(numbers.low), number_text(numbers.high) + "#~")
            group: list[Item] = []
            for item in self._table.query(keys.rows_key(org_id), between=between, descending=True, consistent=True):
                group.append(item)
                if "#" not in item["sk"]:
                    yield group[::-1]
                    group = []


def _within_bound(groups: Iterable[list[Item]]) -> list[Call]:
    """The calls of these items; reading stops where the page becomes too large."""
    calls: list[Call] = []
    size = 0
    for group in groups:
        call = call_with_content(group)
        # not what the items hold: rows made before they were stored in UTF-8 take up to three times as much
        size += json_bytes([call.messages, call.summary, call.analysis_result])
        if size > PAGE_BYTES and calls:
            raise InvalidRequestError("the page would exceed 5 MB", code="response_too_large", limit=len(calls))
        calls.append(call)
    return calls


def _runs(numbers: Sequence[int]) -> list[NumberRange]:
    """Ranges that cover falling numbers, joined where the gap between them is small."""
    runs: list[NumberRange] = []
    for number in numbers:
        if runs and runs[-1].low - number <= _GAP:
            runs[-1] = NumberRange(number, runs[-1].high)
        else:
            runs.append(NumberRange(number, number))
    return runs
