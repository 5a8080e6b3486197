"""When runtimes and base systems stop getting security fixes: the publishers' dates, with the source of each. Data."""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType

SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "python": "https://devguide.python.org/versions/",
        "node": "https://github.com/nodejs/Release/blob/main/schedule.json",
        "ruby": "https://www.ruby-lang.org/en/downloads/branches/",
        "go": "https://go.dev/doc/devel/release (a release is supported until two newer ones are out)",
        "java": "https://adoptium.net/support/ (long-term releases), https://openjdk.org/projects/jdk/ (the others)",
        "php": "https://www.php.net/supported-versions.php",
        "debian": "https://wiki.debian.org/LTS (end of long-term support)",
        "ubuntu": "https://ubuntu.com/about/release-cycle (end of standard support)",
        "alpine": "https://alpinelinux.org/releases/",
        "centos": "https://www.centos.org/centos-linux/",
    }
)

# A version that is not here and older than one that has ended is at its end as well.
ENDS: Mapping[str, Mapping[str, date]] = MappingProxyType(
    {
        "python": {
            "2.7": date(2020, 1, 1),
            "3.5": date(2020, 9, 30),
            "3.6": date(2021, 12, 23),
            "3.7": date(2023, 6, 27),
            "3.8": date(2024, 10, 7),
            "3.9": date(2025, 10, 31),
            "3.10": date(2026, 10, 31),
            "3.11": date(2027, 10, 31),
            "3.12": date(2028, 10, 31),
            "3.13": date(2029, 10, 31),
            "3.14": date(2030, 10, 31),
        },
        "node": {
            "10": date(2021, 4, 30),
            "11": date(2019, 6, 1),
            "12": date(2022, 4, 30),
            "13": date(2020, 6, 1),
            "14": date(2023, 4, 30),
            "15": date(2021, 6, 1),
            "16": date(2023, 9, 11),
            "17": date(2022, 6, 1),
            "18": date(2025, 4, 30),
            "19": date(2023, 6, 1),
            "20": date(2026, 4, 30),
            "21": date(2024, 6, 1),
            "22": date(2027, 4, 30),
            "23": date(2025, 6, 1),
            "24": date(2028, 4, 30),
            "25": date(2026, 6, 1),
        },
        "ruby": {
            "2.7": date(2023, 3, 31),
            "3.0": date(2024, 4, 23),
            "3.1": date(2025, 3, 26),
            "3.2": date(2026, 3, 31),
            "3.3": date(2027, 3, 31),
            "3.4": date(2028, 3, 31),
        },
        "go": {
            "1.18": date(2023, 2, 1),
            "1.19": date(2023, 8, 8),
            "1.20": date(2024, 2, 6),
            "1.21": date(2024, 8, 13),
            "1.22": date(2025, 2, 11),
            "1.23": date(2025, 8, 12),
            "1.24": date(2026, 2, 11),
        },
        "java": {
            "7": date(2020, 6, 1),
            "8": date(2030, 12, 31),
            "9": date(2018, 3, 1),
            "10": date(2018, 9, 1),
            "11": date(2027, 10, 31),
            "12": date(2019, 9, 1),
            "13": date(2020, 3, 1),
            "14": date(2020, 9, 1),
            "15": date(2021, 3, 1),
            "16": date(2021, 9, 1),
            "17": date(2027, 10, 31),
            "18": date(2022, 9, 1),
            "19": date(2023, 3, 1),
            "20": date(2023, 9, 1),
            "21": date(2029, 12, 31),
            "22": date(2024, 9, 1),
            "23": date(2025, 3, 1),
            "24": date(2025, 9, 1),
            "25": date(2031, 9, 30),
        },
        "php": {
            "7.4": date(2022, 11, 28),
            "8.0": date(2023, 11, 26),
            "8.1": date(2025, 12, 31),
            "8.2": date(2026, 12, 31),
            "8.3": date(2027, 12, 31),
            "8.4": date(2028, 12, 31),
        },
        "debian": {
            "9": date(2022, 6, 30),
            "10": date(2024, 6, 30),
            "11": date(2026, 8, 31),
            "12": date(2028, 6, 30),
            "13": date(2030, 6, 30),
        },
        "ubuntu": {
            "16.04": date(2021, 4, 30),
            "18.04": date(2023, 5, 31),
            "20.04": date(2025, 5, 31),
            "22.04": date(2027, 4, 30),
            "24.04": date(2029, 4, 30),
        },
        "centos": {
            "6": date(2020, 11, 30),
            "7": date(2024, 6, 30),
            "8": date(2021, 12, 31),
        },
        "alpine": {
            "3.15": date(2023, 11, 1),
            "3.16": date(2024, 5, 23),
            "3.17": date(2024, 11, 22),
            "3.18": date(2025, 5, 9),
            "3.19": date(2025, 11, 1),
            "3.20": date(2026, 4, 1),
            "3.21": date(2026, 11, 1),
            "3.22": date(2027, 5, 1),
        },
    }
)
CODENAMES: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "stretch": ("debian", "9"),
        "buster": ("debian", "10"),
        "bullseye": ("debian", "11"),
        "bookworm": ("debian", "12"),
        "trixie": ("debian", "13"),
        "xenial": ("ubuntu", "16.04"),
        "bionic": ("ubuntu", "18.04"),
        "focal": ("ubuntu", "20.04"),
        "jammy": ("ubuntu", "22.04"),
        "noble": ("ubuntu", "24.04"),
    }
)
_MAJOR_ONLY = {"node", "java", "debian", "centos"}


def ended(product: str, version: str, today: date) -> date | None:
    """When support of a version ended, if it has; the epoch for what is older than anything in the table.

    `version` may be as exact as it likes ("3.8.20"); one of too few numbers ("3") says nothing.
    """
    known = ENDS.get(product, {})
    numbers = version.split(".")
    release = numbers[0] if product in _MAJOR_ONLY else ".".join(numbers[:2])
    if release in known:
        return known[release] if known[release] < today else None
    if not known or (len(numbers) < 2 and product not in _MAJOR_ONLY) or not all(map(str.isdigit, numbers[:2])):
        return None
    latest = max((one for one, end in known.items() if end < today), key=_key, default="")
    return date.min if _key(release) < _key(latest) else None


def _key(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".") if part.isdigit())
