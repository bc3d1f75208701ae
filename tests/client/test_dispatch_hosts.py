"""Hosts that fail a compile, one way each: another host is asked, and in the end this machine."""

from __future__ import annotations

from tests.client.in_memory import (
    OBJECT,
    PREPROCESSED,
    DispatchTestCase,
    FakeServer,
    Script,
    failing_server,
    good_server,
    held_server,
    refusing,
    refusing_server,
    silent,
    speaking,
)
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.hosts import TcpHost
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.content.body import Body
from twisted_distcc.jobs.model import Reply

BEGUN = b"DONE00000001STAT00000000SERR00000000SOUT00000000"


class GoodHostTests(DispatchTestCase):
    def test_an_object_comes_back(self) -> None:
        """A host that compiles is sent the preprocessed text, and its object is in place."""
        server = good_server()
        self.serve(server)
        finished = self.finished(self.compile())
        self.assertEqual((finished.exit_code, finished.stderr), (0, b""))
        self.assertEqual((self.work / "hello.o").read_bytes(), OBJECT)
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])
        self.assertEqual(self.told.warned, [])
        self.nothing_is_left("hello.o")

    def test_compressed(self) -> None:
        """A host that is listed with ,lzo gets and gives the same."""
        server = good_server()
        self.serve(server, options=",lzo")
        self.finished(self.compile())
        self.assertEqual((self.work / "hello.o").read_bytes(), OBJECT)
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])
        self.nothing_is_left("hello.o")

    def test_a_host_that_served_is_forgiven(self) -> None:
        """A note about a host that fails runs out, or goes when the host has served a job of before."""
        server = held_server()
        self.serve(server)
        running = self.begin(self.invocation())
        Backoff(str(self.distcc / "lock"), 60, lambda: 0.0).avoid(TcpHost("10.0.0.1"))
        self.assertEqual(self.avoided(), ["10.0.0.1"])
        server.replies[0].callback(Reply(0, object_file=Body.of(OBJECT)))
        self.network.settle()
        self.finished(self.successResultOf(running))
        self.assertEqual(self.avoided(), [])

    def test_messages_of_the_preprocessor(self) -> None:
        """What is said in two steps is not what one step says: it is done here, and no host is asked."""
        server = good_server()
        self.serve(server)
        self.preprocessor.says = b"[]\n"
        self.assertIn("preprocessor says something", self.here(self.compile()).reason)
        self.assertEqual(server.requests, [])

    def test_messages_about_text(self) -> None:
        """What a host says of text lacks the lines that it would quote here: so it is done here."""
        for said in ({"stdout": Body.of(b"out")}, {"stderr": Body.of(b"warned\n")}):
            self.serve(FakeServer(lambda _, said=said: Reply(0, object_file=Body.of(OBJECT), **said)))
            self.assertIn("its messages might not be", self.here(self.compile()).reason)
            self.nothing_is_left()

    def test_the_second_host_when_the_first_is_busy(self) -> None:
        """A job goes to a host that has a slot, and none waits for a host that has not."""
        first, second = held_server(), good_server()
        self.serve(first, second)
        running = self.begin(self.invocation())
        self.finished(self.compile("gcc", "-c", "hello.c", "-o", "other.o"))
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2"])
        running.cancel()
        self.failureResultOf(running)
        self.nothing_is_left("other.o")


class FailingHostTests(DispatchTestCase):
    """One test for each way in which a host fails as a host; `fails` is what all of them share."""

    def fails(self, script: Script, word: str, patience: float = 0) -> None:
        """A host fails so: the next one serves, the failure is told, and the host is put aside."""
        self.serve(script, good_server())
        running = self.begin(self.invocation())
        if patience:
            self.network.advance(patience - 1)
            self.assertNoResult(running)
            self.network.advance(2)
            self.network.settle()
        self.finished(self.successResultOf(running))
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2"])
        self.assertEqual(self.avoided(), ["10.0.0.1"])
        self.assertEqual(len(self.told.warned), 1)
        self.assertTrue(self.told.warned[0].startswith("10.0.0.1/1 "), self.told.warned)
        self.assertIn(word, self.told.warned[0])
        self.nothing_is_left("hello.o")

    def test_refused_connection(self) -> None:
        """Nobody listens on the host."""
        self.fails(refusing, "refused")

    def test_lost_packets(self) -> None:
        """A host that swallows packets is given up after the connect timeout."""
        self.environ["DISTCC_CONNECT_TIMEOUT"] = "7"
        self.fails(silent, "cannot be reached in time", patience=7)

    def test_hangs_up_at_once(self) -> None:
        """A host of ours, which answered a question before, hangs up before it has said anything."""
        self.capabilities.of_all = Likeness.SAME
        self.fails(speaking(b""), "hung up without an answer")

    def test_hangs_up_in_the_middle(self) -> None:
        """A host hangs up in the middle of the object file."""
        self.fails(speaking(BEGUN + b"DOTO00001000half"), "hung up in the middle")

    def test_hangs_up_in_the_middle_of_much(self) -> None:
        """What lies on disk of a large object that was not whole is removed."""
        self.fails(speaking(BEGUN + b"DOTO00100000" + bytes(200_000)), "hung up in the middle")

    def test_rubbish(self) -> None:
        """A host answers what is no reply."""
        self.fails(speaking(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "bad reply")

    def test_a_success_without_an_object(self) -> None:
        """A host says that all is well, and sends nothing."""
        self.fails(speaking(BEGUN + b"DOTO00000000"), "no object file")

    def test_a_status_that_is_none(self) -> None:
        """No program ends with such a status: stopped, continued, or more than sixteen bits."""
        for status in (b"0000007f", b"0000ffff", b"80000000"):
            words = b"DONE00000001STAT" + status + b"SERR00000000SOUT00000000DOTO00000000"
            self.fails(speaking(words), "no program ends with")
            self.setUp()

    def test_rubbish_that_was_compressed(self) -> None:
        """A host answers a body that does not expand."""
        reply = BEGUN.replace(b"DONE00000001", b"DONE00000002") + b"DOTO00000004\xff\xff\xff\xff"
        self.serve(speaking(reply), good_server(), options=",lzo")
        self.finished(self.compile())
        self.assertEqual(self.avoided(), ["10.0.0.1"])
        self.assertIn("bad reply", self.told.warned[0])
        self.nothing_is_left("hello.o")

    def test_too_much(self) -> None:
        """A host announces more than any object is."""
        self.fails(speaking(BEGUN + b"DOTOffffffff"), "bad reply")

    def test_too_slow(self) -> None:
        """A host that has not answered when the time is up is given up."""
        self.environ["DISTCC_IO_TIMEOUT"] = "20"
        self.fails(speaking(b"", hangs_up=False), "within 20 seconds", patience=20)

    def test_too_slow_to_connect(self) -> None:
        """The time that a job may take counts from the call, whatever the connect timeout is."""
        self.environ |= {"DISTCC_IO_TIMEOUT": "3", "DISTCC_CONNECT_TIMEOUT": "600"}
        self.serve(silent, good_server())
        running = self.begin(self.invocation())
        self.network.advance(3)
        self.network.settle()
        self.finished(self.successResultOf(running))
        self.assertIn("within 3 seconds", self.told.warned[0])
        self.assertEqual(self.avoided(), ["10.0.0.1"])

    def test_stalls_in_the_middle(self) -> None:
        """Neither does the beginning of a reply keep a host from being given up."""
        self.environ["DISTCC_IO_TIMEOUT"] = "20"
        self.fails(speaking(BEGUN, hangs_up=False), "within 20 seconds", patience=20)

    def test_refuses_this_client(self) -> None:
        """A host whose rules shut us out shuts every job out."""
        self.fails(refusing_server(113), "answered: the server refuses this job")

    def test_its_disk_is_full(self) -> None:
        """A host whose disk is full says so, and is left alone for a while."""
        self.fails(refusing_server(107), "answered: the server refuses this job")


class RefusalTests(DispatchTestCase):
    def test_a_refused_job_goes_elsewhere(self) -> None:
        """A host that refuses one job is not put aside: it may serve the next one."""
        self.serve(refusing_server(101), good_server())
        for _ in range(2):
            self.finished(self.compile())
        self.assertEqual(self.told.warned, ["10.0.0.1/1 answered: the server refuses this job"] * 2)
        self.assertEqual(self.avoided(), [])
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2"] * 2)

    def test_refused_by_all(self) -> None:
        """A job that every host refuses is done here, and the last refusal is among the reasons."""
        self.serve(refusing_server(110), refusing_server(101))
        reason = self.here(self.compile()).reason
        self.assertIn("the server refuses this job", reason)
        self.nothing_is_left()

    def test_refused_by_all_and_no_fallback(self) -> None:
        """Without fallback the last host's exit code is ours."""
        self.environ["DISTCC_FALLBACK"] = "0"
        self.serve(refusing_server(110))
        self.assertEqual(self.finished(self.compile()).exit_code, 110)
        self.assertIn("DISTCC_FALLBACK=0", self.told.warned[-1])
        self.nothing_is_left()


class StandingRefusalTests(DispatchTestCase):
    """What a host refuses of every unit is remembered, for one compiler, and said once."""

    def setUp(self) -> None:
        super().setUp()
        (self.bin / "g++").touch(mode=0o755)

    def is_asked_once(self, script: Script, word: str, *argv: str) -> None:
        """Of two jobs the first is refused so by one host; both are done by another host."""
        self.serve(script, good_server())
        for _ in range(2):
            self.finished(self.compile(*argv))
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2", "10.0.0.2"])
        self.assertEqual([word in warning for warning in self.told.warned], [True])
        self.assertEqual(self.avoided(), [])

    def test_a_compiler_that_is_missing(self) -> None:
        """A host that lacks a compiler is not asked for that one again; to those who ask it is said."""
        self.is_asked_once(refusing_server(110), "10.0.0.1/1 answered: the server refuses this job")
        self.assertIn("job; it is not asked again yet", " ".join(self.told.said))

    def test_distccd(self) -> None:
        """C distccd hangs up where it has no such compiler."""
        self.is_asked_once(speaking(b""), "hung up without an answer")

    def test_another_compiler(self) -> None:
        """The same host is asked for another compiler."""
        self.is_asked_once(refusing_server(110), "10.0.0.1/1")
        self.finished(self.compile("g++", "-c", "hello.cc", "-o", "hello.o"))
        self.assertEqual(self.network.called[-2:], ["10.0.0.1", "10.0.0.2"])

    def test_a_while(self) -> None:
        """After the period for hosts that failed it is asked, and that is said, again."""
        self.environ["DISTCC_BACKOFF_PERIOD"] = "7"
        self.is_asked_once(refusing_server(110), "10.0.0.1/1")
        self.network.advance(7)
        self.finished(self.compile())
        self.assertEqual(self.network.called[-2:], ["10.0.0.1", "10.0.0.2"])
        self.assertEqual(len(self.told.warned), 2)

    def test_no_while(self) -> None:
        """With DISTCC_BACKOFF_PERIOD=0 nothing is remembered."""
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        self.serve(refusing_server(110), good_server())
        for _ in range(2):
            self.finished(self.compile())
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2"] * 2)

    def test_refused_by_all_before(self) -> None:
        """What every host refuses is done here at once, without a preprocessor, and for that reason."""
        self.serve(refusing_server(110))
        self.here(self.compile())
        before = len(self.preprocessor.commands)
        reason = self.here(self.compile()).reason
        self.assertEqual(reason, "10.0.0.1/1 answered: the server refuses this job")
        self.assertEqual(len(self.preprocessor.commands), before)
        self.environ["DISTCC_FALLBACK"] = "0"
        self.assertEqual(self.finished(self.compile()).exit_code, 110)

    def test_localhost_is_left(self) -> None:
        """This machine, if it is listed, goes on in its turn."""
        self.environ["DISTCC_HOSTS"] = "10.0.0.1/1 localhost/1"
        self.network.scripts["10.0.0.1"] = refusing_server(110)
        for _ in range(2):
            outcome = self.here(self.compile())
            self.assertEqual(outcome.reason, "this machine is one of the hosts")
        self.assertEqual(self.network.called, ["10.0.0.1"])

    def test_assembler(self) -> None:
        """C distccd hangs up on assembler sources, which says nothing of others."""
        self.serve(speaking(b""), good_server())
        for name in "ab":
            self.finished(self.compile("gcc", "-c", "start.S", "-o", f"{name}.o"))
        self.finished(self.compile())
        self.assertEqual(
            self.network.called, ["10.0.0.1", "10.0.0.2", "10.0.0.2", "10.0.0.1", "10.0.0.2"]
        )

    def test_by_the_rules_of_a_server(self) -> None:
        """A server that did the simplest job of a compiler, and not this one, is asked once more."""
        self.capabilities.of_all = Likeness.SAME
        self.serve(refusing_server(113), good_server())
        for _ in range(2):
            self.finished(self.compile())
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2"] * 2)
        self.assertEqual(self.avoided(), [])
        self.assertEqual([host.name for host in self.capabilities.forgotten], ["10.0.0.1"] * 2)


class LikenessTests(DispatchTestCase):
    """Text goes to compilers that are known to be ours, to C distccd, and where the user vouches."""

    def test_another_compiler(self) -> None:
        """A host whose compiler is another one gets nothing, and that is said once."""
        for likeness, word in (
            (Likeness.OTHER, "has another gcc than this machine"),
            (Likeness.UNKNOWN, "cannot tell what its gcc is"),
        ):
            self.setUp()
            self.capabilities.of_all = likeness
            self.serve(good_server())
            for _ in range(2):
                self.assertIn(word, self.here(self.compile()).reason)
            self.assertEqual(self.network.called, [])
            self.assertIn("DISTCC_TRUST_NAMES=1", self.told.warned[0])
            self.assertEqual([word in warning for warning in self.told.warned], [True, False])
            self.nothing_is_left()

    def test_the_same_compiler(self) -> None:
        """A host of ours that has it, and C distccd, which cannot say, get the text."""
        for likeness in (Likeness.SAME, Likeness.UNTOLD):
            self.setUp()
            self.capabilities.of_all = likeness
            self.serve(server := good_server())
            self.finished(self.compile())
            self.assertEqual([source for _, source in server.requests], [PREPROCESSED])

    def test_the_user_vouches(self) -> None:
        """With DISTCC_TRUST_NAMES=1 the name of a compiler is enough, and at once."""
        self.capabilities.of_all = Likeness.OTHER
        self.serve(good_server())
        self.here(self.compile())
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        self.finished(self.compile())
        self.nothing_is_left("hello.o")

    def test_cpp(self) -> None:
        """So it is for a host with ,cpp: it is not asked."""
        self.capabilities.of_all = Likeness.OTHER
        self.serve(server := good_server(), options="/1,lzo,cpp")
        self.environ["DISTCC_REMOTE_CPP"] = "0"
        self.finished(self.compile())
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])

    def test_a_script(self) -> None:
        """A compiler here that is a script is on no server: it compiles here, and that is said."""
        self.capabilities.is_told_apart = False
        for options in ("/1", "/1,lzo,cpp"):
            self.serve(good_server(), options=options)
            self.assertIn(f"{self.gcc} is a script", self.here(self.compile()).reason)
        self.environ["DISTCC_FALLBACK"] = "0"
        self.here(self.compile())
        self.assertEqual((self.network.called, self.preprocessor.commands), ([], []))
        self.assertEqual(self.told.warned, [])
        for reminder in self.told.reminded:
            self.assertIn("DISTCC_TRUST_NAMES=1", reminder)
        self.assertEqual(len(self.told.reminded), 3)

    def test_a_script_that_the_user_vouches_for(self) -> None:
        """With DISTCC_TRUST_NAMES=1 its text goes by its name, and nobody is asked."""
        self.capabilities.is_told_apart = False
        self.capabilities.when_asked = lambda: self.fail("asked")
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        self.serve(server := good_server())
        self.finished(self.compile())
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])


class BackoffTests(DispatchTestCase):
    def test_not_asked_again(self) -> None:
        """The next job does not ask a host that has just failed."""
        self.serve(refusing, good_server())
        self.compile()
        self.compile()
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2", "10.0.0.2"])
        self.assertEqual((len(self.told.warned), self.told.reminded), (1, []))

    def test_where_it_was_compiled(self) -> None:
        """Who asks is told of each compile on which host it was made, and in which time."""
        self.serve(good_server())
        self.compile()
        self.assertEqual(self.told.said[-1], "hello.c compiled on 10.0.0.1/1 in 0.000s")

    def test_all_avoided(self) -> None:
        """When every host is avoided a job is done here, at once and with the reason."""
        self.serve(refusing)
        self.here(self.compile())
        [failure, fallback] = self.told.warned
        self.assertIn("10.0.0.1/1 cannot be reached", failure)
        self.assertEqual(fallback, "failed to distribute hello.c to 10.0.0.1/1, running locally instead")
        self.here(self.compile())
        [reminder] = self.told.reminded
        self.assertRegex(
            reminder,
            "^failed to distribute, running locally instead: "
            "10.0.0.1/1 is avoided for [56][0-9] s more: cannot be reached: .* refused",
        )
        self.assertEqual(self.network.called, ["10.0.0.1"])

    def test_all_avoided_and_no_fallback(self) -> None:
        """With DISTCC_FALLBACK=0 the error says why whom is avoided, of many hosts for a few."""
        self.environ["DISTCC_FALLBACK"] = "0"
        self.serve(*[refusing] * 5)
        self.assertEqual(self.finished(self.compile()).exit_code, 103)
        self.assertEqual(self.finished(self.compile()).exit_code, 116)
        error = self.told.warned[-1]
        self.assertIn("failed to distribute and fallbacks are disabled (DISTCC_FALLBACK=0): ", error)
        self.assertRegex(error, "10.0.0.3/1 is avoided for .* s more: cannot be reached")
        self.assertTrue(error.endswith("; and 2 more"), error)

    def test_the_corrected_word(self) -> None:
        """Another word for a machine is tried at once, though distcc takes it for the same host."""
        self.serve(refusing, options="/1,lzo")
        self.here(self.compile())
        self.serve(good_server(), options="/2")
        self.finished(self.compile())
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.1"])

    def test_a_period_of_nothing(self) -> None:
        """With DISTCC_BACKOFF_PERIOD=0 a host is asked again and again."""
        self.environ["DISTCC_BACKOFF_PERIOD"] = "0"
        self.serve(refusing)
        self.here(self.compile())
        self.here(self.compile())
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.1"])

    def test_a_compile_error_puts_nobody_aside(self) -> None:
        """An error in the source says nothing against the host that found it."""
        self.serve(failing_server(), good_server())
        self.here(self.compile())
        self.assertEqual(self.avoided(), [])
        self.assertEqual(self.network.called, ["10.0.0.1"])

    def test_an_assembler_source_puts_nobody_aside(self) -> None:
        """C distccd hangs up on every assembler source: that is no fault of the host's."""
        self.serve(speaking(b""), good_server())
        self.finished(self.compile("gcc", "-c", "start.S", "-o", "start.o"))
        self.environ["DISTCC_HOSTS"] = "10.0.0.1"
        self.here(self.compile("gcc", "-c", "start.S", "-o", "other.o"))
        self.assertEqual(self.avoided(), [])
        self.assertEqual(self.told.warned, [])
        self.assertEqual(self.network.called, ["10.0.0.1", "10.0.0.2", "10.0.0.1"])

    def test_a_note_that_cannot_be_written(self) -> None:
        """A note that cannot be written is told of, and the job goes on."""
        self.serve(refusing, good_server())
        (self.distcc / "lock").mkdir()
        (self.distcc / "lock" / "backoff_tcp_10.0.0.1_3632_0").symlink_to("missing/note")
        self.finished(self.compile())
        self.assertIn("cannot write the lock file", self.told.warned[1])


class TlsHostTests(DispatchTestCase):
    def test_never_in_plain(self) -> None:
        """A host that is listed with ,tls is not called without; the job goes elsewhere."""
        self.serve(good_server(), options="/1,tls")
        self.here(self.compile())
        self.assertEqual(self.network.called, [])
        warning = self.told.warned[0]
        self.assertIn("10.0.0.1/1,tls wants to know who you are", warning)
        self.nothing_is_left()
