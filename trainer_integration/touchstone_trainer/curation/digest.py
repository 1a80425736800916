"""SHA-256 of what lies on the disk."""

import hashlib
from pathlib import Path

BLOCK_BYTES = 1 << 20


def sha256(source: str) -> str | None:
    """Of a file's bytes, or of all files of a folder with their names; None for a data set without files here."""
    path = Path(source)
    if not path.exists():
        return None
    digest = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            if path.is_dir():
                digest.update(f"{file.relative_to(path)}\0{file.stat().st_size}\0".encode())
            with file.open("rb") as stream:
                while block := stream.read(BLOCK_BYTES):
                    digest.update(block)
    return digest.hexdigest()
