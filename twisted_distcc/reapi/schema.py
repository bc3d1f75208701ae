"""The messages of the Remote Execution API, version 2, as far as a client that compiles needs them.

The table has the numbers, names and types of fields as the API's documentation gives them; protocol
buffers make classes of it when this module is imported, so there is no generated code that would have to
be of the library's own release.  Enumerations are numbers here, which is the same on the wire::

    digest = Digest(hash="…", size_bytes=6)
    digest.SerializeToString()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_PACKAGE: Final = "tdistcc"  # names of messages are not on the wire

# NAME: field=NUMBER:TYPE, with a `*` before the type of what may be there many times.
_TABLE: Final = """
Any: type_url=1:string value=2:bytes
Status: code=1:int32 message=2:string details=3:*Any
Duration: seconds=1:int64 nanos=2:int32
Timestamp: seconds=1:int64 nanos=2:int32

Digest: hash=1:string size_bytes=2:int64
Property: name=1:string value=2:string
Platform: properties=1:*Property
Variable: name=1:string value=2:string
Command: arguments=1:*string environment_variables=2:*Variable output_files=3:*string platform=5:Platform
    working_directory=6:string output_paths=7:*string output_directories=4:*string
Action: command_digest=1:Digest input_root_digest=2:Digest timeout=6:Duration do_not_cache=7:bool
    salt=9:bytes platform=10:Platform

OutputFile: path=1:string digest=2:Digest is_executable=4:bool contents=5:bytes
ExecutedActionMetadata: queued_timestamp=2:Timestamp worker_start_timestamp=3:Timestamp
    worker_completed_timestamp=4:Timestamp
OutputDirectory: path=1:string tree_digest=3:Digest
ActionResult: output_files=2:*OutputFile output_directories=3:*OutputDirectory exit_code=4:int32
    stdout_raw=5:bytes stdout_digest=6:Digest stderr_raw=7:bytes stderr_digest=8:Digest
    execution_metadata=9:ExecutedActionMetadata
GetActionResultRequest: instance_name=1:string action_digest=2:Digest inline_stdout=3:bool
    inline_stderr=4:bool inline_output_files=5:*string digest_function=6:int32
ExecuteRequest: instance_name=1:string skip_cache_lookup=3:bool action_digest=6:Digest
    digest_function=9:int32 inline_stdout=10:bool inline_stderr=11:bool inline_output_files=12:*string
ExecuteResponse: result=1:ActionResult cached_result=2:bool status=3:Status message=5:string
Operation: name=1:string done=3:bool error=4:Status response=5:Any
CancelOperationRequest: name=1:string

FileNode: name=1:string digest=2:Digest
DirectoryNode: name=1:string digest=2:Digest
SymlinkNode: name=1:string target=2:string
Directory: files=1:*FileNode directories=2:*DirectoryNode symlinks=3:*SymlinkNode
Tree: root=1:bytes children=2:*bytes

FindMissingBlobsRequest: instance_name=1:string blob_digests=2:*Digest digest_function=3:int32
FindMissingBlobsResponse: missing_blob_digests=2:*Digest
BlobUpdate: digest=1:Digest data=2:bytes
BatchUpdateBlobsRequest: instance_name=1:string requests=2:*BlobUpdate digest_function=5:int32
BlobUpdated: digest=1:Digest status=2:Status
BatchUpdateBlobsResponse: responses=1:*BlobUpdated
WriteRequest: resource_name=1:string write_offset=2:int64 finish_write=3:bool data=10:bytes
WriteResponse: committed_size=1:int64
ReadRequest: resource_name=1:string read_offset=2:int64 read_limit=3:int64
ReadResponse: data=10:bytes

GetCapabilitiesRequest: instance_name=1:string
SemVer: major=1:int32 minor=2:int32 patch=3:int32
CacheCapabilities: digest_functions=1:*int32 max_batch_total_size_bytes=4:int64
    symlink_absolute_path_strategy=5:int32
ExecutionCapabilities: digest_function=1:int32 exec_enabled=2:bool digest_functions=5:*int32
ServerCapabilities: cache_capabilities=1:CacheCapabilities execution_capabilities=2:ExecutionCapabilities
    low_api_version=4:SemVer high_api_version=5:SemVer
"""

SHA256: Final = 1
"""The digest function SHA-256."""

_SCALARS: Final = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT32,
    "int64": FieldDescriptorProto.TYPE_INT64,
}


def _described() -> Iterator[tuple[str, list[str]]]:
    """Yield each message's name, and its fields."""
    for row in _TABLE.replace("\n    ", " ").splitlines():
        name, colon, fields = row.partition(":")
        if colon:
            yield name, fields.split()


def _add_field(message: Any, described: str) -> None:
    name, _, rest = described.partition("=")
    number, _, kind = rest.partition(":")
    field = message.field.add(name=name, number=int(number))
    is_repeated = kind.startswith("*")
    field.label = field.LABEL_REPEATED if is_repeated else field.LABEL_OPTIONAL
    kind = kind.lstrip("*")
    if kind in _SCALARS:
        field.type = _SCALARS[kind]
    else:
        field.type, field.type_name = field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"


def _classes() -> dict[str, Any]:
    file = FileDescriptorProto(name="reapi.proto", package=_PACKAGE, syntax="proto3")
    for name, fields in _described():
        message = file.message_type.add(name=name)
        for one in fields:
            _add_field(message, one)
    pool = DescriptorPool()
    pool.Add(file)
    found = pool.FindFileByName(file.name).message_types_by_name
    return {name: GetMessageClass(found[name]) for name in found}


_MADE: Final = _classes()

Digest: Final[Any] = _MADE["Digest"]
Property: Final[Any] = _MADE["Property"]
Platform: Final[Any] = _MADE["Platform"]
Variable: Final[Any] = _MADE["Variable"]
Command: Final[Any] = _MADE["Command"]
Action: Final[Any] = _MADE["Action"]
ActionResult: Final[Any] = _MADE["ActionResult"]
OutputFile: Final[Any] = _MADE["OutputFile"]
OutputDirectory: Final[Any] = _MADE["OutputDirectory"]
FileNode: Final[Any] = _MADE["FileNode"]
DirectoryNode: Final[Any] = _MADE["DirectoryNode"]
SymlinkNode: Final[Any] = _MADE["SymlinkNode"]
Directory: Final[Any] = _MADE["Directory"]
Tree: Final[Any] = _MADE["Tree"]
"""A folder with all folders in it, each of which is the encoding of a `Directory`."""
ExecuteRequest: Final[Any] = _MADE["ExecuteRequest"]
ExecuteResponse: Final[Any] = _MADE["ExecuteResponse"]
Operation: Final[Any] = _MADE["Operation"]
CancelOperationRequest: Final[Any] = _MADE["CancelOperationRequest"]
FindMissingBlobsRequest: Final[Any] = _MADE["FindMissingBlobsRequest"]
FindMissingBlobsResponse: Final[Any] = _MADE["FindMissingBlobsResponse"]
BlobUpdate: Final[Any] = _MADE["BlobUpdate"]
BatchUpdateBlobsRequest: Final[Any] = _MADE["BatchUpdateBlobsRequest"]
BatchUpdateBlobsResponse: Final[Any] = _MADE["BatchUpdateBlobsResponse"]
WriteRequest: Final[Any] = _MADE["WriteRequest"]
WriteResponse: Final[Any] = _MADE["WriteResponse"]
ReadRequest: Final[Any] = _MADE["ReadRequest"]
ReadResponse: Final[Any] = _MADE["ReadResponse"]
GetActionResultRequest: Final[Any] = _MADE["GetActionResultRequest"]
GetCapabilitiesRequest: Final[Any] = _MADE["GetCapabilitiesRequest"]
ServerCapabilities: Final[Any] = _MADE["ServerCapabilities"]
