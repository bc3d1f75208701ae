"""What root opens for its administrator, and what others may have put there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.server.standing import require_root
from twisted_distcc.observe.audit import AuditLog, NoAuditLogError
from twisted_distcc.observe.lines import LineFile
from twisted_distcc.observe.opening import PlantedFileError, open_own
from twisted_distcc.server.daemon.pid_file import PidFile
from twisted_distcc.server.daemon.privileges import PrivilegeError, account, hand_over

ANOTHER = 3


class OpeningTests(SynchronousTestCase):
    """Root, in a folder of another user's."""

    def setUp(self) -> None:
        require_root()
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.precious = self.folder.with_suffix(".precious")
        self.precious.write_text("precious")
        self.path = self.folder / "log"
        os.chown(self.folder, ANOTHER, -1)

    def refused(self) -> None:
        """Nothing opens what lies there, and nothing was done to what it leads to."""
        path = str(self.path)
        self.assertRaises(PlantedFileError, open_own, path, os.O_WRONLY | os.O_APPEND)
        self.assertRaises(PlantedFileError, LineFile, path)
        self.assertRaises(NoAuditLogError, AuditLog, path, lambda: 0.0, self.fail)
        self.assertRaises(OSError, PidFile, path)
        self.assertEqual(self.precious.read_text(), "precious")

    def test_links(self) -> None:
        """A link is not followed, whether anything is at its end or not."""
        self.path.symlink_to(self.precious)
        self.refused()
        self.path.unlink()
        self.path.symlink_to(self.folder / "missing")
        self.refused()
        self.assertFalse((self.folder / "missing").exists())

    def test_second_names(self) -> None:
        """A file that has another name, too, may be root's elsewhere."""
        os.link(self.precious, self.path)
        self.refused()

    def test_what_is_no_file(self) -> None:
        """Neither is a pipe opened, which would hold the server up."""
        os.mkfifo(self.path)
        self.assertRaises(OSError, open_own, str(self.path), os.O_WRONLY)

    def test_files(self) -> None:
        """A file that is there, or is not yet, is opened."""
        for _ in range(2):
            with open(open_own(str(self.path), os.O_WRONLY | os.O_CREAT | os.O_APPEND), "a") as file:
                file.write("line\n")
        self.assertEqual(self.path.read_text(), "line\nline\n")

    def test_links_on_the_way(self) -> None:
        """A folder on the way may be no link either, however far above the file it lies."""
        roots = self.precious.with_suffix(".folder")
        (roots / "below").mkdir(parents=True)
        self.precious = self.precious.rename(roots / "below" / "log")
        for name, rest in (("logs", "log"), ("above", "below/log")):
            (self.folder / name).symlink_to(roots if name == "above" else roots / "below")
            self.path = self.folder / name / rest
            self.refused()
            self.assertRaises(PrivilegeError, hand_over, str(self.path), account("games"))
            self.assertEqual(self.precious.stat().st_uid, 0)

    def test_roots_links_below_anothers_folder(self) -> None:
        """A folder of root's that another user can move about leads nowhere either."""
        inner = self.folder / "roots"
        inner.mkdir()
        self.path = inner / "log"
        self.path.symlink_to(self.precious)
        self.refused()

    def test_roots_links_that_lead_there(self) -> None:
        """A link of root's may lead into a folder of another user's, and no link does from there on."""
        way = self.precious.with_suffix(".way")
        way.symlink_to(self.folder)
        self.path.symlink_to(self.precious)
        self.path = way / "log"
        self.refused()
        (self.folder / "log").unlink()
        os.close(open_own(str(self.path), os.O_WRONLY | os.O_CREAT))
        self.assertTrue((self.folder / "log").is_file())

    def test_open_files_of_processes(self) -> None:
        """What `/dev/stdout` means is a file that is open already, whatever it is."""
        reader, writer = os.pipe()
        os.write(descriptor := open_own(f"/dev/fd/{writer}", os.O_WRONLY), b"line")
        self.assertEqual(os.read(reader, 9), b"line")
        for each in (reader, writer, descriptor):
            os.close(each)

    def test_loops(self) -> None:
        """Links that lead to one another are an error, which names the path."""
        loop = self.precious.with_suffix(".loop")
        loop.symlink_to(loop)
        error = self.assertRaises(OSError, open_own, str(loop), os.O_WRONLY)
        self.assertEqual((error.errno, error.filename), (errno.ELOOP, str(loop)))

    def test_sticky_folders(self) -> None:
        """In one like /tmp a folder of root's stays root's, and a link there is anybody's."""
        sticky = self.precious.with_suffix(".sticky")
        (sticky / "roots").mkdir(parents=True)
        sticky.chmod(0o1777)
        (sticky / "roots" / "log").symlink_to(self.precious)
        os.close(open_own(f"{sticky}/roots/log", os.O_WRONLY))
        self.path = sticky / "log"
        self.path.symlink_to(self.precious)
        self.refused()

    def test_folders_of_roots_own(self) -> None:
        """Where root alone can make links, they lead where root wants."""
        os.chown(self.folder, 0, -1)
        self.path.symlink_to(self.precious)
        os.close(open_own(str(self.path), os.O_WRONLY | os.O_APPEND))
        self.folder.chmod(0o777)
        self.refused()
