"""What has changed in a folder, whatever an engine says, and whatever it leaves out."""

from __future__ import annotations

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from twisted_distcc.content.merkle import Merkle, merkle
from twisted_distcc.errors import RemoteProtocolError
from twisted_distcc.reapi import schema
from twisted_distcc.reapi.blob import BlobName
from twisted_distcc.reapi.folder_changes import Change, PartialFolderError, changes, folder_at

FILES = {"/src/w.c": b"int a;", "/src/sub/w.h": b"int b;", "/usr/lib/x.h": b"int c;"}
LINKS = {"/src/link": "sub"}
FOLDERS = ("/src/obj/empty",)
MOST = 100


def made(
    files: Mapping[str, bytes], links: Mapping[str, str] = LINKS, folders: tuple[str, ...] = FOLDERS
) -> Merkle:
    """The tree of these files, links and folders."""
    nodes = [(path.encode(), *BlobName.of(data)) for path, data in files.items()]
    ends = [(path.encode(), target.encode()) for path, target in links.items()]
    return merkle(nodes, ends, [folder.encode() for folder in folders])


def returned(folder: str, tree: Merkle) -> bytes:
    """The message in which an engine returns a folder of `tree`."""
    blobs = {BlobName(digest, len(data)): data for digest, data in tree.nodes.items()}
    root = folder_at(folder, BlobName(tree.root, len(tree.nodes[tree.root])), blobs)
    message: bytes = schema.Tree(root=root, children=list(tree.nodes.values())).SerializeToString()
    return message


class ChangesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sent = made(FILES)
        self.blobs = {BlobName(digest, len(data)): data for digest, data in self.sent.nodes.items()}
        self.root = BlobName(self.sent.root, len(self.sent.nodes[self.sent.root]))

    def changes(self, tree: bytes, folder: str = "/src") -> list[Change]:
        before = folder_at(folder, self.root, self.blobs)
        return list(changes(folder, before, tree, self.blobs, MOST))

    def after(self, folder: str = "/src", **other: object) -> list[Change]:
        tree = made(**{"files": FILES, **other})  # type: ignore[arg-type]
        return self.changes(returned(folder, tree), folder)

    def test_new(self) -> None:
        """New files and other contents are told by name, in whatever folder they are."""
        self.assertEqual(self.after(), [])
        files = {**FILES, "/src/w.o": b"object", "/src/sub/w.h": b"other", "/src/obj/empty/x": b""}
        self.assertCountEqual(
            self.after(files=files),
            [
                ("/src/w.o", BlobName.of(b"object")),
                ("/src/sub/w.h", BlobName.of(b"other")),
                ("/src/obj/empty/x", BlobName.of(b"")),
            ],
        )

    def test_root(self) -> None:
        """A folder may be the root."""
        files = {**FILES, "/w.o": b"object"}
        self.assertEqual(self.after("/", files=files), [("/w.o", BlobName.of(b"object"))])

    def test_no_files(self) -> None:
        """New links and folders are no files, nor are links that lead elsewhere by now."""
        self.assertEqual(self.after(links={**LINKS, "/src/a": "/etc/passwd"}), [("/src/a", None)])
        self.assertEqual(self.after(links={"/src/link": "obj"}), [("/src/link", None)])
        self.assertEqual(self.after(folders=(*FOLDERS, "/src/new")), [("/src/new", None)])
        files = {**FILES, "/src/new/deep/file": b"x"}
        self.assertEqual(self.after(files=files), [("/src/new", None)])

    def test_missing(self) -> None:
        """If anything is missing that was there, nobody knows what else is; but for empty folders."""
        for gone in ("/src/w.c", "/src/sub/w.h"):
            files = {path: data for path, data in FILES.items() if path != gone}
            with self.assertRaises(PartialFolderError):
                self.after(files=files)
        with self.assertRaises(PartialFolderError):
            self.after(links={})
        self.assertEqual(self.after(folders=()), [])

    def test_malformed(self) -> None:
        """Trees that lack a folder, have names that are paths, or are none at all, are refused."""
        whole = made({**FILES, "/src/sub/new": b"x"})
        tree = schema.Tree.FromString(returned("/src", whole))
        del tree.children[:]
        broken = [tree.SerializeToString(), b"\xff", schema.Tree(root=b"\xff").SerializeToString()]
        for name in ("", ".", "..", "a/b", "/etc/passwd"):
            root = schema.Directory.FromString(folder_at("/src", self.root, self.blobs))
            root.files.add(name=name, digest=BlobName.of(b"x").message())
            broken.append(schema.Tree(root=root.SerializeToString()).SerializeToString())
        for digest in (schema.Digest(hash="x"), BlobName(bytes(32), MOST + 1).message()):
            root = schema.Directory.FromString(folder_at("/src", self.root, self.blobs))
            root.files.add(name="w.o", digest=digest)
            broken.append(schema.Tree(root=root.SerializeToString()).SerializeToString())
        for data in broken:
            with self.assertRaises(RemoteProtocolError):
                self.changes(data)

    def test_other_encodings(self) -> None:
        """What an engine says of a folder besides its contents is nothing to us."""
        tree = schema.Tree.FromString(returned("/src", made(FILES)))
        root = schema.Directory.FromString(tree.root)
        said = root.SerializeToString() + b"\x2a\x00"  # node_properties
        data = schema.Tree(root=said, children=tree.children).SerializeToString()
        self.assertEqual(self.changes(data), [])
