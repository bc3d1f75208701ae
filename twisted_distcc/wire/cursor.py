"""A position in a message, checked against the grammar.

A `Cursor` takes the tokens of a message one by one, and returns the grammar's field for each, or raises
if that token is not allowed there.  Reader and writer walk the same tables through this one class,
which does not care whether bytes are received or sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from twisted_distcc.wire.batch import Token, fitting
from twisted_distcc.wire.grammar import (
    Ceiling,
    Either,
    Field,
    Messages,
    Repeat,
    Shape,
    Step,
    WhenZero,
)
from twisted_distcc.wire.limits import Limits
from twisted_distcc.wire.tokens import spell


class Misplaced(Exception):  # noqa: N818  (never leaves the room: reader and writer say whose fault it is)
    """A token or a number that the grammar does not allow at this position."""


@dataclass(slots=True)
class Agreement:
    """The protocol version of one exchange, which its request and its reply share."""

    version: int | None = None


@dataclass(frozen=True, slots=True)
class _Times:
    """What is left of a `Repeat` once its count is known."""

    left: int
    each: tuple[Step, ...]


class Cursor:
    """A position in one message that opens with `opening`.

    Args:
        opening: the message's first token, whose number is the version.
        messages: the steps after it, by version.
        limits: the ceilings that numbers and lengths are held to.
        agreed: what the message in the other direction shares with this one.
    """

    def __init__(
        self, opening: Field, messages: Messages, limits: Limits, agreed: Agreement | None = None
    ) -> None:
        self._opening = opening
        self._messages = messages
        self._limits = limits
        self._agreed = agreed or Agreement()
        self._ahead: list[Step | _Times] = [opening]  # the next step stands last
        self._round: _Times | None = None  # what a count still asks for, if a round of it begins here
        self._numbers: dict[bytes, int] = {}
        self._totals: dict[bytes, int] = {}

    @property
    def is_end(self) -> bool:
        """Whether the message is complete."""
        return not self._ahead

    @property
    def due(self) -> int:
        """How many tokens a count still asks for; 0 unless a round of them begins here."""
        return 0 if self._round is None else self._round.left * len(self._round.each)

    def copy(self) -> Cursor:
        """Return an independent cursor at the same position."""
        copied = Cursor(self._opening, self._messages, self._limits, self._agreed)
        copied._ahead, copied._round = self._ahead.copy(), self._round
        copied._numbers, copied._totals = self._numbers.copy(), self._totals.copy()
        return copied

    def enter_rounds(self, tokens: Sequence[Token]) -> int:
        """Step over the complete rounds that `tokens` begin with; return how many tokens they take.

        The tokens after these are not a complete round, or one of them is not allowed: `enter` says why.
        """
        if (round_ := self._round) is None:
            return 0
        totals = self._totals.copy()
        count = fitting(islice(tokens, self.due), round_.each, self._limits, totals)
        whole = count - count % len(round_.each)
        for token, data in tokens[whole:count]:
            totals[token] -= len(data)
        self._totals = totals
        self._step_over_rounds(round_, whole // len(round_.each))
        return whole

    def enter(self, token: bytes, value: int, *shapes: Shape) -> Field:
        """Step over the token `token` with its number or length, and return its field.

        Args:
            token: the four letters.
            value: what its eight digits mean.
            shapes: what the caller can send after it; a reader, which follows the field's own shape,
                passes none.

        Raises:
            Misplaced: if another token is due, or if `value` is out of bounds.  The position is
                then unchanged.
        """
        if self.is_end:
            raise Misplaced("the message is complete, nothing may follow")
        step = self._ahead[-1]
        field = _find(step, token)
        if shapes and field.shape not in shapes:
            raise Misplaced(f"{spell(token)} is sent as a {field.shape.name}")
        self._measure(field, value)
        self._step_over(step, field, value)
        return field

    def _measure(self, field: Field, value: int) -> None:
        if field is self._opening:
            self._judge(value)
        if value < field.least and (value or not field.or_zero):
            raise Misplaced(f"{spell(field.token)} must be at least {field.least}")
        self._bound(field, field.ceiling, value)
        self._bound(field, field.together, self._totals.get(field.token, 0) + value)

    def _judge(self, version: int) -> None:
        if version not in self._messages:
            spoken = ", ".join(map(str, self._messages))
            raise Misplaced(f"protocol version {version} is not supported, only {spoken}")
        if self._agreed.version not in {None, version}:
            raise Misplaced(f"the other message has version {self._agreed.version}, not {version}")

    def _bound(self, field: Field, ceiling: Ceiling | None, value: int) -> None:
        if ceiling is not None and value > (limit := getattr(self._limits, ceiling)):
            raise Misplaced(f"{spell(field.token)} of {value} is over {limit}, the ceiling '{ceiling}'")

    def _step_over(self, step: Step | _Times, field: Field, value: int) -> None:
        self._ahead.pop()
        self._round = None
        if field is self._opening:
            self._agreed.version = value
            self._ahead.extend(reversed(self._messages[value]))
        elif isinstance(step, Repeat):
            self._ahead.append(_Times(value, step.each))
        elif field.shape is Shape.NUMBER:
            self._numbers[field.token] = value
        elif field.together is not None:
            self._totals[field.token] = self._totals.get(field.token, 0) + value
        self._settle()

    def _step_over_rounds(self, round_: _Times, rounds: int) -> None:
        if rounds:
            del self._ahead[-len(round_.each) - 1 :]  # what is left of this round, and of the count
            self._ahead.append(_Times(round_.left - rounds, round_.each))
            self._settle()

    def _settle(self) -> None:
        """Expand the next step until it is a token, or the message ends."""
        while self._ahead:
            step = self._ahead[-1]
            if isinstance(step, _Times):
                self._ahead.pop()
                self._round = step if step.left and _carry_bytes(step.each) else None
                if step.left:
                    self._ahead.append(_Times(step.left - 1, step.each))
                    self._ahead.extend(reversed(step.each))
            elif isinstance(step, WhenZero):
                self._ahead.pop()
                if self._numbers.get(step.token) == 0:
                    self._ahead.extend(reversed(step.steps))
            else:
                return


def _carry_bytes(each: tuple[Step, ...]) -> bool:
    """Whether all tokens of a round carry bytes: only such rounds can be taken many at once."""
    shapes = (field.shape for step in each for field in _due(step))
    return Shape.NUMBER not in shapes


def _find(step: Step | _Times, token: bytes) -> Field:
    due = _due(step)
    for field in due:
        if field.token == token:
            return field
    names = " or ".join(spell(field.token) for field in due)
    raise Misplaced(f"expected {names}, got {spell(token)}")


def _due(step: Step | _Times) -> tuple[Field, ...]:
    match step:
        case Field():
            return (step,)
        case Either(fields):
            return fields
        case Repeat(count):
            return (count,)
        case WhenZero() | _Times():
            raise AssertionError("settled steps are tokens")
