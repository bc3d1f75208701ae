"""The user that a server becomes if root starts it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Account:
    """The user that root becomes.

    Attributes:
        name: the login name.
        uid: the user id.
        gid: the id of the user's own group.
        groups: the ids of all groups that the user database lists for it.
        home: its home folder.
    """

    name: str
    uid: int
    gid: int
    groups: frozenset[int]
    home: str
