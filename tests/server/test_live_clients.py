"""Debian's own distcc as a client: it gets its objects, and reads why it gets none."""

from __future__ import annotations

import shutil

from tests.live import Child, LiveTestCase
from twisted_distcc.errors import EXIT_ACCESS_DENIED, EXIT_BAD_ARGUMENTS, EXIT_COMPILER_MISSING

DISTCC = shutil.which("distcc", path="/usr/bin:/usr/local/bin")


class DistccTests(LiveTestCase):
    if DISTCC is None:
        skip = "C distcc is not installed; tools/debian-packages distcc"

    async def distcc(self, hosts: str, *command: str, **environ: str) -> Child:
        """Run a command through the real client, which never falls back to this machine."""
        folder = self.place()
        (folder / "state").mkdir(parents=True)
        (folder / "hello.c").write_text('#include <stdio.h>\nint main(void) { puts("hi"); return 0; }\n')
        (folder / "wrong.c").write_text("int main(void) { return no_such_thing; }\n")
        child = self.start(
            DISTCC or "",
            *command,
            directory=folder,
            environ={
                "DISTCC_HOSTS": hosts,
                "DISTCC_FALLBACK": "0",
                "DISTCC_SKIP_LOCAL_RETRY": "1",
                "DISTCC_BACKOFF_PERIOD": "0",
                "LC_ALL": "C",
                "DISTCC_DIR": str(folder / "state"),
                **environ,
            },
        )
        await child.ended()
        self.compiled = folder
        return child

    async def test_objects(self) -> None:
        """Plain and compressed, the object is the one that a local compile makes in two steps."""
        server = await self.serve()
        for features, version in (("", 1), (",lzo", 2)):
            hosts = f"127.0.0.1:{server.port}/2{features}"
            child = await self.distcc(hosts, "gcc", "-O2", "-c", "hello.c", "-o", "hello.o")
            self.assertEqual((await child.ended(), child.stderr), (0, ""))
            await server.logged(f"version={version} .* status=0")
            local = self.start("gcc", "-O2", "-c", "hello.c", "-o", "local.o", directory=self.compiled)
            self.assertEqual(await local.ended(), 0)
            objects = [(self.compiled / name).read_bytes() for name in ("hello.o", "local.o")]
            self.assertEqual(*objects)

    async def test_compile_errors(self) -> None:
        """What the compiler says of a wrong source is what the person reads."""
        server = await self.serve()
        for features in ("", ",lzo"):
            child = await self.distcc(f"127.0.0.1:{server.port}{features}", "gcc", "-c", "wrong.c")
            self.assertEqual(await child.ended(), 1)
            self.assertIn("wrong.c:1:25: error: ", child.stderr)

    async def test_refusals_are_read(self) -> None:
        """A refusal is a sentence on standard error, with an exit code of distcc's."""
        allowing = await self.serve(environ={"DISTCCD_PATH": "/nonexistent"})
        commands = self.place("list")
        commands.parent.mkdir()
        commands.write_text("/usr/bin/clang\n")
        listing = await self.serve(environ={"DISTCC_CMDLIST": str(commands)})
        refusing = self.start_server(
            "twistd", "--nodaemon", "--pidfile=", "distccd", "--allow=192.0.2.1", "--listen=127.0.0.1",
            "--port=0", "--log-file=log",
        )  # fmt: skip
        await refusing.ready()
        for server, exit_code, part in (
            (allowing, EXIT_COMPILER_MISSING, "this server has no .*gcc: it is not installed"),
            (listing, EXIT_COMPILER_MISSING, "gcc is not on this server's list of commands"),
            (refusing, EXIT_ACCESS_DENIED, "this server does not serve 127.0.0.1"),
        ):
            for features in ("", ",lzo"):
                child = await self.distcc(f"127.0.0.1:{server.port}{features}", "gcc", "-c", "hello.c")
                self.assertEqual(await child.ended(), exit_code)
                self.assertRegex(child.stderr, part)

    async def test_a_command_that_only_this_server_refuses(self) -> None:
        """A command that C distcc sends and no server should run is refused in words."""
        server = await self.serve()
        child = await self.distcc(
            f"127.0.0.1:{server.port}", "gcc", "-wrapper", "sh,-c,id", "-c", "hello.c"
        )
        self.assertEqual(await child.ended(), EXIT_BAD_ARGUMENTS)
        self.assertIn("-wrapper starts another program", child.stderr)
