"""Which hosts may have what only the jail makes harmless and exact."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.pump.fakes import compilation
from twisted_distcc.client.backends.host_faults import LackingHostError
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.backends.needed_jail import check_jail, with_plugins
from twisted_distcc.client.inputs.sources import Found
from twisted_distcc.pump.unit import Laid, Unit


def found(compiler: str, *precompiled: str) -> Found:
    """Return what was found for a compile."""
    unit = Unit({}, frozenset(), precompiled=frozenset(precompiled))
    return Found("/p", unit, Laid((), (), ()), {}, compilation(f"{compiler} -c w.c"))


class JailTests(SynchronousTestCase):
    def check(self, demanding: str | None, what: Found | None, *refused: Likeness | None) -> None:
        for likeness in (*Likeness, None):
            if likeness in refused:
                with self.assertRaisesRegex(LackingHostError, "has no jail|does not keep the times"):
                    check_jail(demanding, what, likeness)
            else:
                check_jail(demanding, what, likeness)

    def test_options(self) -> None:
        """What an option demands no other host has, whatever it gets."""
        others = [one for one in (*Likeness, None) if one is None or not one.is_complete]
        self.check("-specs=/x", None, *others)
        self.check(None, None)
        self.check(None, found("gcc"))

    def test_precompiled_headers(self) -> None:
        """gcc makes text from the headers themselves, and clang leaves out what it has read already."""
        self.check(None, found("gcc", "/p/a.h.gch"), Likeness.EXACT, Likeness.BROUGHT)
        others = [one for one in (*Likeness, None) if one is not Likeness.COMPLETE]
        self.check(None, found("clang", "/p/a.pch"), *others)

    def test_plugins(self) -> None:
        """Where plugins are loaded, it is by our own compiler, whatever the host has."""
        self.assertIs(with_plugins(loads=True), Likeness.BROUGHT_COMPLETE)
        with self.assertRaisesRegex(LackingHostError, "loads no plugins of clients"):
            with_plugins(loads=False)
