"""distcc's hosts grammar, and where a host list is found."""

from __future__ import annotations

import shutil
import subprocess

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import EngineHost, HostList, Localhost, SshHost, TcpHost
from twisted_distcc.client.hosts_grammar import find_hosts, parse_hosts

# Each word, the host that it means, and the shortest word for that host.
WORDS = [
    ("localhost", Localhost(2), "localhost"),
    ("localhost/2", Localhost(2), "localhost"),
    ("localhost/7", Localhost(7), "localhost/7"),
    ("localhost/4", Localhost(4), "localhost/4"),
    ("red", TcpHost("red"), "red"),
    ("LOCALHOST", TcpHost("LOCALHOST"), "LOCALHOST"),
    ("red.example.org:4200", TcpHost("red.example.org", 4200), "red.example.org:4200"),
    ("red:3632/4", TcpHost("red"), "red"),
    ("red/16", TcpHost("red", limit=16), "red/16"),
    ("red:99/3", TcpHost("red", 99, 3), "red:99/3"),
    ("red/3:99", TcpHost("red", 99, 3), "red:99/3"),
    ("10.0.0.1/1", TcpHost("10.0.0.1", limit=1), "10.0.0.1/1"),
    ("127.0.0.1", TcpHost("127.0.0.1"), "127.0.0.1"),
    ("localhost:3632", TcpHost("localhost"), "localhost:3632"),
    ("localhost:99/2", TcpHost("localhost", 99, 2), "localhost:99/2"),
    ("localhost,lzo", TcpHost("localhost", compress=True), "localhost:3632,lzo"),
    ("[::1]", TcpHost("::1"), "[::1]"),
    ("[::1]:3633/2", TcpHost("::1", 3633, 2), "[::1]:3633/2"),
    ("[fe80::1%eth0]", TcpHost("fe80::1%eth0"), "[fe80::1%eth0]"),
    ("red,lzo", TcpHost("red", compress=True), "red,lzo"),
    ("red,cpp,lzo", TcpHost("red", compress=True, pump=True), "red,lzo,cpp"),
    ("red:99/3,lzo,lzo", TcpHost("red", 99, 3, compress=True), "red:99/3,lzo"),
    ("red,tls", TcpHost("red", 3634, tls=True), "red,tls"),
    ("grpc://red:50051/64", EngineHost("red", 50051, 64), "grpc://red:50051/64"),
    ("grpc://[::1]:8980", EngineHost("::1", 8980), "grpc://[::1]:8980"),
    ("grpcs://red", EngineHost("red", 443, tls=True), "grpcs://red:443"),
    ("grpc://red:1/9,text", EngineHost("red", 1, 9, text=True), "grpc://red:1/9,text"),
    ("red:3632,tls", TcpHost("red", tls=True), "red:3632,tls"),
    ("@red", SshHost(None, "red"), "@red"),
    ("ada@red", SshHost("ada", "red"), "ada@red"),
    ("@red:", SshHost(None, "red"), "@red"),
    ("@red:22", SshHost(None, "red", "22"), "@red:22"),
    ("@big/16:/opt/bin/distccd", SshHost(None, "big", "/opt/bin/distccd", 16),
     "@big/16:/opt/bin/distccd"),
    ("ada@red:/x/y/3", SshHost("ada", "red", "/x/y/3"), "ada@red:/x/y/3"),
    ("ada@red/3:/x/y,lzo", SshHost("ada", "red", "/x/y", 3, compress=True), "ada@red/3:/x/y,lzo"),
    ("@red,lzo,cpp", SshHost(None, "red", compress=True, pump=True), "@red,lzo,cpp"),
    ("ada@[::1]/3", SshHost("ada", "::1", limit=3), "ada@[::1]/3"),
]  # fmt: skip

# Each word, and what the sentence about it says.
BAD_WORDS = [
    ("::1", 'it is an IPv6 address without brackets; write [::1]:3632'),
    ("[::1", 'it is not written as a host; write HOST:PORT/LIMIT, as in'),
    ("[]", 'it is not written as a host; write HOST:PORT/LIMIT, as in'),
    ("[12]", 'it is not written as a host'),
    ("fe80::1/4", 'it is an IPv6 address without brackets'),
    ("red:99/3:98", 'it is not written as a host'),
    ("/3", 'it names no host; write a host\'s name or address first'),
    (":99", 'it names no host'),
    (",lzo", 'it names no host'),
    ("red:", 'it has a bad port ""; write :3632'),
    ("red:x", 'it has a bad port "x"; write :3632'),
    ("red:0", 'it has a bad port "0"'),
    ("red:65536", 'it has a bad port "65536"; write :3632, or 1 to 65535'),
    ("red/", 'it has a bad limit ""; write /4'),
    ("red/0", 'it has a bad limit "0"'),
    ("red/-1", 'it has a bad limit "-1"'),
    ("red/3/4", 'it has a bad limit "3/4"'),
    ("localhost/0", 'it has a bad limit "0"'),
    ("localhost/2,lzo", 'it compiles in place, without a port and options; '
     "write localhost/2, or the daemon's own address, such as 127.0.0.1:3632/2"),
    ("localhost/2:99", 'it compiles in place'),
    ("red,", 'it has an unknown option ""; write ,lzo or ,cpp or ,tls'),
    ("red,blue", 'it has an unknown option "blue"'),
    ("red,cpp", 'it has ,cpp without the ,lzo that it requires; write red,cpp,lzo'),
    ("red,auth", 'it asks for GSS-API, which is not supported; write ,tls in its place'),
    ("red,auth=blue", 'it asks for GSS-API'),
    ("@", 'it is not written as an ssh host; write user@host/4:/path/to/distccd'),
    ("ada@", 'it is not written as an ssh host'),
    ("a@b@c", 'it is not written as an ssh host'),
    ("@-oProxyCommand=x", 'it is not written as an ssh host'),
    ("-l@red", 'it is not an option of a host list'),
    ("ada@red/opt/distccd", "it has a bad limit \"opt/distccd\"; write /4, or any whole number from 1 "
     "(a path goes after a colon: user@host:/path)"),
    ("@red,tls", 'it has ,tls, though ssh is as safe without; write @red'),
    ("r\0d", "is not written as a host"),
    ("@red:/x\0", "is not written as an ssh host"),
    ("grpc://red", "it is not written as a Remote Execution engine; write grpc://HOST:PORT/LIMIT"),
    ("grpc://:1", "it is not written as a Remote Execution engine"),
    ("http://red:80", "it is not written as a Remote Execution engine"),
    ("grpc://-x:1", "it is not written as a Remote Execution engine"),
    ("grpc://red:0", 'it has a bad port "0"'),
    ("grpcs://red:1/0", 'it has a bad limit "0"'),
    ("grpc://red:1,lzo", 'it has an unknown option "lzo"; write grpc://red:1,text or grpc://red:1'),
    ("--randomise", 'it is not an option of a host list; write --randomize'),
    ("--localslots", 'it is not an option'),
    ("--localslots=0", 'it wants a whole number, at least 1; write --localslots=4'),
    ("--localslots_cpp=x", "wants a whole number, at least 1; write --localslots_cpp=4"),
    ("+zeroconf=1", 'it is not an option of a host list'),
    ("+avahi", 'it is not an option of a host list'),
]  # fmt: skip

NAMES = st.from_regex(r"[a-z0-9][a-z0-9.-]{0,8}", fullmatch=True).filter(lambda n: n != "localhost")
LIMITS = st.integers(1, 10**9 - 1)
TCP_HOSTS = st.builds(
    TcpHost,
    name=NAMES | st.just("localhost") | st.ip_addresses(v=6).map(str),
    port=st.integers(1, 65535),
    limit=LIMITS,
    compress=st.booleans(),
    tls=st.booleans(),
)
SSH_HOSTS = st.builds(
    SshHost,
    user=st.none() | NAMES,
    name=NAMES,
    command=st.none() | st.from_regex(r"[/a-z0-9.@:-]{1,12}", fullmatch=True),
    limit=LIMITS,
    compress=st.just(True),
    pump=st.booleans(),
)
ENGINES = st.builds(
    EngineHost,
    name=NAMES | st.ip_addresses(v=6).map(str),
    port=st.integers(1, 65535),
    limit=LIMITS,
    tls=st.booleans(),
    text=st.booleans(),
)
HOSTS = TCP_HOSTS | SSH_HOSTS | ENGINES | st.builds(Localhost, LIMITS)


class WordTests(SynchronousTestCase):
    def test_every_form_of_a_host(self) -> None:
        """Each form of the grammar means the host that it says."""
        for word, host, _ in WORDS:
            self.assertEqual(parse_hosts(word).hosts, (host,), word)

    def test_hosts_are_shown_as_they_are_written(self) -> None:
        """A host's text is the shortest word that means it, whichever way it is asked for."""
        for _, host, spec in WORDS:
            self.assertEqual((str(host), host.spec), (spec, spec))

    @settings(derandomize=True)
    @given(HOSTS)
    def test_what_is_shown_can_be_read_back(self, host: TcpHost | SshHost | Localhost) -> None:
        """The text of any host is parsed to that very host."""
        self.assertEqual(parse_hosts(str(host)).hosts, (host,))

    def test_every_bad_word_is_named(self) -> None:
        """A word outside of the grammar is passed over, and told with what to write instead."""
        for word, reason in BAD_WORDS:
            hosts = parse_hosts(f"green {word} blue")
            self.assertEqual(hosts.hosts, (TcpHost("green"), TcpHost("blue")), word)
            ((bad, told),) = hosts.bad
            self.assertEqual(bad, word)
            self.assertIn(reason, told)
            (notice,) = hosts.warnings
            self.assertEqual(str(notice), f'"{word}" is ignored: {told}')

    def test_a_host_that_is_set_aside(self) -> None:
        """A host with ,down is none, whatever else it wants, and nothing to warn of."""
        hosts = parse_hosts("red,down green,lzo,down @blue,down,auth yellow")
        self.assertEqual(hosts.hosts, (TcpHost("yellow"),))
        self.assertEqual(hosts.down, ("red,down", "green,lzo,down", "@blue,down,auth"))
        self.assertEqual(hosts.warnings, ())

    @settings(derandomize=True)
    @given(st.text(alphabet="ab1/:,@[]-+=%#\0 lzo\udcff"))
    def test_any_text_is_a_list(self, text: str) -> None:
        """Whatever is parsed gives hosts that can be written again."""
        hosts = parse_hosts(text).hosts
        self.assertEqual(parse_hosts(" ".join(map(str, hosts))).hosts, hosts)

    def test_lock_names_tell_hosts_apart(self) -> None:
        """Lock names hold what distcc's do: no brackets, no user, the port of TCP hosts."""
        names = {word: parse_hosts(word).hosts[0].lock_name for word in (
            "localhost/9", "red", "[::1]:99/2,lzo", "ada@red:/x", "@red", "grpc://[::1]:98/7",
        )}  # fmt: skip
        self.assertEqual(
            names,
            {
                "localhost/9": "localhost",
                "red": "tcp_red_3632",
                "[::1]:99/2,lzo": "tcp_::1_99",
                "ada@red:/x": "ssh_red",
                "@red": "ssh_red",
                "grpc://[::1]:98/7": "tcp_::1_98",
            },
        )


class ListTests(SynchronousTestCase):
    def test_an_empty_list(self) -> None:
        """Nothing, blanks and comments are a list without hosts, with distcc's defaults."""
        for text in ("", " \n\t", "# red green\n#blue"):
            hosts = parse_hosts(text)
            self.assertEqual(hosts, HostList((), 4, 8, randomize=False, zeroconf=""))

    def test_blanks_lines_and_comments(self) -> None:
        """Words stand apart by any blanks; a comment goes to the end of its line."""
        text = "localhost/2 @bigman/16:/opt/bin/distccd oldmachine:4200/1\n# cartman is down\n"
        self.assertEqual(
            parse_hosts(text + "\tdistant/3,lzo#nearer\r\nred").hosts,
            (
                Localhost(2),
                SshHost(None, "bigman", "/opt/bin/distccd", 16),
                TcpHost("oldmachine", 4200, 1),
                TcpHost("distant", limit=3, compress=True),
                TcpHost("red"),
            ),
        )

    def test_options_of_the_whole_list(self) -> None:
        """Options of the list are no hosts, wherever they stand; the last of a kind counts."""
        self.assertEqual(
            parse_hosts("--localslots=1 red --localslots_cpp=16 --randomize --localslots=3"),
            HostList((TcpHost("red"),), 3, 16, randomize=True),
        )

    def test_zeroconf(self) -> None:
        """+zeroconf asks for all servers that announce themselves, or those that take certificates."""
        for words, zeroconf in (("+zeroconf red", "plain"), ("red +zeroconf,tls", "tls"), ("red", "")):
            hosts = parse_hosts(words)
            self.assertEqual((hosts.hosts, hosts.zeroconf), ((TcpHost("red"),), zeroconf))
            self.assertEqual(hosts.warnings, ())

    def test_local_work_has_limits_of_its_own(self) -> None:
        """Local jobs and preprocessing are bounded by --localslots and --localslots_cpp."""
        hosts = parse_hosts("localhost/7 --localslots=1 --localslots_cpp=3")
        self.assertEqual(hosts.local_jobs, Localhost(1))
        self.assertEqual(hosts.preprocessing, Localhost(3))

    def test_the_same_limits_as_distcc(self) -> None:
        """Real distcc adds up the same number of jobs for what both of us understand."""
        distcc = shutil.which("distcc")
        if distcc is None:
            self.skipTest("distcc is not installed (Debian: apt-get install distcc)")
        for word, host, _ in WORDS:
            if word not in OURS_ALONE and not isinstance(host, EngineHost):
                environ = {"DISTCC_HOSTS": f"{word} green/100", "PATH": "/usr/bin:/bin"}
                told = subprocess.run([distcc, "-j"], env=environ, capture_output=True, check=True)
                self.assertEqual(int(told.stdout), host.limit + 100, word)


# distcc knows no engines, no ,tls, and no brackets after an @.
OURS_ALONE = {"red,tls", "red:3632,tls", "ada@[::1]/3"}


FILES = {"/home/ada/.distcc/hosts": "home", "/farm/hosts": "farm", "/etc/distcc/hosts": "etc"}


class FindTests(SynchronousTestCase):
    def found(self, environ: dict[str, str], *without: str) -> list[str]:
        files = {path: text for path, text in FILES.items() if path not in without}
        return [str(host) for host in find_hosts(environ, files.get).hosts]

    def test_the_order_of_places(self) -> None:
        """The variable goes before the user's file, and that before the machine's."""
        home = {"HOME": "/home/ada"}
        self.assertEqual(self.found(home | {"DISTCC_HOSTS": "red blue"}), ["red", "blue"])
        self.assertEqual(self.found(home | {"DISTCC_DIR": "/farm"}), ["farm"])
        self.assertEqual(self.found(home), ["home"])
        self.assertEqual(self.found(home, "/home/ada/.distcc/hosts"), ["etc"])
        self.assertEqual(self.found({}), ["etc"])

    def test_an_empty_list_is_a_list(self) -> None:
        """As with distcc, who sets an empty list gets no hosts from further down."""
        self.assertEqual(self.found({"DISTCC_HOSTS": ""}), [])

    def test_no_list_at_all(self) -> None:
        """Where nobody lists hosts there are none."""
        self.assertEqual(find_hosts({}, lambda path: None), HostList())

    def test_a_warning_says_where(self) -> None:
        """A bad word is named together with the file or the variable that it stands in."""
        (notice,) = find_hosts({}, lambda path: "red:x").warnings
        self.assertEqual(notice.text, '"red:x" in /etc/distcc/hosts is ignored')
        (notice,) = find_hosts({"DISTCC_HOSTS": "red/x"}, str).warnings
        self.assertEqual(notice.text, '"red/x" in $DISTCC_HOSTS is ignored')
