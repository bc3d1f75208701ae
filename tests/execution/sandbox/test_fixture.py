"""What jobs see apart from their own files: system headers, wherever links to them lead."""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.execution.sandbox import fixture
from twisted_distcc.execution.sandbox.fixture import led_to


class LinkedHeadersTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.patch(fixture, "_INSTALLED", f"{self.root}/usr/")
        for name in ("usr/lib/linux/asm/errno.h", "usr/include/stdio.h", "etc/secret.h"):
            path = self.root / name
            path.parent.mkdir(parents=True)
            path.touch()

    def link(self, name: str, target: str) -> None:
        path = self.root / "usr/include" / name
        path.parent.mkdir(exist_ok=True)
        path.symlink_to(target)

    def led_to(self) -> set[str]:
        found = led_to([str(self.root / "usr/include"), str(self.root / "usr/local/include")])
        return {folder.removeprefix(f"{self.root}/") for folder in found}

    def test_elsewhere(self) -> None:
        """Debian's kernel headers are links to files in another folder of `/usr`."""
        self.link("x86_64-linux-gnu/errno.h", "../../lib/linux/asm/errno.h")
        self.link("errno-again.h", "x86_64-linux-gnu/errno.h")
        self.link("sys", "../lib/linux")
        self.assertEqual(self.led_to(), {"usr/lib/linux", "usr/lib/linux/asm"})

    def test_none(self) -> None:
        """Nothing else is seen: no folders of files, and none outside of `/usr`."""
        self.link("secret.h", str(self.root / "etc/secret.h"))
        self.link("climbs.h", "../../etc/secret.h")
        self.link("stdlib.h", "stdio.h")
        self.assertEqual(self.led_to(), {"usr/include"})
