"""Who hears what, in which order: groups of tracks, cohorts of annotators, one plan for each annotator."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from damer.annotation.protocol.orders import (
    Place,
    balanced_orders,
    calibration_sets,
    generator,
    shuffled,
    with_duplicates,
)
from damer.annotation.protocol.settings import StudySettings
from damer.core.errors import DamerError

ASSIGNMENT = "assignment-v1"


@dataclass(frozen=True)
class Exemplar:
    """A track whose place is known, at an extreme of the plane: training shows it with its place.

    Attributes:
        track: its id.
        duration_s: its length, seconds.
        valence, arousal: its place in the unit disc.
    """

    track: str
    duration_s: float
    valence: float
    arousal: float


@dataclass(frozen=True)
class Plan:
    """What one annotator will hear.

    Attributes:
        annotator: pseudonym.
        cohort: number of the cohort, from 0.
        work: the places of the work in order, covert duplicates among them.
        calibration: calibration sets, a fresh one for each attempt.
        replaces: the annotator whose remaining tracks these are; "" for those who were there at the start.
    """

    annotator: str
    cohort: int
    work: tuple[Place, ...]
    calibration: tuple[tuple[Place, ...], ...]
    replaces: str = ""

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks of the work, each once, in order of the first hearing."""
        return tuple(place.track for place in self.work if place.repeats < 0)


@dataclass(frozen=True)
class Assignment:
    """Who hears what in a study.

    Attributes:
        seed: with which it was drawn.
        durations: seconds of every track: work, calibration and exemplars.
        groups: the tracks of the work by group.
        pool: tracks given for calibration only; empty: each annotator's sets are drawn from the groups that
            the annotator does not work on.
        exemplars: tracks of the training, in order.
        plans: one for each annotator.
    """

    seed: int
    durations: Mapping[str, float]
    groups: tuple[tuple[str, ...], ...]
    pool: tuple[str, ...]
    exemplars: tuple[Exemplar, ...]
    plans: Mapping[str, Plan]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "version": ASSIGNMENT,
            "seed": self.seed,
            "durations": dict(self.durations),
            "groups": [list(group) for group in self.groups],
            "pool": list(self.pool),
            "exemplars": [dataclasses.asdict(exemplar) for exemplar in self.exemplars],
            "plans": [
                {
                    "annotator": plan.annotator,
                    "cohort": plan.cohort,
                    "replaces": plan.replaces,
                    "work": _written(plan.work),
                    "calibration": [_written(places) for places in plan.calibration],
                }
                for plan in self.plans.values()
            ],
        }

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> "Assignment":
        """Return the assignment that `to_dict` wrote.

        Raises:
            DamerError: another version, or something is missing.
        """
        if record.get("version") != ASSIGNMENT:
            raise DamerError(
                f"assignment: version {record.get('version')!r}, this damer knows {ASSIGNMENT}; "
                "use the version of damer that wrote it"
            )
        try:
            plans = [
                Plan(
                    str(plan["annotator"]),
                    int(plan["cohort"]),
                    _read(plan["work"]),
                    tuple(_read(places) for places in plan["calibration"]),
                    str(plan["replaces"]),
                )
                for plan in record["plans"]
            ]
            return cls(
                seed=int(record["seed"]),
                durations={str(track): float(length) for track, length in record["durations"].items()},
                groups=tuple(tuple(map(str, group)) for group in record["groups"]),
                pool=tuple(map(str, record["pool"])),
                exemplars=tuple(Exemplar(**exemplar) for exemplar in record["exemplars"]),
                plans={plan.annotator: plan for plan in plans},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DamerError(f"assignment: is damaged ({error!r}); restore it from a copy") from error


def assign(
    settings: StudySettings,
    tracks: Mapping[str, float],
    annotators: Sequence[str],
    seed: int,
    exemplars: Sequence[Exemplar] = (),
    calibration: Mapping[str, float] | None = None,
) -> Assignment:
    """Draw who hears what; the same arguments always give the same answer.

    Group sizes, cohort sizes and the number of annotators of a track differ by one at most; with the default
    design, so does the number of tracks of an annotator. Groups are alike in the length of their tracks.

    Args:
        settings: the rules.
        tracks: seconds of each track of the work, by id.
        annotators: pseudonyms.
        seed: of every draw.
        exemplars: tracks of the training.
        calibration: seconds of tracks kept for calibration; None or empty: each annotator's calibration sets
            are drawn from the groups that the annotator does not work on.

    Raises:
        DamerError: ids are not unique, tracks too long for a day, too few tracks or annotators for the
            design, or too few tracks left for one calibration set.
    """
    pool = dict(calibration or {})
    durations = {**tracks, **pool, **{exemplar.track: exemplar.duration_s for exemplar in exemplars}}
    _check(settings, durations, len(tracks) + len(pool) + len(exemplars))
    _check_counts(settings, len(tracks), annotators)
    groups = _groups(tracks, settings.groups, generator(seed, "groups"))
    empty = Assignment(seed, durations, groups, tuple(sorted(pool)), tuple(exemplars), {})
    plans: dict[str, Plan] = {}
    for cohort, members in enumerate(_cohorts(annotators, settings.cohorts, generator(seed, "cohorts"))):
        own = [groups[group] for group in cohort_groups(settings, cohort)]
        orders = balanced_orders(own, len(members), generator(seed, "orders", cohort))
        for annotator, order in zip(members, orders, strict=True):
            plans[annotator] = _plan(settings, empty, annotator, cohort, order)
    return dataclasses.replace(empty, plans={annotator: plans[annotator] for annotator in annotators})


def cohort_groups(settings: StudySettings, cohort: int) -> tuple[int, ...]:
    """Return the numbers of the groups that a cohort works on.

    Group g goes to the `cohorts_per_group` cohorts that follow one another around the ring from
    g * cohorts_per_group on.
    """
    wide = settings.cohorts_per_group
    return tuple(
        group
        for group in range(settings.groups)
        if cohort in {(group * wide + step) % settings.cohorts for step in range(wide)}
    )


def succeed(
    settings: StudySettings, assignment: Assignment, dropped: str, newcomer: str, remaining: Iterable[str]
) -> Assignment:
    """Give what an annotator who dropped out has not done to a newcomer of the same cohort.

    What the first one did stays and counts. The newcomer is trained and calibrated like anyone else.

    Args:
        settings: the rules.
        assignment: as it is.
        dropped: who left.
        newcomer: pseudonym of who comes.
        remaining: tracks without a valid take, from `open_tracks` of the state of who left.

    Returns:
        The assignment with one more plan; the plan of who left is as it was.

    Raises:
        DamerError: the newcomer is known already, who left is replaced already or has nothing open, or a
            track is none of theirs.
    """
    left = assignment.plans.get(dropped)
    tracks = list(remaining)
    if left is None:
        raise DamerError(f"annotator {dropped}: is not in this study; check the name")
    if newcomer in assignment.plans:
        raise DamerError(f"annotator {newcomer}: is in this study already; choose another name")
    if any(plan.replaces == dropped for plan in assignment.plans.values()):
        raise DamerError(f"annotator {dropped}: is replaced already; nothing of theirs is left to give")
    if not tracks or len(set(tracks)) != len(tracks) or not set(tracks) <= set(left.tracks):
        raise DamerError(f"annotator {dropped}: these are not tracks that they have left open")
    order = shuffled(sorted(tracks), generator(assignment.seed, "orders", newcomer))
    plan = _plan(settings, assignment, newcomer, left.cohort, order)
    plan = dataclasses.replace(plan, replaces=dropped)
    return dataclasses.replace(assignment, plans={**assignment.plans, newcomer: plan})


def _plan(
    settings: StudySettings, assignment: Assignment, annotator: str, cohort: int, order: Sequence[str]
) -> Plan:
    seed = assignment.seed
    work = with_duplicates(
        order, settings.duplicate_every, settings.duplicate_distance, generator(seed, "duplicates", annotator)
    )
    own = set(cohort_groups(settings, cohort))
    others = [group for number, group in enumerate(assignment.groups) if number not in own]
    pool = assignment.pool or sorted(track for group in others for track in group)
    sets = calibration_sets(pool, settings.calibration_distinct, generator(seed, "calibration", annotator))
    if not sets:
        raise DamerError(
            f"annotator {annotator}: {len(pool)} tracks are left for calibration, one set needs "
            f"{settings.calibration_distinct}; add tracks for calibration or set calibration_tracks lower"
        )
    return Plan(annotator, cohort, work, sets)


def _groups(tracks: Mapping[str, float], count: int, rng: Any) -> tuple[tuple[str, ...], ...]:
    """Deal tracks, each run of `count` neighbours in length to all groups: groups of like size and length."""
    groups: list[list[str]] = [[] for _ in range(count)]
    ordered = sorted(tracks, key=lambda track: (tracks[track], track))
    for start in range(0, len(ordered), count):
        run = ordered[start : start + count]
        for group, track in zip(rng.permutation(count), run, strict=False):
            groups[group].append(track)
    return tuple(tuple(sorted(group)) for group in groups)


def _cohorts(annotators: Sequence[str], count: int, rng: Any) -> list[list[str]]:
    """Deal annotators so that any run of cohorts around the ring is as large as any other, but for one.

    Sizes follow the most even pattern there is (Bresenham's line): with it, any two groups have the same
    number of annotators, but for one.
    """
    order = shuffled(sorted(annotators), rng)
    edges = [len(order) * cohort // count for cohort in range(count + 1)]
    return [order[low:high] for low, high in pairwise(edges)]


def _check(settings: StudySettings, durations: Mapping[str, float], count: int) -> None:
    if len(durations) != count:
        raise DamerError("tracks: one of them is in the work, the calibration or the training twice")
    needed = settings.reset_s if settings.cap_counts_reset else 0.0
    for track, length in durations.items():
        if not (math.isfinite(length) and length > 0):
            raise DamerError(f"track {track}: length {length} is not above 0 s")
        if length + needed > settings.daily_cap_s:
            raise DamerError(
                f"track {track}: {length:g} s never fit into a day's {settings.daily_cap_s:g} s; "
                "leave it out or raise daily_cap_s"
            )


def _check_counts(settings: StudySettings, tracks: int, annotators: Sequence[str]) -> None:
    if len(set(annotators)) != len(annotators):
        raise DamerError("annotators: two have the same name; give each their own")
    fewest = math.ceil(settings.cohorts / settings.cohorts_per_group)
    if len(annotators) < fewest:
        raise DamerError(
            f"annotators: {len(annotators)} are too few for {settings.cohorts} cohorts, with "
            f"{settings.cohorts_per_group} for each track; there must be {fewest} or more"
        )
    if tracks < settings.groups:
        raise DamerError(
            f"tracks: {tracks} are too few for {settings.groups} groups; add tracks or lower groups"
        )


def _written(places: Iterable[Place]) -> list[Any]:
    return [place.track if place.repeats < 0 else [place.track, place.repeats] for place in places]


def _read(places: Iterable[Any]) -> tuple[Place, ...]:
    return tuple(
        Place(place) if isinstance(place, str) else Place(str(place[0]), int(place[1])) for place in places
    )
