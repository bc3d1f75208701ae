"""Which host gets the next job."""

from __future__ import annotations

from collections import Counter
from random import Random

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.client.hosts import Host, Localhost, TcpHost
from twisted_distcc.client.hosts_grammar import parse_hosts
from twisted_distcc.client.scheduling.backoff import Backoff
from twisted_distcc.client.scheduling.choice import (
    AllBusy,
    Grant,
    NobodyLeft,
    choose,
    in_order_of_preference,
)
from twisted_distcc.client.scheduling.slots import SlotDirectory

RED, GREEN, BLUE = TcpHost("red", limit=2), TcpHost("green", limit=1), TcpHost("blue", limit=3)


class ChooseTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.path = self.mktemp()
        self.slots = SlotDirectory(self.path)
        self.backoff = Backoff(self.path, 60, Clock().seconds)
        self.lines: dict[str, int] = {}

    def line(self, name: str) -> int:
        return self.lines.get(name, 0)

    def choose(self, *hosts: Host, exclude: tuple[Host, ...] = ()) -> Grant | AllBusy | NobodyLeft:
        choice = choose(hosts, frozenset(exclude), self.slots, self.backoff, self.line)
        if isinstance(choice, Grant):
            self.addCleanup(choice.slot.release)
        return choice

    def granted(self, *hosts: Host, exclude: tuple[Host, ...] = ()) -> str:
        grant = self.choose(*hosts, exclude=exclude)
        assert isinstance(grant, Grant)
        self.assertEqual(grant.slot.name, grant.host.lock_name)
        name = "localhost" if isinstance(grant.host, Localhost) else grant.host.name
        return f"{name} {grant.slot.index}"

    def test_first_slots_go_first(self) -> None:
        """The first slot of every host is taken before the second of any, up to each limit."""
        order = [self.granted(RED, GREEN, BLUE) for _ in range(6)]
        self.assertEqual(order, ["red 0", "green 0", "blue 0", "red 1", "blue 1", "blue 2"])
        self.assertEqual(self.choose(RED, GREEN, BLUE), AllBusy())

    def test_a_slot_given_back_is_preferred_by_its_number(self) -> None:
        """A first slot that is free again goes before the second slots of hosts further up."""
        self.granted(RED)
        green = self.choose(GREEN)
        assert isinstance(green, Grant)
        green.slot.release()
        self.assertEqual(self.granted(RED, GREEN), "green 0")

    def test_slots_of_other_processes(self) -> None:
        """A slot that another process holds is passed over, in the same order, up to each limit."""
        others = SlotDirectory(self.path)
        for name, index in ((RED.lock_name, 0), (BLUE.lock_name, 1)):
            slot = others.try_slot(name, index)
            assert slot is not None
            self.addCleanup(slot.release)
        order = [self.granted(RED, GREEN, BLUE) for _ in range(4)]
        self.assertEqual(order, ["green 0", "blue 0", "red 1", "blue 2"])
        self.assertEqual(self.choose(RED, GREEN, BLUE), AllBusy())

    def test_the_same_host_twice(self) -> None:
        """A host that is listed twice is still bounded by its limit."""
        self.assertEqual([self.granted(RED, RED) for _ in range(2)], ["red 0", "red 1"])
        self.assertEqual(self.choose(RED, RED), AllBusy())

    def test_tried_hosts_are_passed_over(self) -> None:
        """A host that was tried already is not given again, though it is free."""
        self.assertEqual(self.granted(RED, GREEN, exclude=(RED,)), "green 0")
        self.assertEqual(self.choose(RED, GREEN, exclude=(RED,)), AllBusy())

    def test_avoided_hosts_are_passed_over(self) -> None:
        """A host that failed lately is not given, though it is free."""
        self.backoff.avoid(RED)
        self.assertEqual(self.granted(RED, GREEN), "green 0")
        self.assertEqual(self.choose(RED, GREEN), AllBusy())

    def test_lines(self) -> None:
        """Hosts where nobody waits come first, with all of their slots; then those with short lines."""
        table: tuple[tuple[dict[Host, int], list[str]], ...] = (
            ({}, ["red 0", "green 0", "blue 0", "red 1", "blue 1", "blue 2"]),
            ({RED: 1}, ["green 0", "blue 0", "blue 1", "blue 2", "red 0", "red 1"]),
            ({RED: 9, BLUE: 1}, ["green 0", "blue 0", "blue 1", "blue 2", "red 0", "red 1"]),
            ({RED: 1, GREEN: 3, BLUE: 2}, ["red 0", "red 1", "blue 0", "blue 1", "blue 2", "green 0"]),
            ({RED: 5, GREEN: 5, BLUE: 5}, ["red 0", "green 0", "blue 0", "red 1", "blue 1", "blue 2"]),
        )
        for lines, order in table:
            self.lines = {host.lock_name: line for host, line in lines.items()}
            self.slots = SlotDirectory(self.mktemp())
            self.assertEqual([self.granted(RED, GREEN, BLUE) for _ in order], order, lines)
            self.assertEqual(self.choose(RED, GREEN, BLUE), AllBusy())

    def test_lines_keep_nobody_back(self) -> None:
        """A host with a line is chosen when no other one may be, and `localhost` before it."""
        self.lines = {RED.lock_name: 100}
        self.assertEqual(self.granted(RED), "red 0")
        self.assertEqual(self.granted(RED, Localhost(1)), "localhost 0")
        self.assertEqual(self.granted(RED, Localhost(1)), "red 1")
        self.backoff.avoid(GREEN)
        self.assertEqual(self.choose(RED, GREEN), AllBusy())

    def test_nobody_is_left(self) -> None:
        """When all are tried or avoided the answer says who and why, and takes no slot."""
        self.backoff.avoid(RED)
        left = self.choose(RED, GREEN, BLUE, exclude=(GREEN, BLUE))
        self.assertEqual(left, NobodyLeft(avoided=(RED,), tried=(GREEN, BLUE)))
        self.assertEqual(self.slots.in_use(GREEN.lock_name, 1), 0)

    def test_nobody_was_listed(self) -> None:
        """Without hosts, nobody is left."""
        self.assertEqual(self.choose(), NobodyLeft((), ()))

    def test_local_kinds_of_work_share_the_machine(self) -> None:
        """Preprocessing and local jobs count in the same slots, each up to its own limit."""
        hosts = parse_hosts("localhost --localslots=1 --localslots_cpp=2")
        self.granted(hosts.preprocessing)
        self.assertEqual(self.choose(hosts.local_jobs), AllBusy())
        self.assertEqual(self.granted(hosts.preprocessing), "localhost 1")


class PreferenceTests(SynchronousTestCase):
    def test_the_order_of_the_list(self) -> None:
        """Hosts are tried as they are listed, whatever the dice say."""
        hosts = parse_hosts("red green blue")
        for seed in range(5):
            self.assertEqual(in_order_of_preference(hosts, Random(seed)), hosts.hosts)

    def test_a_list_that_asks_for_shuffling(self) -> None:
        """With --randomize each host comes first about equally often, and none is lost."""
        hosts = parse_hosts("--randomize red green blue")
        random = Random(2)
        orders = [in_order_of_preference(hosts, random) for _ in range(300)]
        self.assertEqual({frozenset(order) for order in orders}, {frozenset(hosts.hosts)})
        firsts = Counter(order[0] for order in orders)
        self.assertTrue(all(firsts[host] > 70 for host in hosts.hosts), firsts)
