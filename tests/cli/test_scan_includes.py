"""`tdistcc --scan-includes`, with a real compiler."""

from __future__ import annotations

from tests.agent.home import HomeTestCase

SCAN = ("--scan-includes",)


class ScanIncludesTests(HomeTestCase):
    async def test_files_links_and_folders(self) -> None:
        """Each file, link and folder that a server would be sent is a line of its kind."""
        (self.work / "real").mkdir()
        (self.work / "empty").mkdir()
        (self.work / "real" / "there.h").write_text("int x;\n")
        (self.work / "link").symlink_to("real")
        (self.work / "uses.c").write_text('#include "link/there.h"\n')
        child = self.tdistcc(*SCAN, "gcc", "-nostdinc", "-Iempty", "-c", "uses.c")
        self.assertEqual(await child.ended(), 0, child.stderr)
        lines = {tuple(line.split()) for line in child.stdout.decode().splitlines()}
        below = {line for line in lines if line[1].startswith(str(self.work))}
        self.assertEqual(
            below,
            {
                ("FILE", f"{self.work}/uses.c"),
                ("FILE", f"{self.work}/real/there.h"),
                ("SYMLINK", f"{self.work}/link"),
                ("DIRECTORY", f"{self.work}/empty"),
            },
        )

    async def test_an_implicit_compiler(self) -> None:
        """Without a compiler's name `cc` is meant, as in a compile."""
        child = self.tdistcc(*SCAN, "-c", "hello.c")
        self.assertEqual(await child.ended(), 0, child.stderr)
        self.assertIn(b"/usr/include/stdio.h\n", child.stdout)

    async def test_what_no_server_gets(self) -> None:
        """A command whose files would not be sent is an error that says why."""
        child = self.tdistcc(*SCAN, "gcc", "-E", "hello.c")
        self.assertEqual((await child.ended(), child.stdout), (101, b""))
        self.assertIn("-E preprocesses", child.stderr)

    async def test_nothing(self) -> None:
        """Without a command it tells how one is given."""
        child = self.tdistcc(*SCAN)
        self.assertEqual((await child.ended(), child.stdout), (101, b""))
        self.assertIn("tdistcc --scan-includes gcc -c hello.c", child.stderr)

    async def test_log(self) -> None:
        """A log gets what is scanned and what came of it, and standard error no more than it did."""
        child = self.tdistcc(*SCAN, "gcc", "-c", "hello.c", DISTCC_LOG="log")
        self.assertEqual((await child.ended(), child.stderr), (0, ""))
        child = self.tdistcc(*SCAN, "gcc", "-E", "hello.c", DISTCC_LOG="log")
        self.assertEqual(await child.ended(), 101)
        begun, files, also_begun, none = (self.work / "log").read_text().splitlines()
        self.assertEqual(begun, "tdistcc: scanning includes: gcc -c hello.c")
        self.assertRegex(files, r"^tdistcc: \d+ files, \d+ links and \d+ folders would be sent$")
        self.assertEqual(also_begun, "tdistcc: scanning includes: gcc -E hello.c")
        self.assertIn("no server would be sent files: -E preprocesses", none)
