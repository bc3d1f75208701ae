"""The messages of the Remote Execution API, byte by byte."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.reapi import schema

DIGEST = b"\x0a\x02ab\x10\x05"


def counted(number: int, content: bytes) -> bytes:
    """A field that has a length."""
    return bytes((number << 3 | 2, len(content))) + content


SAMPLES: dict[str, tuple[Any, bytes]] = {
    "Digest": (schema.Digest(hash="ab", size_bytes=5), DIGEST),
    "Command": (
        schema.Command(
            arguments=["cc"],
            environment_variables=[schema.Variable(name="A", value="1")],
            output_files=["o"],
            platform=schema.Platform(properties=[schema.Property(name="p", value="q")]),
            working_directory="w",
            output_paths=["o"],
        ),
        counted(1, b"cc")
        + counted(2, b"\x0a\x01A\x12\x011")
        + counted(3, b"o")
        + counted(5, counted(1, b"\x0a\x01p\x12\x01q"))
        + counted(6, b"w")
        + counted(7, b"o"),
    ),
    "Action": (
        schema.Action(
            command_digest=schema.Digest(hash="ab", size_bytes=5),
            input_root_digest=schema.Digest(hash="ab", size_bytes=5),
            do_not_cache=True,
            salt=b"s",
        ),
        counted(1, DIGEST) + counted(2, DIGEST) + b"\x38\x01" + counted(9, b"s"),
    ),
    "GetActionResultRequest": (
        schema.GetActionResultRequest(
            instance_name="i",
            action_digest=schema.Digest(hash="ab", size_bytes=5),
            inline_stdout=True,
            inline_stderr=True,
            inline_output_files=["o"],
            digest_function=schema.SHA256,
        ),
        counted(1, b"i") + counted(2, DIGEST) + b"\x18\x01\x20\x01" + counted(5, b"o") + b"\x30\x01",
    ),
    "ExecuteRequest": (
        schema.ExecuteRequest(
            instance_name="i",
            skip_cache_lookup=True,
            action_digest=schema.Digest(hash="ab", size_bytes=5),
            digest_function=schema.SHA256,
            inline_stdout=True,
            inline_stderr=True,
            inline_output_files=["o"],
        ),
        counted(1, b"i")
        + b"\x18\x01"
        + counted(6, DIGEST)
        + b"\x48\x01\x50\x01\x58\x01"
        + counted(12, b"o"),
    ),
    "WriteRequest": (
        schema.WriteRequest(resource_name="r", write_offset=3, finish_write=True, data=b"d"),
        counted(1, b"r") + b"\x10\x03\x18\x01" + counted(10, b"d"),
    ),
    "BatchUpdateBlobsRequest": (
        schema.BatchUpdateBlobsRequest(
            requests=[schema.BlobUpdate(digest=schema.Digest(hash="ab", size_bytes=5), data=b"d")],
            digest_function=schema.SHA256,
        ),
        counted(2, counted(1, DIGEST) + counted(2, b"d")) + b"\x28\x01",
    ),
}


class SchemaTests(SynchronousTestCase):
    def test_samples(self) -> None:
        """What we send is, byte by byte, what the API's field numbers say."""
        for name, (message, expected) in SAMPLES.items():
            self.assertEqual(message.SerializeToString(), expected, name)

    def test_news(self) -> None:
        """The last news of a job has its result in field 5, with exit code, streams and files."""
        digest = counted(2, DIGEST)
        result = (
            counted(2, counted(1, b"o") + digest) + b"\x20\x01" + counted(5, b"out") + counted(7, b"err")
        )
        response = counted(1, result) + b"\x10\x01" + counted(3, b"\x08\x09")
        news = b"\x18\x01" + counted(5, counted(1, b"x.ExecuteResponse") + counted(2, response))
        read = schema.Operation.FromString(news)
        answer = schema.ExecuteResponse.FromString(read.response.value)
        self.assertEqual((read.done, answer.cached_result, answer.status.code), (True, True, 9))
        self.assertEqual((answer.result.exit_code, answer.result.stdout_raw), (1, b"out"))
        self.assertEqual(answer.result.stderr_raw, b"err")
        self.assertEqual([file.path for file in answer.result.output_files], ["o"])
