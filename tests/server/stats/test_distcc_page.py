"""distccd's own page: the same keys in the same order and form as C distccd's, whatever clients send."""

from __future__ import annotations

import re
from dataclasses import replace

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.server.stats.distcc_page import DistccFigures, distcc_page

FIGURES = DistccFigures(
    tcp_accept=4, rej_bad_req=1, rej_overload=0, compile_ok=1, compile_error=1, compile_timeout=0,
    cli_disconnect=0, other=1, longest_job="a.c", longest_job_compiler="x86_64-linux-gnu-gcc",
    longest_job_seconds=0.0175, max_kids=3, avg_kids=(0.4, 0.0, 0.0), current_load=2,
    loads=(2.17, 1.81, 2.57), num_compiles=(2, 2, 2), num_procstate_d=0, max_rss=20160,
    max_rss_name="process_api", io_rate=0, free_space=63469 * 1024 * 1024,
)  # fmt: skip
# What Debian's distccd 3.4 was seen to answer.
SEEN = """\
argv /distccd
<distccstats>
dcc_tcp_accept 4
dcc_rej_bad_req 1
dcc_rej_overload 0
dcc_compile_ok 1
dcc_compile_error 1
dcc_compile_timeout 0
dcc_cli_disconnect 0
dcc_other 1
dcc_longest_job a.c
dcc_longest_job_compiler x86_64-linux-gnu-gcc
dcc_longest_job_time_msecs 17
dcc_max_kids 3
dcc_avg_kids1 0
dcc_avg_kids2 0
dcc_avg_kids3 0
dcc_current_load 2
dcc_load1 2.17
dcc_load2 1.81
dcc_load3 2.57
dcc_num_compiles1 2
dcc_num_compiles2 2
dcc_num_compiles3 2
dcc_num_procstate_D 0
dcc_max_RSS 20160
dcc_max_RSS_name (process_api)
dcc_io_rate 0
dcc_free_space 63469 MB
</distccstats>
"""


class PageTests(SynchronousTestCase):
    def test_as_seen(self) -> None:
        """The same figures make the same page, byte for byte."""
        self.assertEqual(distcc_page(FIGURES), SEEN)

    def test_before_the_first_job(self) -> None:
        """What is not known yet is `none`, and -1."""
        page = distcc_page(
            replace(FIGURES, longest_job=None, longest_job_compiler=None, longest_job_seconds=None)
        )
        self.assertIn("dcc_longest_job none\ndcc_longest_job_compiler none\n", page)
        self.assertIn("dcc_longest_job_time_msecs -1\n", page)

    def test_names_of_clients(self) -> None:
        """A name can neither begin a line, nor end the page, nor be endless."""
        for name in ("a\ndcc_other 7", "</distccstats>", "\x1b[2J", "\udcff", "x" * 10_000):
            page = distcc_page(replace(FIGURES, longest_job=name))
            self.assertEqual(len(page.splitlines()), len(SEEN.splitlines()), name)
            self.assertRegex(page, re.compile(r"^dcc_longest_job [^<>]{1,200}$", re.MULTILINE))
            page.encode()
