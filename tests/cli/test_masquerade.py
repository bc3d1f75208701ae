"""Links named like compilers: made, kept apart from other files, and taken away."""

import contextlib
import io
import os
import subprocess
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.cli import installed
from twisted_distcc.cli.masquerade import (
    MasqueradeError,
    compilers_on_path,
    is_our_link,
    main,
    make_links,
    remove_links,
)


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """Make an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


class LinkTests(SynchronousTestCase):
    """What happens to a folder of links."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.tdistcc = program(self.root / "bin" / "tdistcc")
        self.folder = self.root / "links"

    def test_makes_links(self) -> None:
        """Each name becomes a link to tdistcc, in a folder that is made when it is missing."""
        links = make_links(self.folder, ["gcc", "g++-12"], self.tdistcc)
        self.assertEqual([link.name for link in links], ["gcc", "g++-12"])
        self.assertEqual({link.resolve() for link in links}, {self.tdistcc.resolve()})

    def test_the_way_to_the_interpreter(self) -> None:
        """What tells tdistcc its interpreter is beside the links, too, and goes with all of them."""
        start = program(self.root / "bin" / "twisted-distcc-python")
        make_links(self.folder, ["gcc", "cc"], self.tdistcc)
        make_links(self.folder, ["gcc"], self.tdistcc)
        self.assertEqual(os.readlink(self.folder / start.name), str(start))
        remove_links(self.folder, ["cc"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["gcc", start.name])
        self.assertEqual(remove_links(self.folder, []), [self.folder / "gcc"])
        self.assertEqual(os.listdir(self.folder), [])

    def test_again(self) -> None:
        """Links of an installation that has moved are made anew."""
        make_links(self.folder, ["gcc"], self.root / "gone" / "tdistcc")
        make_links(self.folder, ["gcc"], self.tdistcc)
        self.assertEqual(os.readlink(self.folder / "gcc"), str(self.tdistcc))

    def test_refuses_a_file(self) -> None:
        """A file in the way stays, and no other link is made either."""
        compiler = program(self.folder / "g++", "mine")
        with self.assertRaises(MasqueradeError) as caught:
            make_links(self.folder, ["gcc", "g++"], self.tdistcc)
        self.assertIn(str(compiler), str(caught.exception))
        self.assertEqual(compiler.read_text(), "mine")
        self.assertEqual(os.listdir(self.folder), ["g++"])

    def test_refuses_another_link(self) -> None:
        """A link to something else stays, even when it leads nowhere."""
        self.folder.mkdir()
        (self.folder / "gcc").symlink_to("/nowhere/ccache")
        self.assertRaises(MasqueradeError, make_links, self.folder, ["gcc"], self.tdistcc)
        self.assertEqual(os.readlink(self.folder / "gcc"), "/nowhere/ccache")

    def test_refuses_names_that_are_paths(self) -> None:
        """A name cannot lead out of the folder, nor be tdistcc, which would call itself."""
        for name in ("../gcc", "/usr/bin/gcc", "", ".", "..", "tdistcc"):
            self.assertRaises(MasqueradeError, make_links, self.folder, [name], self.tdistcc)
        self.assertFalse(self.folder.exists())

    def test_refuses_no_names(self) -> None:
        """Without any compiler there is nothing to stand in for."""
        self.assertRaises(MasqueradeError, make_links, self.folder, [], self.tdistcc)

    def test_removes_our_links_alone(self) -> None:
        """Removal takes our links, and leaves files and other links."""
        make_links(self.folder, ["gcc", "cc"], self.tdistcc)
        program(self.folder / "g++")
        (self.folder / "clang").symlink_to("/usr/bin/ccache")
        removed = remove_links(self.folder, [])
        self.assertEqual([link.name for link in removed], ["cc", "gcc"])
        self.assertEqual(sorted(os.listdir(self.folder)), ["clang", "g++"])

    def test_removes_those_named(self) -> None:
        """With names, the other links stay."""
        make_links(self.folder, ["gcc", "cc"], self.tdistcc)
        remove_links(self.folder, ["cc"])
        self.assertEqual(os.listdir(self.folder), ["gcc"])


class SearchTests(SynchronousTestCase):
    """Which names on PATH are compilers'."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()

    def found(self, *names: str) -> list[str]:
        """The compilers in a folder that has programs of these names."""
        for name in names:
            program(self.root / "bin" / name)
        return compilers_on_path([str(self.root / "bin")], self.root / "links")

    def test_compilers(self) -> None:
        """Plain, versioned and cross-compiling names are all found."""
        names = [
            "aarch64-linux-gnu-gcc-12", "c++", "c99-gcc", "cc", "clang", "clang++", "clang++-14",
            "clang-14", "g++", "g++-4.9", "gcc", "gcc-12", "x86_64-w64-mingw32-g++",
        ]  # fmt: skip
        self.assertEqual(self.found(*names), names)

    def test_companions(self) -> None:
        """Programs that come with a compiler are none."""
        self.assertEqual(
            self.found(
                "gcc-ar", "gcc-nm-12", "gcc-ranlib", "gcov", "clang-cpp", "clang-format", "clangd",
                "cpp", "ccache", "distcc", "tdistcc", "as", "pcc", "gcc-12.py",
            ),
            [],
        )  # fmt: skip

    def test_only_programs(self) -> None:
        """A file that cannot be run, a folder, and a link of ours do not count."""
        program(self.root / "bin" / "gcc").chmod(0o644)
        (self.root / "bin" / "g++").mkdir()
        (self.root / "bin" / "cc").symlink_to(program(self.root / "tdistcc"))
        self.assertEqual(self.found("clang"), ["clang"])

    def test_once_each(self) -> None:
        """A name in several folders counts once; missing folders and the links' own are passed over."""
        program(self.root / "a" / "gcc")
        program(self.root / "b" / "gcc")
        program(self.root / "links" / "icc-gcc")
        folders = [str(self.root / name) for name in ("a", "missing", "links", "b")]
        self.assertEqual(compilers_on_path(folders, self.root / "links"), ["gcc"])


class CommandTests(SynchronousTestCase):
    """`twisted-distcc masquerade` as it is typed."""

    def setUp(self) -> None:
        self.root = Path(self.mktemp()).absolute()
        self.tdistcc = program(self.root / "bin" / "tdistcc", "#!/bin/sh\necho ran as $0\n")
        program(self.root / "bin" / "gcc")
        self.patch(installed.sys, "executable", str(self.root / "bin" / "python"))
        self.patch(os, "environ", os.environ | {"PATH": str(self.root / "bin")})
        self.folder = self.root / "my links"

    def run_main(self, *arguments: str) -> tuple[int, str, str]:
        """The status and both outputs of a command line."""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            status = main(arguments)
        return status, out.getvalue(), err.getvalue()

    def test_path_line(self) -> None:
        """The line that is printed makes a shell find the link first, whatever the folder's name."""
        status, out, _ = self.run_main(str(self.folder))
        self.assertEqual(status, 0)
        line = out.splitlines()[-1].strip()
        done = subprocess.run(
            ["/bin/sh", "-c", f"{line}; gcc"], capture_output=True, text=True, check=True
        )
        self.assertEqual(done.stdout, f"ran as {self.folder}/gcc\n")

    def test_names(self) -> None:
        """Names on the command line are linked, found on PATH or not."""
        self.assertEqual(self.run_main(str(self.folder), "icc-cc", "my-compiler")[0], 0)
        self.assertEqual(sorted(os.listdir(self.folder)), ["icc-cc", "my-compiler"])

    def test_no_folder(self) -> None:
        """Of the two kinds of words only the folder is required, and is called so."""
        err = io.StringIO()
        with contextlib.redirect_stderr(err):
            self.assertRaises(SystemExit, main, [])
        self.assertTrue(err.getvalue().endswith("are required: DIR\n"), err.getvalue())

    def test_refusal(self) -> None:
        """A refusal is a sentence on standard error, and status 1."""
        program(self.folder / "gcc")
        status, out, err = self.run_main(str(self.folder))
        self.assertEqual((status, out), (1, ""))
        self.assertIn("is not a link to tdistcc", err)

    def test_remove(self) -> None:
        """`--remove` undoes what the command did."""
        self.run_main(str(self.folder))
        self.assertTrue(is_our_link(self.folder / "gcc"))
        status, out, _ = self.run_main(str(self.folder), "--remove")
        self.assertEqual((status, out), (0, f"1 links removed from {self.folder}\n"))
        self.assertEqual(os.listdir(self.folder), [])

    def test_remove_from_nowhere(self) -> None:
        """A folder that is not there is an error, not a success."""
        status, _, err = self.run_main(str(self.folder), "--remove")
        self.assertEqual(status, 1)
        self.assertIn("my links", err)

    def test_not_installed(self) -> None:
        """Without tdistcc nothing is made, and the sentence says what is missing."""
        self.tdistcc.unlink()
        status, _, err = self.run_main(str(self.folder), "gcc")
        self.assertEqual(status, 1)
        self.assertIn("tdistcc is neither in", err)
        self.assertFalse(self.folder.exists())
