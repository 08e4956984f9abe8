"""A server's part in small: asks the rules, stores what is allowed, drives an annotator through a study."""

from collections.abc import Callable

from damer.annotation.protocol import (
    AnnotatorState,
    Assignment,
    CalibrationJudged,
    Consented,
    Event,
    Invited,
    Next,
    Refusal,
    StudySettings,
    TrainingDone,
    TrialFinished,
    TrialStarted,
    Verdict,
    VolumeChecked,
    apply,
    assign,
    begin,
    check,
    decide,
)

PASSED = Verdict(True, 0.1, 1.0, 0.5)
FAILED = Verdict(False, 0.5, 1.0, 0.5, reasons=("the two hearings differ by 0.50, more than 0.25",))
NOON = 1_780_311_600.0  # 1 June 2026, 11:00 UTC


class Player:
    """One annotator and the events stored so far; every one was allowed by `check`."""

    def __init__(
        self, settings: StudySettings, assignment: Assignment, annotator: str, now: float = NOON
    ) -> None:
        self.settings, self.assignment, self.annotator, self.now = settings, assignment, annotator, now
        self.state: AnnotatorState = begin(settings, assignment, annotator)
        self.events: list[Event] = []
        self.trials = 0

    def attempt(self, event: Event) -> Refusal | None:
        """Store an event if it is allowed; return why it is not."""
        refusal = check(self.state, event)
        if refusal is None:
            self.state = apply(self.state, event)
            self.events.append(event)
        return refusal

    def do(self, event: Event) -> None:
        refusal = self.attempt(event)
        assert refusal is None, (event, refusal)

    @property
    def next(self) -> Next:
        return decide(self.state, self.now)

    def enter(self, timezone: str = "Europe/Berlin") -> None:
        """Come as far as the training."""
        for event in (Invited(self.now, timezone), Consented(self.now), VolumeChecked(self.now)):
            self.do(event)

    def start(self) -> str:
        """Start the next track, which must be allowed."""
        self.trials += 1
        self.do(TrialStarted(self.now, f"{self.annotator}-{self.trials}", self.next.track))
        return f"{self.annotator}-{self.trials}"

    def hear(self) -> str:
        """Hear the next track to its end."""
        trial = self.start()
        assert self.state.open is not None
        self.now += self.state.course.durations[self.state.open.track]
        self.do(TrialFinished(self.now, trial))
        return trial

    def wait(self) -> None:
        """Wait as long as the protocol says."""
        until = self.next.until
        assert until is not None
        assert until > self.now
        self.now = until

    def go(self, until: Callable[["Player"], bool], verdict: Verdict = PASSED) -> None:
        """Do what comes next, again and again, until something is so or nothing is left to do."""
        while not until(self):
            step = self.next.step
            if step in ("training", "retrain", "calibrate", "work"):
                self.hear()
            elif step in ("rest", "done_for_today"):
                self.wait()
            elif step == "training_done":
                self.do(TrainingDone(self.now))
            elif step == "judgement":
                self.do(CalibrationJudged(self.now, verdict))
            else:
                return


def at_work(player: Player) -> bool:
    return player.state.phase == "work"


def never(_: Player) -> bool:
    return False


def player_at_work(
    settings: StudySettings, durations: dict[str, float], now: float = NOON, timezone: str = "Europe/Berlin"
) -> Player:
    """Return an annotator who has just been calibrated, in a study of two annotators."""
    player = Player(settings, assign(settings, durations, ["a", "b"], 0), "a", now)
    player.enter(timezone)
    player.go(at_work)
    return player
