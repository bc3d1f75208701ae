"""Who a server becomes that is started by root."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """Who root becomes.

    Attributes:
        name: the login name.
        uid: the user's number.
        gid: the number of the group that the user has of its own.
        groups: all groups that the user database gives it.
        home: its home folder.
    """

    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    home: str
