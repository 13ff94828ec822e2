"""Small data set folders that tests write."""

from pathlib import Path

from recsys.config import parse_config

ITEMS = "item_id,title\ni1,Lamp\ni2,Chair\n"
HEADER = "user_id,item_id,event,timestamp,event_id,position,propensity,value\n"
GOOD = "u1,i1,click,2024-01-01,,,,\n"
ANY = parse_config({"data": {"max_rejected": 1.0}})


def folder_of(folder: Path, **files: str | bytes) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder
