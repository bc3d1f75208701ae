"""Which name each file has among the outputs of a reply, and which files are expected at all.

A compile that makes other files besides its object runs in the client's own folder, and its outputs are
where they would be at the client::

    expected = ExpectedOutputs.of(compilation, "/home/ada/project")
    expected.find("/home/ada/project/obj/w.o")      # OBJECT, and its place in the compiler's order
    expected.find("/home/ada/project/obj/w.dwo")    # its own path, and its place
    expected.find("/home/ada/.profile")             # None

The server collects by it, and the client writes by it.  A file that is not expected is told by its name,
without its contents, in place of all outputs: then the client compiles the unit itself.
"""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from twisted_distcc.cmdline.compilation import Compilation
from twisted_distcc.cmdline.foreseen import Foreseen, foreseen, own_order
from twisted_distcc.jobs.model import DEPENDENCIES, OBJECT

MOST: Final = 900
"""The most outputs of one job: gcc can dump some 350 of its passes."""


@dataclass(frozen=True, slots=True)
class ExpectedOutputs:
    """The outputs of one compile.

    Attributes:
        names: names of outputs by absolute path, with their places in the order in which the compiler
            completes its files.
        others: what else may be made, by absolute path, beside how the command names it.
        places: folders by where they really are, if links lead there.
    """

    names: Mapping[str, tuple[str, int]]
    others: tuple[tuple[Foreseen, Foreseen], ...]
    places: tuple[tuple[str, str], ...] = field(default=())

    @classmethod
    def of(cls, c: Compilation, directory: str) -> ExpectedOutputs:
        """Return the outputs of `c` in the working directory `directory`."""

        def absolute(path: str) -> str:
            return os.path.normpath(os.path.join(directory, path))

        of_object, of_rules = own_order(c)
        names = {absolute(c.output): (OBJECT, of_object)}
        if c.dependencies is not None:
            names[absolute(c.dependencies.path)] = DEPENDENCIES, of_rules
        others = ((replace(one, path=absolute(one.path)), one) for one in foreseen(c))
        return cls(names, tuple(others))

    def laid(self, follow: Callable[[str], str]) -> ExpectedOutputs:
        """Return the same outputs where they are found by paths without links, as `follow` says."""
        places = ((follow(folder), folder) for folder in self.folders)
        return replace(self, places=tuple(place for place in places if place[0] != place[1]))

    def find(self, path: str) -> tuple[str, int] | None:
        """Return the name of the output at the absolute `path`, and its place in the order.

        `None` if none is expected there.
        """
        folder, name = os.path.split(path)
        called = (os.path.join(given, name) for real, given in self.places if real == folder)
        return next(filter(None, map(self._find, (path, *called))), None)

    def _find(self, path: str) -> tuple[str, int] | None:
        known = self.names.get(path)
        if known is not None:
            return known
        covers = (there for there, _ in self.others if there.covers(path))
        return next(((path, there.order) for there in covers), None)

    def foreseen(self, name: str) -> Foreseen | None:
        """Return the file that the output `name` is to be, as the command names it.

        `None` for object and dependency file, and for what is not expected.
        """
        for there, typed in self.others:
            if there.covers(name) and name not in self.names:
                return replace(typed, path=typed.path + name[len(there.path) :], is_dump=False)
        return None

    @property
    def folders(self) -> frozenset[str]:
        """The absolute paths of the folders in which outputs are made."""
        paths = (*self.names, *(there.path for there, _ in self.others))
        return frozenset(map(os.path.dirname, paths))
