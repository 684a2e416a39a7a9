"""Writes archives and JSON that are the same whenever they hold the same."""

from __future__ import annotations

import gzip
import tarfile
from pathlib import Path
from typing import Any

import msgspec
from program import BEGIN

LEFT_OUT = {"models", "therapy.sqlite3-shm"}
"""A cache, and what SQLite makes again from the log."""


def archive(folder: Path, target: Path) -> None:
    """Pack what is in a folder. Files keep the order of their times, from the story's beginning on."""
    found = [
        each for each in folder.rglob("*") if not LEFT_OUT & set(each.relative_to(folder).parts)
    ]
    by_age = sorted(found, key=lambda each: (each.stat().st_mtime_ns, str(each)))
    ages = {path: number for number, path in enumerate(by_age)}
    with (
        target.open("wb") as file,
        gzip.GzipFile("", "wb", 9, file, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        for path in sorted(found):
            info = tar.gettarinfo(path, str(path.relative_to(folder)))
            info.uid = info.gid = 0
            info.uname = info.gname = ""
            info.mtime = int(BEGIN.timestamp()) + ages[path]
            if path.is_file():
                with path.open("rb") as content:
                    tar.addfile(info, content)
            else:
                tar.addfile(info)


def write_json(target: Path, value: dict[str, Any]) -> None:
    """Write an object with one line for each entry of its lists and objects."""
    lines = [f"{_text(name)}: {_entries(each)}" for name, each in value.items()]
    target.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def _entries(value: Any) -> str:
    if isinstance(value, dict) and value:
        inner = [f"  {_text(name)}: {_text(each)}" for name, each in value.items()]
        return "{\n" + ",\n".join(inner) + "\n}"
    if isinstance(value, list) and value:
        return "[\n" + ",\n".join(f"  {_text(each)}" for each in value) + "\n]"
    return _text(value)


def _text(value: Any) -> str:
    return msgspec.json.encode(value).decode()
