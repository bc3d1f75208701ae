"""Metrics of real servers, for a real Prometheus and its linter, in the clear and over mutual TLS."""

from __future__ import annotations

import json
import os
import shutil
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.parse import urlencode

from tests.live import until
from tests.server.talk import ask
from tests.server.test_live_stats import StatsTestCase, page, stats_port
from tests.sshd import free_port
from tests.tls.certificates import write
from tests.tls.test_live import SecureTestCase
from twisted_distcc.tls.files import CredentialFiles

_PATH: Final = os.pathsep.join((str(Path(sys.executable).parent), os.defpath))
PROMETHEUS: Final = shutil.which("prometheus", path=_PATH)
PROMTOOL: Final = shutil.which("promtool", path=_PATH)
NO_PROMETHEUS: Final = (
    None if PROMETHEUS and PROMTOOL else "there is no prometheus: `make test` gets it, on Debian"
)
_CONFIG: Final = """\
global: {{scrape_interval: 1s}}
scrape_configs:
- job_name: clear
  static_configs: [{{targets: ["127.0.0.1:{clear}"]}}]
- job_name: tls
  scheme: https
  tls_config: {{ca_file: {files.ca}, cert_file: {files.certificate}, key_file: {files.key}}}
  static_configs: [{{targets: ["127.0.0.1:{tls}"]}}]
"""


def values(port: int, query: str) -> dict[str, str]:
    """Ask a Prometheus on a port; return what it answers, by its jobs."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            series = json.load(answer)["data"]["result"]
    except OSError:  # it does not listen yet
        return {}
    return {one["metric"]["job"]: one["value"][1] for one in series}


class PromtoolTests(StatsTestCase):
    if NO_PROMETHEUS:
        skip = NO_PROMETHEUS

    async def test_lint(self) -> None:
        """Prometheus' own linter finds nothing to say, whatever has happened to the server."""
        server, url = await self.with_stats()
        await ask(server.port)
        await ask(server.port, ("gcc", "-fplugin=x.so", "-c", "hello.c", "-o", "hello.o"))
        metrics = await page(f"{url}/metrics")
        self.assertIn('distccd_jobs_total{reason="",result="ok"} 1.0', metrics.text)
        told = subprocess.run(
            [str(PROMTOOL), "check", "metrics"],
            input=metrics.text, capture_output=True, text=True, check=False,
        )  # fmt: skip
        self.assertEqual((told.returncode, told.stdout, told.stderr), (0, "", ""))


class PrometheusTests(SecureTestCase, StatsTestCase):
    def credentials(self) -> CredentialFiles:
        """Write those of a user whom the farm's authority knows."""
        return write(self.home / "scraper", self.authority.user("prometheus"), self.authority)

    async def test_mutual_tls(self) -> None:
        """A server with a TLS port shows itself to users of its authority, and to nobody else."""
        server = await self.serve_tls("--stats", "--stats-port=0")
        url = f"https://127.0.0.1:{stats_port(server)}/metrics"
        files = self.credentials()
        context = ssl.create_default_context(cafile=files.ca)
        with self.assertRaises((URLError, OSError)):
            await page(url, context)
        await server.logged("no certificate|certificate required|did not return a certificate")
        context.load_cert_chain(files.certificate, files.key)
        text = (await page(url, context)).text
        self.assertIn('distccd_tls_handshakes_total{result="failed"} 0.0', text)
        self.assertIn("distccd_tls_certificate_expiry_timestamp_seconds ", text)

    async def test_scrapes(self) -> None:
        """A real Prometheus takes the metrics of both, and knows what the servers have done."""
        clear, _ = await self.with_stats()
        secure = await self.serve_tls("--stats", "--stats-port=0")
        await ask(clear.port)
        config, port = self.place("prometheus.yml"), free_port()
        config.parent.mkdir()
        config.write_text(
            _CONFIG.format(clear=stats_port(clear), tls=stats_port(secure), files=self.credentials())
        )
        self.start(
            str(PROMETHEUS), f"--config.file={config}", f"--web.listen-address=127.0.0.1:{port}",
            f"--storage.tsdb.path={config.parent}/data",
        )  # fmt: skip
        up, done = {"clear": "1", "tls": "1"}, {"clear": "1"}
        await until(lambda: values(port, "up") == up, "both were scraped")
        query = 'distccd_jobs_total{result="ok"}'
        await until(lambda: values(port, query) == done, "the job was scraped")

    if NO_PROMETHEUS:
        test_scrapes.skip = NO_PROMETHEUS  # type: ignore[attr-defined]
