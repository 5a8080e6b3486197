"""A rollout as the front door knows it: treatments are slots of their own, and maps say which bucket is whose. Pure.

Maps:
  splits  host -> NUMBER|SALT|PHASE|UNIT|ANONYMOUS|RELEASE|SHADOW     asked for every request: who is in a rollout?
  alloc   first:last -> VARIANT:RELEASE:KEY     a range of buckets behind the number of a rollout and its phase
  arms    slot -> what it belongs to            asked by the next server only

KEY is a treatment's name among the hosts. It is in capitals, so no client can ask for it. Each phase has ranges of its
own: they are written before the one line of `splits` that names the phase, so that no request is dealt by two phases.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from twelve.core.model.rollout import BUCKETS, Rollout, RolloutStatus
from twelve.core.policy.rollout import SHADOW

KEYS_OF_A_ROLLOUT = BUCKETS
PHASES = 1000  # of a rollout
NEWCOMER = "NEWCOMER"  # among the hosts: who gets a cookie now, and belongs to the control


@dataclass(frozen=True, slots=True)
class Server:
    """A process as HAProxy knows it. `label` is its name, with a ":" behind it for each older one of that name."""

    id: UUID
    label: str
    port: int
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Arm:
    """A treatment, or the shadow; its place tells them apart, and whose processes are its own."""

    place: int
    name: str
    release: int
    slot: str
    ranges: tuple[tuple[int, int], ...] = ()
    servers: tuple[Server, ...] = ()

    @property
    def key(self) -> str:
        return self.slot.upper()

    @property
    def is_shadow(self) -> bool:
        return self.place == SHADOW

    @property
    def is_ready(self) -> bool:
        return any(server.ready for server in self.servers)


@dataclass(frozen=True, slots=True)
class Split:
    """`is_open`: requests are dealt out. When it is over its arms are kept until their processes have drained."""

    number: int
    salt: str
    phase: int
    unit: str
    anonymous: bool
    release: int
    is_open: bool
    arms: tuple[Arm, ...] = ()

    @classmethod
    def of(cls, rollout: Rollout, before: "Split | None", free: Sequence[str]) -> "Split":
        """`free` slots, for arms that were not there before."""
        places = {arm.place: arm for arm in before.arms} if before else {}
        slots = iter(free)
        wanted = [(place, one.name, one.release, one.ranges) for place, one in enumerate(rollout.variants) if place]
        if rollout.shadow is not None:
            wanted.append((SHADOW, "shadow", rollout.shadow, ()))
        arms = [
            replace(places[place], name=name, release=release, ranges=ranges)
            if place in places
            else Arm(place, name, release, next(slots), ranges)
            for place, name, release, ranges in wanted
        ]
        unit, is_open = rollout.unit, rollout.status == RolloutStatus.RUNNING
        release = rollout.control.release
        return cls(
            rollout.slot, rollout.salt, rollout.phase, unit.source, unit.anonymous, release, is_open, tuple(arms)
        )

    @property
    def entry(self) -> str:
        return f"{self.number}|{self.salt}|{self.phase}|{self.unit}|{int(self.anonymous)}|{self.release}"

    @property
    def alloc(self) -> dict[str, str]:
        base = (self.number * PHASES + self.phase) * KEYS_OF_A_ROLLOUT
        return {
            f"{base + first}:{base + last}": f"{arm.name}:{arm.release}:{arm.key}"
            for arm in self.arms
            for first, last in arm.ranges
            if self.is_open
        }

    def arm_entries(self, slot: str) -> dict[str, str]:
        state = f"{int(self.is_open)}|{self.entry}"
        return {arm.slot: f"{slot}|{arm.place}|{arm.name}|{arm.release}|{state}" for arm in self.arms}


def preview(host: str, release: int) -> str:
    """Where one release is seen alone, whoever asks."""
    return f"v{release}--{host}"


def understand(
    arms: Mapping[str, str], alloc: Mapping[str, str], servers: Mapping[str, Sequence[Server]]
) -> dict[str, Split]:
    """What the maps say, by the slot of the app; `servers` by slot."""
    found: dict[str, Split] = {}
    for slot, entry in arms.items():
        owner, place, name, release, is_open, *split = entry.split("|")
        number, salt, phase, unit, anonymous, control = split
        one = found.setdefault(
            owner,
            Split(int(number), salt, int(phase), unit, anonymous == "1", int(control), is_open == "1"),
        )
        arm = Arm(int(place), name, int(release), slot, (), tuple(servers.get(slot, ())))
        arm = replace(arm, ranges=tuple(_ranges(one, arm, alloc)))
        arms_so_far = sorted((*one.arms, arm), key=lambda each: each.place)
        found[owner] = replace(one, arms=tuple(arms_so_far))
    return found


def _ranges(split: Split, arm: Arm, alloc: Mapping[str, str]) -> Iterable[tuple[int, int]]:
    base = (split.number * PHASES + split.phase) * KEYS_OF_A_ROLLOUT
    for keys, owner in alloc.items():
        first, _, last = keys.partition(":")
        if owner.endswith(f":{arm.key}") and base <= int(first) < base + KEYS_OF_A_ROLLOUT:
            yield int(first) - base, int(last) - base
