"""The rows that an annotator's state makes in a study folder: one a trial, one a person."""

import math
from dataclasses import dataclass

from damer.annotation.protocol import PROTOCOL, AnnotatorState, Take
from damer.annotation.samples import timing
from damer.annotation.tables import Samples, StudyAnnotator, Trial
from damer.core.plane import TERM_SET


@dataclass(frozen=True)
class Client:
    """By what a trial was recorded.

    Attributes:
        name: program and version.
        device: mouse, touch, keyboard, gamepad, or "" where not known.
        rate_hz: samples a second that it means to send.
        output_latency_ms: from the media clock to the ear, as it says; NaN where not known.
        clock_offset_ms: server's clock minus the client's; NaN where not known.
    """

    name: str
    device: str = ""
    rate_hz: float = 20.0
    output_latency_ms: float = math.nan
    clock_offset_ms: float = math.nan


def trial_row(annotator: str, take: Take, samples: Samples, client: Client) -> Trial:
    """Return the row of a take that has ended.

    Args:
        annotator: pseudonym.
        take: from the state.
        samples: what was recorded in it.
        client: by what.
    """
    return Trial(
        trial_id=take.trial_id,
        annotator=annotator,
        track_id=take.track,
        kind=take.kind,
        duplicate_of=take.duplicate_of,
        valid=take.valid,
        started_at=take.started_at,
        finished_at=take.ended_at,
        interrupted=not take.valid,
        device=client.device,
        reset_s=math.nan if take.reset_s is None else take.reset_s,
        protocol=PROTOCOL,
        terms=TERM_SET,
        client=client.name,
        output_latency_ms=client.output_latency_ms,
        clock_offset_ms=client.clock_offset_ms,
        **timing(samples, client.rate_hz),
    )


def annotator_row(state: AnnotatorState) -> StudyAnnotator:
    """Return the row of an annotator; cohorts are numbered from 1, status is the phase while it goes on."""
    status = state.phase if state.status == "active" else state.status
    plan = state.course.plan
    return StudyAnnotator(plan.annotator, str(plan.cohort + 1), state.calibrated, status)
