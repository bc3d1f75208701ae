"""What of the file system is shown: links are made again, what they lead to is mounted."""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.toolchain.view import View


class ViewTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.root = Path(os.path.realpath(self.mktemp()))
        (self.root / "real/deep").mkdir(parents=True)
        for name in ("file", "real/cc", "real/deep/cc1"):
            (self.root / name).write_text(name)

    def link(self, name: str, target: str) -> str:
        (self.root / name).symlink_to(target)
        return self.path(name)

    def path(self, name: str) -> str:
        return str(self.root / name)

    def view(self, *paths: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """Give links, relative to the root, and mounts, so as well."""
        view = View.of(paths)
        start = f"{self.root}/"
        links = {path.removeprefix(start): target for path, target in view.links}
        return links, tuple(path.removeprefix(start) for path in view.mounts)

    def test_links(self) -> None:
        """Each link on the way is made again as it is: absolute, relative, to folders and to links."""
        self.link("bin", "real")
        self.link("real/gcc", "deep/../cc")
        self.link("gcc", f"{self.root}/bin/gcc")
        links, mounts = self.view(self.path("gcc"))
        self.assertEqual(links, {"gcc": f"{self.root}/bin/gcc", "bin": "real", "real/gcc": "deep/../cc"})
        self.assertEqual(mounts, ("real/cc",))

    def test_up_behind_a_link(self) -> None:
        """`..` behind a link means the folder above what the link leads to, as the kernel has it."""
        self.link("away", "real/deep")
        self.assertEqual(self.view(f"{self.path('away')}/../cc")[1], ("real/cc",))
        self.assertEqual(View.of(["/../../usr"]).mounts, ("/usr",))

    def test_nested(self) -> None:
        """What lies in a folder that is shown is not shown twice, nor are the links in it."""
        self.link("real/gcc", "cc")
        links, mounts = self.view(
            self.path("real/gcc"), self.path("real"), self.path("real/deep/cc1"), self.path("file")
        )
        self.assertEqual((links, mounts), ({}, ("file", "real")))

    def test_names_that_begin_alike(self) -> None:
        """`/x/real2` is not in `/x/real`."""
        (self.root / "real2").write_text("")
        self.assertEqual(self.view(self.path("real"), self.path("real2"))[1], ("real", "real2"))

    def test_what_is_not_there(self) -> None:
        """What is missing, links that lead nowhere and links in circles show nothing."""
        self.link("one", "two")
        self.link("two", "one")
        dangling = self.link("dangling", "nothing")
        self.assertEqual(self.view(self.path("one"), dangling, self.path("no/such"))[1], ())

    def test_free(self) -> None:
        """A folder is free that neither holds, nor is, nor lies in what is shown."""
        view = View((("/bin", "usr/bin"),), ("/usr/bin/cc", "/opt/gcc"))
        for path, free in (
            ("/home/ada", True), ("/usr/src", True), ("/opt/gcc-13", True), ("/", False),
            ("/usr", False), ("/usr/bin", False), ("/opt/gcc", False), ("/opt/gcc/x", False),
            ("/bin", False), ("/bin/x", False),
        ):  # fmt: skip
            self.assertEqual(view.is_free(path), free, path)
