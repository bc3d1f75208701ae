"""The story of one compile whose files are sent in place of its text."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from unittest.mock import patch

from twisted.internet.defer import succeed

from tests.client.in_memory import (
    OBJECT,
    PREPROCESSED,
    SEARCHES,
    DispatchTestCase,
    FakeServer,
    failing_server,
    good_server,
    refusing,
    refusing_server,
)
from twisted_distcc.client.backends.likeness import Likeness
from twisted_distcc.client.backends.remote_compile import RemoteCompile
from twisted_distcc.client.inputs.message_style import UNKNOWN, Style, Styles
from twisted_distcc.client.invocation import Outcome, RunHere
from twisted_distcc.content.body import EMPTY, Body
from twisted_distcc.content.packing import Packing
from twisted_distcc.errors import BodyTooLargeError, LocalProtocolError, RemoteProtocolError
from twisted_distcc.jobs.model import Reply
from twisted_distcc.pump.local_files import Disk
from twisted_distcc.pump.unit import UndecidedError
from twisted_distcc.wire.limits import Limits

RULES = b"hello.o: hello.c hello.h\n"
WITH_RULES = ("gcc", "-MD", "-c", "hello.c", "-o", "hello.o")
HELLO = b'#include "hello.h"\nint main(void) { return HELLO; }\n'
HEADER = b"#define HELLO 0\n"
LINKS = "-fdiagnostics-urls=always"
# Which file that is depends on what includes this one, and how: no scan can tell.
UNDECIDED = b"#include __FILE__\n"


def preprocessing_server() -> FakeServer:
    """A server that compiles, and preprocesses."""
    said, made, rules = Body.of(b"warned\n"), Body.of(OBJECT), Body.of(RULES)
    return FakeServer(
        lambda request: Reply(
            0, stderr=said if request.tree else EMPTY, object_file=made, dependencies=rules
        )
    )


def text_server() -> FakeServer:
    """A server that compiles text, and refuses files."""

    def reply(request: object) -> Reply:
        if server.trees[-1] is not None:
            return Reply.sentence(101, "no files, please")
        return Reply(0, object_file=Body.of(OBJECT))

    server = FakeServer(reply)
    return server


class TreeTestCase(DispatchTestCase):
    """A user whose hosts preprocess just as this machine does; the test says if they do not."""

    def setUp(self) -> None:
        super().setUp()
        self.capabilities.of_all = Likeness.EXACT
        self.source = self.file("hello.c", HELLO)
        self.header = self.file("hello.h", HEADER)

    def file(self, name: str, contents: bytes) -> Path:
        """Write a file below the work folder."""
        path = self.work / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(contents)
        return path

    def files(self, server: FakeServer) -> dict[str, bytes]:
        """Give the files that came with the last request, by their paths from the work folder."""
        sent = server.trees[-1]
        assert sent is not None
        return {os.path.relpath(path, self.work): data for path, data in sent.files.items()}


class WhyTextTests(TreeTestCase):
    """Who asks is told why a source is preprocessed here."""

    def assert_told(self, part: str, *argv: str) -> None:
        self.serve(good_server())
        self.told.said.clear()
        self.finished(self.compile(*argv))
        told = [said for said in self.told.said if said.startswith("preprocessing here: ")]
        self.assertEqual(len(told), 1, self.told.said)
        self.assertIn(part, told[0])

    def test_the_user_asked_for_it(self) -> None:
        """DISTCC_REMOTE_CPP=0 is named, though the host could do it."""
        self.environ["DISTCC_REMOTE_CPP"] = "0"
        self.assert_told("DISTCC_REMOTE_CPP=0")

    def test_what_hosts_cannot_do(self) -> None:
        """Of each host it is told what it lacks, whether that was known before or not."""
        for likeness, part in (
            (Likeness.SAME, "10.0.0.1/1 has no sandbox in which gcc would find"),
            (Likeness.UNTOLD, "10.0.0.1/1 does not say whether its gcc is this one"),
        ):
            for is_known in (True, False):
                self.capabilities.of_all, self.capabilities.are_known = likeness, is_known
                self.assert_told(part)

    def test_a_name_that_is_trusted(self) -> None:
        """Where the user trusts names, another compiler gets the text, which is told."""
        self.environ["DISTCC_TRUST_NAMES"] = "1"
        self.capabilities.of_all = Likeness.OTHER
        self.assert_told("10.0.0.1/1 has another gcc than this machine")
        self.capabilities.is_told_apart = False
        self.assert_told("it cannot be told what gcc is")

    def test_nothing_to_preprocess(self) -> None:
        """A source that is preprocessed already is nobody's to preprocess."""
        self.capabilities.of_all = Likeness.UNTOLD
        self.file("done.i", b"int x;\n")
        self.serve(good_server())
        self.finished(self.compile("gcc", "-c", "done.i", "-o", "done.o"))
        self.assertEqual([said for said in self.told.said if "preprocessing" in said], [])


class SendingTests(TreeTestCase):
    def test_the_files_are_sent(self) -> None:
        """A host that preprocesses gets the command, the folder and the files, and no text is made."""
        server = preprocessing_server()
        self.serve(server)
        finished = self.finished(self.compile(*WITH_RULES))
        self.assertEqual((finished.exit_code, finished.stderr), (0, b"warned\n"))
        self.assertEqual(self.files(server), {"hello.c": HELLO, "hello.h": HEADER})
        [sent] = server.trees
        assert sent is not None
        self.assertEqual(sent.directory, str(self.work))
        command = ("env", "LC_ALL=C", *WITH_RULES)
        self.assertEqual(server.requests[0], (tuple(map(os.fsencode, command)), b""))
        self.assertEqual(self.preprocessor.kinds, ["asked"])

    def test_the_outputs(self) -> None:
        """The object and the dependency file are those that the host made."""
        self.serve(preprocessing_server())
        self.finished(self.compile(*WITH_RULES))
        self.assertEqual((self.work / "hello.o").read_bytes(), OBJECT)
        self.assertEqual((self.work / "hello.d").read_bytes(), RULES)
        self.header.unlink()
        self.nothing_is_left("hello.d", "hello.o")

    def test_no_rules_unless_asked_for(self) -> None:
        """A dependency file that nobody asked for is not written."""
        self.serve(preprocessing_server())
        self.finished(self.compile())
        self.assertFalse((self.work / "hello.d").exists())

    def test_rules_that_are_missing(self) -> None:
        """A host that sends no dependency file where one is due has failed as a host."""
        self.serve(FakeServer(lambda _: Reply(0, object_file=Body.of(OBJECT))))
        self.here(self.compile(*WITH_RULES))
        self.assertIn("sent no dependency file", self.told.warned[0])
        self.assertEqual(self.avoided(), ["10.0.0.1"])

    def test_the_compiler_is_asked_once(self) -> None:
        """What the compiler said of its folders serves the next compile, too."""
        self.serve(preprocessing_server())
        self.finished(self.compile())
        self.finished(self.compile("gcc", "-DX", "-I.", "-c", "hello.c"))
        self.assertEqual(self.preprocessor.kinds, ["asked"])

    def test_another_compiler_is_asked_anew(self) -> None:
        """A compiler whose file has changed is asked again."""
        self.serve(preprocessing_server())
        self.finished(self.compile())
        self.gcc.write_text("another")
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "asked"])

    def test_an_edit_in_between(self) -> None:
        """A header that was edited between two compiles is sent as it is now."""
        server = preprocessing_server()
        self.serve(server)
        self.finished(self.compile())
        self.header.write_bytes(b"#define HELLO 1\n")
        self.finished(self.compile())
        self.assertEqual(self.files(server)["hello.h"], b"#define HELLO 1\n")

    def test_a_search_folder_that_appears(self) -> None:
        """A compiler that missed a folder is asked again when there is one."""
        self.serve(preprocessing_server())
        later = self.folder / "later"
        missed = b'ignoring nonexistent directory "%s"\n' % os.fsencode(later)
        self.preprocessor.searches = missed + SEARCHES
        for _ in range(2):
            self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked"])
        later.mkdir()
        self.preprocessor.searches = SEARCHES
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "asked"])

    def test_an_edit_on_the_way(self) -> None:
        """A file that changes after it was found, and before it is read, is found once more."""
        server = preprocessing_server()
        self.serve(server)
        self.file("more.h", b"#define MORE\n")
        self.capabilities.when_asked = lambda: self.header.write_bytes(b'#include "more.h"\n')
        self.finished(self.compile())
        self.assertEqual(set(self.files(server)), {"hello.c", "hello.h", "more.h"})

    def test_search_folders_of_the_environment(self) -> None:
        """What CPATH and its like say travels as options behind all others."""
        server = preprocessing_server()
        self.serve(server)
        self.environ |= {"CPATH": "first:", "C_INCLUDE_PATH": "second"}
        self.header.rename(self.file("first/hello.h", b""))
        self.finished(self.compile())
        words = server.requests[0][0]
        self.assertEqual(words[-6:], (b"-I", b"first", b"-I", b".", b"-isystem", b"second"))
        self.assertEqual(self.files(server)["first/hello.h"], HEADER)

    def test_the_environment(self) -> None:
        """A host that preprocesses gets the characters of the locale, and the date, if that is fixed."""
        server = preprocessing_server()
        self.serve(server)
        self.source.write_bytes(b"const char *now = __DATE__;\n")
        self.environ |= {"LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "12"}
        self.finished(self.compile())
        words = server.requests[0][0]
        self.assertEqual(words[:4], (b"env", b"LC_ALL=C.UTF-8", b"SOURCE_DATE_EPOCH=12", b"gcc"))

    def test_the_date(self) -> None:
        """A host that preprocesses gets the date of this machine for a source that uses it."""
        server = preprocessing_server()
        self.serve(server)
        self.source.write_bytes(b"const char *now = __DATE__;\n")
        self.preprocessor.clock = b"hello.c:1:19: warning: it is late [-Wdate-time]\n"
        self.preprocessor.date = b'"Sep  9 2001" "01:46:40"\n'
        self.finished(self.compile())
        words = server.requests[0][0]
        self.assertEqual(words[:4], (b"env", b"LC_ALL=C", b"SOURCE_DATE_EPOCH=1000000000", b"gcc"))

    def test_a_working_directory_behind_a_link(self) -> None:
        """The folder has the name that PWD has for it, and the link on the way is sent."""
        server = preprocessing_server()
        self.serve(server)
        link = self.folder / "link"
        link.symlink_to("work")
        self.environ["PWD"] = str(link)
        self.finished(self.compile())
        [sent] = server.trees
        assert sent is not None
        self.assertEqual((sent.directory, sent.links), (str(link), {str(link): "work"}))

    def test_a_pwd_that_leads_elsewhere(self) -> None:
        """A PWD that is not the working directory is not believed."""
        server = preprocessing_server()
        self.serve(server)
        self.environ["PWD"] = str(self.folder)
        self.finished(self.compile())
        [sent] = server.trees
        assert sent is not None
        self.assertEqual(sent.directory, str(self.work))

    def test_a_folder_without_files(self) -> None:
        """A folder that has to be there travels by an empty file in it."""
        server = preprocessing_server()
        self.serve(server)
        (self.work / "empty").mkdir()
        self.finished(self.compile("gcc", "-Iempty", "-c", "hello.c"))
        self.assertEqual(self.files(server)["empty/.twisted-distcc"], b"")

    def linked(self, *replies: Reply) -> FakeServer:
        """Serve at a terminal for which gcc writes links, and says so in what it makes."""
        answers = iter(replies)
        server = FakeServer(lambda _: next(answers))
        self.serve(server)
        style = replace(UNKNOWN, for_messages=Style((LINKS,)))
        self.patch(Styles, "of", lambda *_: succeed(style))
        return server

    def test_messages_asked_for_by_themselves(self) -> None:
        """What would change the object is said when only messages are asked for."""
        plain = Reply(0, stderr=Body.of(b"warned\n"), object_file=Body.of(OBJECT))
        linked = Reply(0, stderr=Body.of(b"linked\n"), object_file=Body.of(b"\x7fELF with links"))
        server = self.linked(plain, linked)
        self.assertEqual(self.finished(self.compile()).stderr, b"linked\n")
        self.assertEqual((self.work / "hello.o").read_bytes(), OBJECT)
        told = [os.fsencode(LINKS) in arguments for arguments, _ in server.requests]
        self.assertEqual(told, [False, True])

    def test_no_messages_to_ask_for(self) -> None:
        """What says nothing is not asked again."""
        server = self.linked(Reply(0, object_file=Body.of(OBJECT)))
        self.assertEqual(self.finished(self.compile()).stderr, b"")
        self.assertEqual(len(server.requests), 1)

    def test_messages_that_could_not_be_asked_for(self) -> None:
        """When that fails for once, the compile is done here."""
        plain = Reply(0, stderr=Body.of(b"warned\n"), object_file=Body.of(OBJECT))
        self.linked(plain, Reply(9, stderr=Body.of(b"killed\n")))
        self.assertIn("its messages might not be", self.here(self.compile()).reason)
        self.nothing_is_left("hello.h")

    def test_messages_that_no_server_may_send(self) -> None:
        """What is said with control characters is said by the compiler here."""
        said = Body.of(b"x.c: warning: \x0c\n")
        self.serve(FakeServer(lambda _: Reply(0, stderr=said, object_file=Body.of(OBJECT))))
        outcome = self.here(self.compile())
        self.assertIn("control characters", outcome.reason)


class UnitTests(TreeTestCase):
    """Units whose files cannot be sent: a host that would be exact with these gets no text."""

    def setUp(self) -> None:
        super().setUp()
        self.server = preprocessing_server()
        self.serve(self.server)

    def stays(self, *argv: str) -> None:
        """Assert that one compile stays here, be it known before or not that the host is exact."""
        for are_known in (True, False):
            self.capabilities.are_known = are_known
            self.here(self.compile(*argv))
            self.assertEqual(self.server.requests, [])

    def test_a_pwd_of_each_process_itself(self) -> None:
        """A server could not have a folder of that name."""
        self.environ["PWD"] = "/proc/self/cwd"
        self.stays()

    def test_warnings_of_search_folders(self) -> None:
        """gcc warns of the folders of options, and not of those of the environment."""
        self.environ["CPATH"] = "first"
        self.stays("gcc", "-Wmissing-include-dirs", "-c", "hello.c")

    def test_a_date_that_is_none(self) -> None:
        """A date that the compiler would complain of is left to the compiler here."""
        self.environ["SOURCE_DATE_EPOCH"] = "soon"
        self.stays()

    def test_a_source_that_tells_the_time(self) -> None:
        """What would be another object at another time is compiled at this one, in doubt."""
        self.source.write_bytes(b"const char *now = __TIME__;\n")
        self.preprocessor.clock = b"hello.c:1:19: warning: it is late [-Wdate-time]\n"
        self.stays()
        self.assertNotIn("preprocessed", self.preprocessor.kinds[:3])

    def test_a_file_that_goes_on_changing(self) -> None:
        """A file that changes whenever it is read is left to the compiler here."""
        read = Disk.read

        def change(disk: Disk, path: str) -> bytes | None:
            contents = read(disk, path)
            self.header.write_bytes(self.header.read_bytes() + b"\n")
            return contents

        self.capabilities.when_asked = lambda: self.patch(Disk, "read", change)
        self.stays()

    def test_a_refusal(self) -> None:
        """Files that one host refuses to lay out are not laid out by another, either."""
        server = text_server()
        self.serve(server, good_server())
        self.assertIn("no files, please", self.here(self.compile()).reason)
        self.assertEqual([source for _, source in server.requests], [b""])
        self.assertEqual((self.avoided(), self.told.warned), ([], []))

    def test_a_refusal_by_policy(self) -> None:
        """Another host may have other rules."""
        denied, server = refusing_server(113), preprocessing_server()
        self.serve(denied, server)
        self.finished(self.compile())
        self.assertEqual((len(denied.requests), len(server.requests)), (1, 1))


class TextTests(TreeTestCase):
    """Compiles that are preprocessed here after all."""

    def text(self, server: FakeServer, *argv: str) -> None:
        """Assert that one compile sends its text, and nothing else."""
        self.finished(self.compile(*argv))
        self.assertEqual([request[1] for request in server.requests], [PREPROCESSED])

    def test_a_host_that_is_not_exact(self) -> None:
        """Where no host preprocesses exactly, files are looked at for what is the caller's alone."""
        self.capabilities.of_all = Likeness.SAME
        server = preprocessing_server()
        self.serve(server)
        self.text(server)
        self.assertEqual(self.preprocessor.kinds, ["asked", "preprocessed"])
        (self.work / "hello.h").unlink()
        (self.work / "hello.h").symlink_to("/dev/fd/63")
        self.assertIn("hello.h can be opened by its caller alone", self.here(self.compile()).reason)
        self.assertEqual(self.preprocessor.kinds.count("preprocessed"), 1)

    def test_a_host_that_turns_out_not_to_be_exact(self) -> None:
        """The first compile, which finds out, sends its text when it has."""
        self.capabilities.of_all, self.capabilities.are_known = Likeness.SAME, False
        server = preprocessing_server()
        self.serve(server)
        self.text(server)

    def test_cpp(self) -> None:
        """A host with ,cpp gets the files without being asked; who knows how it writes its messages."""
        self.capabilities.of_all = Likeness.SAME
        server = preprocessing_server()
        self.serve(server, options="/1,lzo,cpp")
        self.assertIn("its messages might not be", self.here(self.compile()).reason)
        self.assertEqual(set(self.files(server)), {"hello.c", "hello.h"})
        self.assertEqual(server.requests[0][0][0], b"gcc")

    def test_cpp_and_a_date(self) -> None:
        """A host with ,cpp, which may be C distccd and takes no date, gets the text of what has one."""
        server = preprocessing_server()
        self.serve(server, options="/1,lzo,cpp")
        self.environ["SOURCE_DATE_EPOCH"] = "12"
        self.text(server)

    def test_turned_off(self) -> None:
        """DISTCC_REMOTE_CPP=0 has everything preprocessed here."""
        self.environ["DISTCC_REMOTE_CPP"] = "0"
        server = preprocessing_server()
        self.serve(server)
        self.text(server)

    def test_a_preprocessed_source(self) -> None:
        """A source that is preprocessed already is sent by its name too, which its object may hold."""
        server = preprocessing_server()
        self.serve(server)
        self.file("hello.i", b"int x;\n")
        self.finished(self.compile("gcc", "-c", "hello.i"))
        self.assertEqual(self.files(server), {"hello.i": b"int x;\n"})

    def test_what_a_preprocessed_source_was_made_of(self) -> None:
        """Files that messages may quote are sent, if they are still there."""
        self.serve(server := preprocessing_server())
        self.file("hello.i", b'# 1 "hello.h"\n# 1 "gone.h"\nint x;\n')
        self.finished(self.compile("gcc", "-c", "hello.i"))
        self.assertEqual(set(self.files(server)), {"hello.i", "hello.h"})

    def test_a_preprocessed_source_that_reads_files(self) -> None:
        """What the assembler would read for it lies here alone, so it is not sent."""
        self.serve(server := preprocessing_server())
        self.file("hello.s", b'.incbin "data"\n')
        self.compile("gcc", "-c", "hello.s")
        self.assertEqual(server.requests, [])

    def test_a_host_in_trouble(self) -> None:
        """A host whose disk is full gets no text either: another host gets the files."""
        server = preprocessing_server()
        full = refusing_server(107)
        self.serve(full, server)
        self.finished(self.compile())
        self.assertEqual((len(full.requests), self.avoided()), (1, ["10.0.0.1"]))
        self.assertEqual(set(self.files(server)), {"hello.c", "hello.h"})

    def test_a_host_that_is_gone(self) -> None:
        """When a host cannot be reached the next one gets the files, which are found once."""
        server = preprocessing_server()
        self.serve(refusing, server)
        self.finished(self.compile())
        self.assertEqual(set(self.files(server)), {"hello.c", "hello.h"})
        self.assertEqual(self.preprocessor.kinds, ["asked"])


class LimitTests(TreeTestCase):
    """What is more than a request carries stays, or is sent in another form: it is nobody's fault."""

    def compiled_within(
        self, likeness: Likeness = Likeness.EXACT, **limits: int
    ) -> tuple[Outcome, FakeServer]:
        self.setUp()
        self.capabilities.of_all = likeness
        server = preprocessing_server()
        self.serve(server)
        with patch("twisted_distcc.client.backends.client_protocol.Limits", lambda: Limits(**limits)):
            outcome = self.compile("gcc", "-DA", "-DB", "-c", "hello.c", "-o", "hello.o")
        self.assertEqual((self.told.warned, self.avoided()), ([], []), limits)
        return outcome, server

    def test_files(self) -> None:
        """More files, or longer names, than a request has: the unit stays here."""
        for limit, ceiling in (("files", 1), ("name", 5), ("names", 5), ("arguments", 7)):
            outcome, server = self.compiled_within(**{limit: ceiling})
            self.here(outcome)
            self.assertEqual(server.requests, [], limit)

    def test_files_by_a_host_that_is_vouched_for(self) -> None:
        """A host with ,cpp is sent the text instead."""
        server = preprocessing_server()
        self.serve(server, options="/1,lzo,cpp")
        with patch("twisted_distcc.client.backends.client_protocol.Limits", lambda: Limits(files=1)):
            self.finished(self.compile())
        self.assertEqual([source for _, source in server.requests], [PREPROCESSED])

    def test_not_at_all(self) -> None:
        """A command or a text that is too long for text stays here as well."""
        for limit in ("arguments", "argument", "command", "source"):
            outcome, server = self.compiled_within(Likeness.SAME, **{limit: 2})
            self.assertIn("it cannot be sent", self.here(outcome).reason)
            self.assertEqual(server.requests, [])

    def test_without_fallback(self) -> None:
        """No server could do it, so DISTCC_FALLBACK=0 does not forbid to do it here."""
        self.serve(preprocessing_server())
        self.environ["DISTCC_FALLBACK"] = "0"
        with patch("twisted_distcc.client.backends.client_protocol.Limits", lambda: Limits(source=2)):
            self.here(self.compile())

    def test_what_cannot_be_compressed(self) -> None:
        """A text that becomes too long as it is compressed stays here."""
        self.capabilities.of_all = Likeness.SAME
        self.serve(preprocessing_server(), options="/1,lzo")
        with patch.object(Packing, "compress", side_effect=BodyTooLargeError("too large")):
            self.assertIn("too large", self.here(self.compile()).reason)

    def test_messages_that_were_cut(self) -> None:
        """Of messages as long as these a server of ours keeps not all: they are said here, whole."""
        self.serve(
            FakeServer(lambda _: Reply(0, stderr=Body.of(b"warned\n"), object_file=Body.of(OBJECT)))
        )
        with patch("twisted_distcc.client.results.delivery.LONGEST_WHOLE", 7):
            self.finished(self.compile())
        with patch("twisted_distcc.client.results.delivery.LONGEST_WHOLE", 6):
            self.assertIn("messages are longer", self.here(self.compile()).reason)

    def test_any_error_of_ours(self) -> None:
        """No error that is not the user's fails a compile."""
        for error in (LocalProtocolError("a"), RemoteProtocolError("b"), UndecidedError("c")):
            self.serve(preprocessing_server())
            with patch.object(RemoteCompile, "to", side_effect=error):
                self.assertEqual(self.here(self.compile()).reason, str(error))


class ListingTests(TreeTestCase):
    """Units whose files only the compiler can tell."""

    def setUp(self) -> None:
        super().setUp()
        self.source.write_bytes(UNDECIDED)
        self.preprocessor.listed = b"hello.o: hello.c \\\n  hello.h\n"
        self.server = preprocessing_server()
        self.serve(self.server)

    def grow_old(self) -> None:
        """Have all files be older than what a clock could mistake."""
        clock = self.dispatcher.sources.files
        later = clock.now_ns() + 10_000_000_000
        self.patch(type(clock), "now_ns", lambda _: later)

    def test_the_compiler_lists(self) -> None:
        """What the scan cannot decide is asked from the compiler, and sent as files."""
        self.finished(self.compile())
        self.assertEqual(self.files(self.server), {"hello.c": UNDECIDED, "hello.h": HEADER})
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed"])

    def test_it_lists_once(self) -> None:
        """A list holds while nothing changes that it depends on."""
        self.grow_old()
        self.finished(self.compile())
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed"])
        self.assertEqual(set(self.files(self.server)), {"hello.c", "hello.h"})

    def test_not_what_has_just_changed(self) -> None:
        """A list of files that may have changed while they were read is not kept."""
        self.finished(self.compile())
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed", "listed"])

    def test_an_edit(self) -> None:
        """A file that has changed has the compiler asked again."""
        self.grow_old()
        self.finished(self.compile())
        self.header.write_bytes(b"/* other includes */\n")
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed", "listed"])

    def test_a_header_in_front(self) -> None:
        """A header that appears in a folder which is searched earlier has the compiler asked again."""
        self.grow_old()
        self.file("early/other.h", b"")
        self.finished(self.compile("gcc", "-Iearly", "-c", "hello.c"))
        self.file("early/hello.h", b"")
        self.finished(self.compile("gcc", "-Iearly", "-c", "hello.c"))
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed", "listed"])

    def test_another_file_beside(self) -> None:
        """A file of another name, such as the object of before, changes nothing."""
        self.grow_old()
        self.finished(self.compile())
        self.file("other.o", b"")
        self.finished(self.compile())
        self.assertEqual(self.preprocessor.kinds, ["asked", "listed"])

    def test_a_compiler_that_cannot_list(self) -> None:
        """Where even the compiler cannot tell, the unit stays here."""
        self.preprocessor.fails = "-M"
        self.assertIn("cannot list", self.here(self.compile()).reason)
        self.assertEqual(self.server.requests, [])


class BlameTests(TreeTestCase):
    """Compiles that fail on a server, and what is made of it."""

    def setUp(self) -> None:
        super().setUp()
        self.server = failing_server()
        self.serve(self.server)

    def fails_there(self, *argv: str) -> RunHere:
        """See a compile fail on a server; this machine is about to do it."""
        outcome = self.here(self.compile(*argv))
        self.assertIn("failed on the server", outcome.reason)
        return outcome

    def succeeds_here(self, outcome: RunHere) -> None:
        """Have the compiler here make the object, and end."""
        (self.work / "hello.o").write_bytes(OBJECT)
        self.ends_here(outcome)

    def ends_here(self, outcome: RunHere) -> None:
        assert outcome.ended is not None
        outcome.ended()

    def is_blamed(self) -> bool:
        """Whether the next compile of the same unit stays here because of the last."""
        return "failed to compile it" in self.here(self.compile()).reason

    def test_it_stays_here(self) -> None:
        """A unit that fails on a server and compiles here stays here from then on."""
        self.succeeds_here(self.fails_there())
        self.assertTrue(self.is_blamed())
        self.assertTrue(self.is_blamed())
        self.assertEqual(len(self.server.requests), 1)

    def test_others_do_not(self) -> None:
        """The same source with other options is another unit."""
        self.succeeds_here(self.fails_there())
        self.fails_there("gcc", "-O2", "-c", "hello.c", "-o", "hello.o")

    def test_told_once(self) -> None:
        """The user is told once, with the next compile, and where all that it takes is."""
        self.succeeds_here(self.fails_there())
        self.assertEqual(self.told.warned, [])
        self.is_blamed()
        self.is_blamed()
        [notice] = self.told.warned
        self.assertIn("hello.c failed to compile on 10.0.0.1", notice)
        [folder] = (self.distcc / "reproducers").iterdir()
        self.assertIn(str(folder), notice)

    def test_an_error_in_the_source(self) -> None:
        """A unit that fails here as well is nobody's fault: no object is made."""
        self.ends_here(self.fails_there())
        self.assertFalse(self.is_blamed())

    def test_the_object_of_before(self) -> None:
        """An object that was there before is no sign that the compiler here has made one."""
        (self.work / "hello.o").write_bytes(OBJECT)
        self.ends_here(self.fails_there())
        self.assertFalse(self.is_blamed())

    def test_an_error_that_was_mended_meanwhile(self) -> None:
        """Where a file has changed since it was sent, nobody is blamed."""
        outcome = self.fails_there()
        self.header.write_bytes(b"#define HELLO 1\n")
        self.succeeds_here(outcome)
        self.assertFalse(self.is_blamed())

    def test_a_compiler_that_was_killed(self) -> None:
        """A compiler that a signal ended, such as for want of memory, has said nothing of the source."""
        self.serve(FakeServer(lambda _: Reply(9)))
        self.assertIsNone(self.fails_there().ended)

    def test_a_text_that_fails(self) -> None:
        """A text that fails has been preprocessed by this machine, and is not watched."""
        self.capabilities.of_all = Likeness.SAME
        self.assertIsNone(self.fails_there().ended)
