"""How a server starts, what it refuses to start with, and where it listens."""

from __future__ import annotations

from signal import SIGTERM

from tests.live import LiveTestCase
from tests.server.talk import ask


class ServingTests(LiveTestCase):
    async def test_a_job_is_compiled(self) -> None:
        """A real compiler's object comes back, and one line tells of the job."""
        server = await self.serve()
        answer = await ask(server.port)
        self.assertEqual((answer.exit_code, answer.stderr), (0, ""))
        self.assertEqual(answer.object_file[:4], b"\x7fELF")
        await server.logged("job peer=tcp:127.0.0.1:")
        self.assertEqual(len(server.jobs), 1)
        self.assertEqual(await server.stop(), -SIGTERM)
