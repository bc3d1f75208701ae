"""The story of one compile: what stays here, what bounds it, what it leaves, and how it is cancelled."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from unittest.mock import patch

from twisted.internet.defer import CancelledError

from tests.client.in_memory import (
    OBJECT,
    PREPROCESSED,
    DispatchTestCase,
    FakeServer,
    failing_server,
    good_server,
    held_server,
    refusing,
    silent,
    speaking,
)
from twisted_distcc.client.invocation import RunHere
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply

WITH_RULES = ("gcc", "-MD", "-c", "hello.c", "-o", "hello.o")


class StayingHereTests(DispatchTestCase):
    def test_what_is_no_compile(self) -> None:
        """A command that is not for servers runs here, and no host hears of it."""
        self.serve(good_server())
        reason = self.here(self.compile("gcc", "hello.o", "-o", "hello")).reason
        self.assertEqual(self.told.said, [f"compiling here: {reason}"])
        self.assertEqual((self.network.called, self.preprocessor.commands), ([], []))
        self.nothing_is_left()

    def test_no_hosts(self) -> None:
        """Without hosts everything runs here, and the user is warned in distcc's words."""
        self.assertIn("contained no hosts", self.here(self.compile()).reason)
        self.assertEqual(
            self.told.reminded,
            [
                "failed to distribute, running locally instead: "
                "$DISTCC_HOSTS contained no hosts; can't distribute work"
            ],
        )

    def test_no_hosts_and_nothing_to_send(self) -> None:
        """A command that nobody else could do has no use for hosts, and is not warned of them."""
        self.here(self.compile("gcc", "hello.o", "-o", "hello"))
        self.assertEqual(self.told.reminded, [])

    def test_no_hosts_and_no_fallback(self) -> None:
        """Without hosts and fallback a compile fails with distcc's own exit code."""
        self.environ["DISTCC_FALLBACK"] = "0"
        self.assertEqual(self.finished(self.compile()).exit_code, 116)
        self.assertIn("failed to distribute and fallbacks are disabled", self.told.warned[0])
        self.assertIn("contained no hosts", self.told.warned[0])

    def test_no_fallback_leaves_links_alone(self) -> None:
        """DISTCC_FALLBACK=0 is about compiles that servers could do, and about no other command."""
        self.environ["DISTCC_FALLBACK"] = "0"
        self.here(self.compile("gcc", "hello.o", "-o", "hello"))

    def test_a_preprocessor_that_fails(self) -> None:
        """When the preprocessor fails, the compiler says so itself, in its own way."""
        self.serve(good_server())
        self.preprocessor.status = 1 << 8
        self.preprocessor.says = b"no such header"
        self.assertEqual(self.here(self.compile()).reason, "the preprocessor failed")
        self.assertEqual(self.network.called, [])
        self.nothing_is_left()

    def test_a_compiler_that_cannot_start(self) -> None:
        """A compiler that cannot be started here is left to whoever called us."""
        self.serve(good_server())
        self.preprocessor.absent = True
        self.assertEqual(self.here(self.compile()).reason, "cannot start the compiler")
        self.nothing_is_left()

    def test_a_source_that_reads_files_of_this_machine(self) -> None:
        """A text that names files which servers do not have is compiled here."""
        self.serve(good_server())
        self.preprocessor.text = b'asm(".incbin \\"logo.png\\"");\n'
        self.here(self.compile())
        self.assertEqual(self.network.called, [])
        self.nothing_is_left()

    def test_an_environment_that_forbids(self) -> None:
        """A variable that changes what the compiler does keeps the compile here."""
        self.serve(good_server())
        self.environ["SUNPRO_DEPENDENCIES"] = "rules"
        self.assertIn("SUNPRO_DEPENDENCIES", self.here(self.compile()).reason)
        self.assertEqual(self.network.called, [])

    def test_no_room_for_temporary_files(self) -> None:
        """Where TMPDIR is missing no text can be made, and the compile is done here."""
        self.serve(good_server())
        self.environ["DISTCC_REMOTE_CPP"] = "0"
        self.environ["TMPDIR"] = str(self.folder / "missing")
        self.assertIn("cannot create temporary files", self.here(self.compile()).reason)
        self.assertIn("failed to distribute, running locally", self.told.reminded[0])
        self.assertEqual(self.network.called, [])

    def test_no_room_for_a_reply(self) -> None:
        """When the disk takes no reply, the compile is done here: the compiler says what is full."""
        large = bytes(200_000)
        self.serve(FakeServer(lambda _: Reply(0, object_file=Body.of(large))))
        with patch("twisted_distcc.content.body.new_file", side_effect=OSError(28, "full")):
            self.assertIn("cannot store the reply: full", self.here(self.compile()).reason)
        self.assertEqual(self.avoided(), [])
        self.nothing_is_left()

    def test_no_compiler(self) -> None:
        """A compiler that is not there is an error with a sentence and distcc's own exit code."""
        self.serve(good_server())
        self.gcc.unlink()
        self.assertEqual(self.finished(self.compile()).exit_code, 110)
        self.assertEqual(self.told.warned, ["failed to exec gcc: it is not installed, or not on PATH"])

    def test_words_that_mean_nothing(self) -> None:
        """A setting or a host that cannot be understood is told; the compile goes on with the rest."""
        server = good_server()
        self.serve(server, more="green,auth blue:none yellow,down")
        self.environ |= {"DISTCC_IO_TIMEOUT": "soon", "DISTCC_FALLBACK": "no"}
        self.assertEqual(self.finished(self.compile()).exit_code, 0)
        self.assertEqual(len(server.requests), 1)
        for word in (
            'DISTCC_IO_TIMEOUT is "soon"', 'DISTCC_FALLBACK is "no"', '"green,auth" in', '"blue:none" in'
        ):  # fmt: skip
            self.assertEqual(len([line for line in self.told.reminded if word in line]), 1, word)
        self.assertIn("yellow,down is not asked: its ,down sets it aside", self.told.said)

    def test_nobody_looks_for_servers(self) -> None:
        """A client without an agent finds no servers, and says who would."""
        self.environ["DISTCC_HOSTS"] = "+zeroconf"
        self.here(self.compile())
        self.assertIn("no servers yet (the agent looks)", self.told.reminded[0])

    def test_hosts_that_all_mean_nothing(self) -> None:
        """Without a host that is understood it is compiled here; where it must not be, it fails."""
        self.environ["DISTCC_HOSTS"] = "red:none green,auth"
        self.here(self.compile())
        self.environ["DISTCC_FALLBACK"] = "0"
        self.assertEqual(self.finished(self.compile()).exit_code, 106)

    def test_what_is_not_sent_anyway(self) -> None:
        """A command that is not sent, as a configure script has many, says nothing of such words."""
        self.environ["DISTCC_HOSTS"] = "red:none"
        self.here(self.compile("gcc", "--version"))
        self.assertEqual((self.told.warned, self.told.reminded), ([], []))

    def test_response_files(self) -> None:
        """A response file is read from the folder in which the command was typed."""
        server = good_server()
        self.serve(server)
        (self.work / "words").write_text("-c hello.c -o hello.o -O2")
        self.finished(self.compile("gcc", "@words"))
        self.assertIn(b"-O2", server.requests[0][0])

    def test_a_response_file_that_is_missing(self) -> None:
        """A response file that cannot be read is left to the compiler."""
        self.serve(good_server())
        self.here(self.compile("gcc", "-c", "@missing"))


class LocalRetryTests(DispatchTestCase):
    def test_a_failed_compile_runs_again_here(self) -> None:
        """A compile that failed on a host is run here, and nothing of it is in place."""
        self.serve(failing_server())
        self.assertIn("failed on the server (exit status 1)", self.here(self.compile()).reason)
        self.assertEqual(self.told.warned, [])
        self.nothing_is_left()

    def test_unless_the_user_says_otherwise(self) -> None:
        """With DISTCC_SKIP_LOCAL_RETRY the host's word counts: its exit code and its messages."""
        self.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
        self.serve(failing_server())
        finished = self.finished(self.compile())
        self.assertEqual((finished.exit_code, finished.stderr), (1, b"hello.c: error\n"))
        self.nothing_is_left()

    def test_not_without_fallback(self) -> None:
        """With DISTCC_FALLBACK=0 nothing that servers could do is done here."""
        self.environ["DISTCC_FALLBACK"] = "0"
        self.serve(failing_server())
        self.assertEqual(self.finished(self.compile()).exit_code, 1)

    def test_a_compiler_that_was_killed(self) -> None:
        """A compiler that a signal killed on the host gives 128 and the signal's number."""
        self.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
        self.serve(FakeServer(lambda _: Reply(9)))
        self.assertEqual(self.finished(self.compile()).exit_code, 137)
        self.assertEqual(self.avoided(), [])

    def test_the_output_of_before_stays(self) -> None:
        """A compile that fails changes nothing of an output that is there."""
        self.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
        self.serve(failing_server())
        (self.work / "hello.o").write_bytes(b"of before")
        self.finished(self.compile())
        self.assertEqual((self.work / "hello.o").read_bytes(), b"of before")


class LocalhostTests(DispatchTestCase):
    def test_first_in_the_list(self) -> None:
        """This machine, listed first and free, compiles at once, and nothing is preprocessed."""
        self.serve(good_server(), more="localhost/1")
        outcome = self.compile()
        assert isinstance(outcome, RunHere)
        self.assertEqual(self.taken("localhost"), 1)
        self.here(outcome)
        self.assertEqual((self.preprocessor.commands, self.network.called), ([], []))
        self.nothing_is_left()

    def test_busy(self) -> None:
        """When this machine has all its slots taken, the next host gets the job."""
        self.serve(good_server(), more="localhost/1")
        here = self.compile()
        self.finished(self.compile())
        self.here(here)
        self.nothing_is_left("hello.o")

    def test_behind_a_free_host(self) -> None:
        """This machine waits for its turn: a host before it that is free gets the job."""
        self.environ["DISTCC_HOSTS"] = "10.0.0.1/1 localhost/1"
        self.network.scripts["10.0.0.1"] = good_server()
        self.finished(self.compile())
        self.nothing_is_left("hello.o")

    def test_all_busy(self) -> None:
        """When this machine and all hosts are busy a job waits, preprocessed, for the first slot."""
        server = held_server()
        self.serve(server, more="localhost/1")
        here, there = self.compile(), self.begin(self.invocation())
        running = self.begin(self.invocation())
        self.assertNoResult(running)
        self.here(here)
        self.network.settle()
        self.here(self.successResultOf(running))
        there.cancel()
        self.failureResultOf(there, CancelledError)
        self.nothing_is_left()

    def test_last_in_the_list(self) -> None:
        """This machine, listed last, takes what the hosts before it cannot."""
        self.environ["DISTCC_HOSTS"] = "10.0.0.1/1 localhost/1"
        self.network.scripts["10.0.0.1"] = refusing
        outcome = self.here(self.compile())
        self.assertEqual(outcome.reason, "this machine is one of the hosts")
        self.assertEqual(self.network.called, ["10.0.0.1"])
        self.nothing_is_left()


class BoundsTests(DispatchTestCase):
    def test_local_compiles_are_bounded(self) -> None:
        """A dead farm starts no storm: of ten compiles here only --localslots run, the others wait."""
        self.environ["DISTCC_HOSTS"] = "--localslots=2"
        running = [self.begin(self.invocation()) for _ in range(10)]
        for number in range(10):
            started = [job for job in running if job.called]
            self.assertEqual(len(started), min(10, number + 2))
            self.here(self.successResultOf(started[number]))
            self.network.settle()
        self.nothing_is_left()

    def test_a_dead_farm_is_bounded_too(self) -> None:
        """What comes back from a farm that died waits for a slot here like everything else."""
        self.serve(refusing, more="--localslots=1", options="/8")
        running = [self.begin(self.invocation()) for _ in range(4)]
        self.assertEqual([job.called for job in running], [True, False, False, False])
        for job in running:
            self.here(self.successResultOf(job))
            self.network.settle()
        self.nothing_is_left()

    def test_preprocessors_are_bounded(self) -> None:
        """At most --localslots_cpp preprocessors run at a time."""
        self.serve(good_server(), more="--localslots_cpp=2", options="/8")
        self.finished(self.compile())  # from now on it is known where the compiler searches
        self.preprocessor.processes.clear()
        self.preprocessor.held = True
        running = [self.begin(self.invocation()) for _ in range(5)]
        for number in range(5):
            self.assertEqual(len(self.preprocessor.processes), min(5, number + 2))
            self.preprocessor.processes[number].finish()
            self.network.settle()
        for job in running:
            self.finished(self.successResultOf(job))
        self.nothing_is_left("hello.o")

    def test_jobs_on_a_host_are_bounded(self) -> None:
        """A host never has more jobs than its limit; the others are preprocessed and wait."""
        server = held_server()
        self.serve(server, options="/2")
        running = [self.begin(self.invocation()) for _ in range(5)]
        self.assertEqual(self.preprocessor.kinds.count("preprocessed"), 5)
        for number in range(5):
            self.assertEqual(len(server.replies), min(5, number + 2))
            server.replies[number].callback(Reply(0, object_file=Body.of(OBJECT)))
            self.network.settle()
        for job in running:
            self.finished(self.successResultOf(job))
        self.nothing_is_left("hello.o")

    def test_no_slots_at_all(self) -> None:
        """Where lock files cannot be written, everything is still compiled, here, with a warning."""
        self.serve(good_server())
        (self.distcc / "lock").write_text("a file")
        outcome = self.here(self.compile())
        self.assertIsNone(outcome.slot)
        self.assertEqual(self.told.warned, ["no directory for lock files"])
        self.assertEqual(os.listdir(self.tmp), [])

    def test_slots_elsewhere(self) -> None:
        """Whoever has no directory for lock files, or one that is of no use, gets another."""
        self.serve(good_server(), good_server(), good_server())
        self.spare.mkdir()
        (self.folder / "file").touch()
        for changes in (
            {"DISTCC_DIR": str(self.folder / "file")},
            {"DISTCC_DIR": "", "HOME": "/dev/null"},
        ):
            self.environ |= changes
            self.finished(self.compile())
            self.assertIn(f"lock files are in {self.spare}", "".join(self.told.said))
            self.told.said.clear()
        self.assertEqual(self.told.warned, [])
        self.assertTrue(os.listdir(self.spare))


class PreprocessingTests(DispatchTestCase):
    def test_in_the_users_surroundings(self) -> None:
        """The preprocessor runs as the compiler would: there, with that environment and umask."""
        self.serve(good_server())
        self.environ["CPATH"] = "include"
        self.compile(umask=0o027)
        command = self.preprocessor.commands[self.preprocessor.kinds.index("preprocessed")]
        self.assertEqual(command.argv[0], str(self.gcc))
        self.assertEqual(command.directory, str(self.work))
        self.assertEqual(command.environ, self.environ)
        self.assertEqual(command.umask, 0o027)

    def test_preprocessed_sources(self) -> None:
        """A source that is preprocessed already is sent as it lies there."""
        server = good_server()
        self.serve(server)
        (self.work / "hello.i").write_bytes(PREPROCESSED)
        self.finished(self.compile("gcc", "-c", "hello.i"))
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])
        self.assertEqual(self.preprocessor.commands, [])

    def test_an_empty_source(self) -> None:
        """A text of no bytes is a source like any other."""
        server = good_server()
        self.serve(server)
        self.preprocessor.text = b""
        self.finished(self.compile())
        self.assertEqual([source for _, source in server.requests], [b""])

    def test_a_large_source(self) -> None:
        """A text that is kept on disk arrives whole."""
        server = good_server()
        self.serve(server)
        self.preprocessor.text = PREPROCESSED * 10_000
        self.finished(self.compile())
        self.assertTrue(server.requests[0][1] == self.preprocessor.text)
        self.nothing_is_left("hello.o")

    def test_temporary_files_stay(self) -> None:
        """With DISTCC_SAVE_TEMPS=1 what was written on the way can be looked at."""
        self.serve(good_server())
        self.environ["DISTCC_SAVE_TEMPS"] = "1"
        self.finished(self.compile())
        [folder] = os.listdir(self.tmp)
        self.assertIn("preprocessor", os.listdir(self.tmp / folder))

    def test_relative_folders(self) -> None:
        """Folders that the environment names are seen from where the command was typed."""
        self.serve(good_server())
        self.environ |= {"TMPDIR": "../tmp", "DISTCC_DIR": "../distcc"}
        held = held_server()
        self.network.scripts["10.0.0.1"] = held
        running = self.begin(self.invocation())
        self.assertEqual(len(os.listdir(self.tmp)), 1)
        self.assertEqual(self.taken("tcp_10.0.0.1_3632"), 1)
        running.cancel()
        self.failureResultOf(running, CancelledError)


class OutputTests(DispatchTestCase):
    def test_mode(self) -> None:
        """An output's mode is what the umask leaves, even if it was another one before."""
        self.serve(good_server())
        (self.work / "hello.o").write_bytes(b"of before")
        (self.work / "hello.o").chmod(0o600)
        self.compile(*WITH_RULES, umask=0o027)
        for name in ("hello.o", "hello.d"):
            self.assertEqual((self.work / name).stat().st_mode & 0o7777, 0o640)

    def test_rules(self) -> None:
        """The dependency file that the command asks for is in place, under the name that it has."""
        self.serve(good_server())
        self.compile(*WITH_RULES)
        self.assertEqual((self.work / "hello.d").read_bytes(), b"hello.o: hello.c\n")
        self.nothing_is_left("hello.d", "hello.o")

    def test_no_rules_of_what_fails(self) -> None:
        """A compile that fails leaves no dependency file of ours."""
        self.environ["DISTCC_SKIP_LOCAL_RETRY"] = "1"
        self.serve(failing_server())
        self.compile(*WITH_RULES)
        self.nothing_is_left()

    def test_a_hard_link_to_the_output_of_before(self) -> None:
        """Who kept the output of before under another name keeps it."""
        self.serve(good_server())
        (self.work / "hello.o").write_bytes(b"of before")
        os.link(self.work / "hello.o", self.folder / "kept.o")
        self.finished(self.compile())
        self.assertEqual((self.folder / "kept.o").read_bytes(), b"of before")

    def unfit(self, output: str, word: str) -> None:
        self.serve(good_server())
        self.assertIn(word, self.here(self.compile("gcc", "-c", "hello.c", "-o", output)).reason)
        self.assertEqual(self.network.called, [])

    def test_a_folder_for_an_output(self) -> None:
        """What the compiler says of an output that is a folder, it says itself."""
        (self.work / "folder").mkdir()
        self.unfit("folder", "is not a regular file")

    def test_a_device_for_an_output(self) -> None:
        """A device is not replaced by a file."""
        self.unfit("/dev/null", "/dev/null is a device")

    def test_a_pipe_for_an_output(self) -> None:
        """A named pipe is not replaced by a file, and nobody waits for its reader."""
        os.mkfifo(self.work / "pipe")
        self.unfit("pipe", "is not a regular file")

    def test_a_socket_for_an_output(self) -> None:
        """Nor is a socket."""
        path = os.path.relpath(self.work / "s")
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(path)
            self.unfit("s", "is not a regular file")

    def test_no_folder_for_an_output(self) -> None:
        """An output in a folder that is not there is left to the compiler to complain of."""
        self.unfit("missing/hello.o", "no file can be made in")

    def test_a_closed_folder_for_an_output(self) -> None:
        """Where no file can be made beside the output, the compiler may still write into it."""
        self.spare.mkdir()
        with patch("twisted_distcc.client.results.outputs.os.access", return_value=False) as access:
            self.serve(good_server())
            invocation = replace(self.invocation(), argv=(str(self.gcc), "-c", "hello.c"))
            with patch("twisted_distcc.toolchain.finding.is_executable", return_value=True):
                outcome = self.here(self.successResultOf(self.begin(invocation)))
        self.assertEqual(outcome.reason, f"no file can be made in {self.work}")
        access.assert_called()

    def test_a_device_for_the_rules(self) -> None:
        """The dependency file is looked at in the same way."""
        self.serve(good_server())
        argv = ("gcc", "-MD", "-MF", "/dev/null", "-c", "hello.c")
        self.assertIn("device", self.here(self.compile(*argv)).reason)

    def failed_write(self, name: str) -> None:
        """Assert that when `name` fails, the compiler is left to it, with nothing of ours in its way."""
        self.serve(good_server())
        (self.work / "hello.o").write_bytes(b"of before")
        error = OSError(errno.ENOSPC, "No space left on device")
        with patch(f"twisted_distcc.client.results.outputs.{name}", side_effect=error):
            outcome = self.here(self.compile(*WITH_RULES))
        self.assertIn("cannot write", outcome.reason)
        self.assertIn("No space left on device", outcome.reason)
        self.assertEqual(self.told.warned, [])
        self.assertEqual((self.work / "hello.o").read_bytes(), b"of before")
        self.nothing_is_left("hello.o")

    def test_a_full_disk_before(self) -> None:
        """A disk that takes no new file leaves the outputs of before."""
        self.failed_write("Outputs._new_file")

    def test_a_full_disk_in_the_end(self) -> None:
        """A name that cannot be given, as a bind-mounted file's, leaves the outputs of before."""
        self.failed_write("_Place.show")


class CancelTests(DispatchTestCase):
    """Cancelled at whatever stage, a compile leaves no file, no slot, no process and no connection."""

    def cancelled(self, *argv: str) -> None:
        running = self.begin(self.invocation(*argv))
        self.assertNoResult(running)
        running.cancel()
        self.network.settle()
        self.failureResultOf(running, CancelledError)
        self.nothing_is_left()

    def test_while_it_waits_to_preprocess(self) -> None:
        """Waiting for the right to preprocess."""
        self.serve(good_server(), more="--localslots_cpp=1")
        self.preprocessor.held = True
        other = self.begin(self.invocation())
        running = self.begin(self.invocation())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(len(self.preprocessor.processes), 1)
        other.cancel()
        self.failureResultOf(other, CancelledError)
        self.nothing_is_left()

    def test_while_it_preprocesses(self) -> None:
        """While the preprocessor runs: it is killed."""
        self.serve(good_server())
        self.preprocessor.held = True
        self.cancelled()
        self.assertTrue(self.preprocessor.processes[0].killed)

    def test_while_it_waits_for_a_host(self) -> None:
        """Waiting for a host's slot: it loses its place."""
        server = held_server()
        self.serve(server)
        other = self.begin(self.invocation())
        running = self.begin(self.invocation())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        other.cancel()
        self.failureResultOf(other, CancelledError)
        self.assertEqual(len(server.replies), 1)
        self.nothing_is_left()

    def test_while_it_calls(self) -> None:
        """While nobody answers the call."""
        self.serve(silent)
        running = self.begin(self.invocation())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(self.taken("tcp_10.0.0.1_3632"), 0)
        self.assertEqual((os.listdir(self.tmp), os.listdir(self.work)), ([], ["hello.c"]))
        self.assertEqual(self.avoided(), [])

    def test_while_it_is_compiled(self) -> None:
        """While a host compiles: its compiler is told to stop."""
        server = held_server()
        self.serve(server)
        running = self.begin(self.invocation())
        running.cancel()
        self.network.settle()
        self.failureResultOf(running, CancelledError)
        self.assertEqual(server.stopped, 1)
        self.assertEqual(self.avoided(), [])
        self.nothing_is_left()

    def test_while_the_reply_arrives(self) -> None:
        """In the middle of an object file, whose half lies on disk."""
        begun = b"DONE00000001STAT00000000SERR00000000SOUT00000000DOTO00100000"
        self.serve(speaking(begun + bytes(200_000), hangs_up=False))
        self.cancelled()

    def test_while_it_waits_to_compile_here(self) -> None:
        """Waiting for a slot of this machine."""
        self.environ["DISTCC_HOSTS"] = "--localslots=1"
        here = self.compile()
        running = self.begin(self.invocation())
        running.cancel()
        self.failureResultOf(running, CancelledError)
        self.here(here)
        self.nothing_is_left()


class InPlaceTests(DispatchTestCase):
    def test_without_a_slot(self) -> None:
        """When all else fails the compiler is named, and nothing is waited for."""
        outcome = self.dispatcher.in_place(self.invocation(), "the agent failed")
        self.assertEqual(outcome, RunHere(str(self.gcc), "the agent failed"))

    def test_without_a_compiler(self) -> None:
        """If there is no compiler either, that is said where the compiler's words would be."""
        invocation = replace(self.invocation(), argv=("nocc", "-c", "hello.c"))
        finished = self.finished(self.dispatcher.in_place(invocation, "the agent failed"))
        self.assertEqual(finished.exit_code, 110)
        self.assertIn(b"failed to exec nocc", finished.stderr)
