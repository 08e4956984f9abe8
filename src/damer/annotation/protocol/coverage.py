"""How far a study is: every planned hearing is done, to come, or open after a drop-out. None is lost."""

from collections.abc import Mapping
from dataclasses import dataclass

from damer.annotation.protocol.assignment import Assignment
from damer.annotation.protocol.rules import heard_tracks, open_tracks
from damer.annotation.protocol.state import AnnotatorState


@dataclass(frozen=True)
class Coverage:
    """How often one track was heard, will be, and should be but has nobody to hear it.

    Attributes:
        done: valid first hearings in the work, of whoever, also of annotators who dropped out since.
        to_come: hearings that annotators in the study still have before them.
        open: hearings of annotators who dropped out that nobody took over yet.
    """

    done: int = 0
    to_come: int = 0
    open: int = 0

    @property
    def planned(self) -> int:
        """All three together; it stays what the design says, whoever drops out or takes over."""
        return self.done + self.to_come + self.open


def coverage(assignment: Assignment, states: Mapping[str, AnnotatorState]) -> dict[str, Coverage]:
    """Return the coverage of each track of the work.

    Covert duplicates are no part of it: they measure the annotator, not the track.

    Args:
        assignment: who hears what.
        states: of the annotators; who is not named has not begun.
    """
    counts = {track: [0, 0, 0] for group in assignment.groups for track in group}
    replaced = {plan.replaces for plan in assignment.plans.values()}
    for annotator, plan in assignment.plans.items():
        state = states.get(annotator)
        for track in heard_tracks(state) if state else ():
            counts[track][0] += 1
        left = open_tracks(state) if state else plan.tracks
        if state is None or state.status != "dropped":
            for track in left:
                counts[track][1] += 1
        elif annotator not in replaced:
            for track in left:
                counts[track][2] += 1
    return {track: Coverage(*count) for track, count in counts.items()}
