"""Where in a message one end stands.

In: the tokens of a message, one after the other.  Out: the grammar's field for each, or an error when
it may not stand there.  Reader and writer walk the same tables through this one class; it refuses to
know whether bytes come or go.
"""

from __future__ import annotations

from dataclasses import dataclass

from twisted_distcc.wire.grammar import Either, Field, Messages, Repeat, Step, WhenZero
from twisted_distcc.wire.limits import Limits


class Misplaced(Exception):  # noqa: N818  (never leaves the room: reader and writer say whose fault it is)
    """A token or a number that the grammar does not allow where it stands."""


@dataclass(frozen=True, slots=True)
class _Times:
    """What is left of a `Repeat` once its count is known."""

    left: int
    each: tuple[Step, ...]


class Place:
    """A position in one message that opens with `opening`.

    Args:
        opening: the message's first token, whose number is the version.
        messages: the steps after it, by version.
        limits: the ceilings that numbers and lengths are held to.
    """

    def __init__(self, opening: Field, messages: Messages, limits: Limits) -> None:
        self._opening = opening
        self._messages = messages
        self._limits = limits
        self._ahead: list[Step | _Times] = [opening]  # the next step stands last
        self._numbers: dict[bytes, int] = {}

    @property
    def is_end(self) -> bool:
        """Whether the message is complete."""
        return not self._ahead

    def enter(self, token: bytes, value: int) -> Field:
        """Step over the token `token` with its number or length, and give its field.

        Raises:
            Misplaced: if another token is due, or if `value` is outside its bounds.
        """
        if self.is_end:
            raise Misplaced("the message is complete, nothing may follow")
        step = self._ahead.pop()
        field = self._field(step, token)
        self._measure(field, value)
        if field is self._opening:
            self._open(value)
        elif isinstance(step, Repeat):
            self._repeat(step, value)
        elif field.ceiling is None:
            self._numbers[token] = value
        self._settle()
        return field

    def _field(self, step: Step | _Times, token: bytes) -> Field:
        due = _due(step)
        for field in due:
            if field.token == token:
                return field
        names = " or ".join(field.token.decode() for field in due)
        raise Misplaced(f"expected {names}, got {token.decode('ascii', 'replace')}")

    def _measure(self, field: Field, value: int) -> None:
        ceiling = getattr(self._limits, field.ceiling) if field.ceiling else value
        if value > ceiling:
            raise Misplaced(f"{field.token.decode()} of {value} is over the ceiling of {ceiling}")

    def _open(self, version: int) -> None:
        if version not in self._messages:
            spoken = ", ".join(map(str, self._messages))
            raise Misplaced(f"protocol version {version} is not spoken here, only {spoken}")
        self._ahead = list(reversed(self._messages[version]))

    def _repeat(self, step: Repeat, count: int) -> None:
        if count < step.least:
            raise Misplaced(f"{step.count.token.decode()} must be at least {step.least}")
        self._ahead.append(_Times(count, step.each))

    def _settle(self) -> None:
        """Unfold what stands next until it is a token, or the end."""
        while self._ahead:
            step = self._ahead[-1]
            if isinstance(step, _Times):
                self._ahead.pop()
                if step.left:
                    self._ahead.append(_Times(step.left - 1, step.each))
                    self._ahead.extend(reversed(step.each))
            elif isinstance(step, WhenZero):
                self._ahead.pop()
                if self._numbers.get(step.token) == 0:
                    self._ahead.extend(reversed(step.steps))
            else:
                return


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
