"""An annotator's way and a researcher's day over HTTP, on both databases."""

import dataclasses
import io
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from annotate_api import SETTINGS, START, Person, Running, hear, running, start, walk_to

from damer.annotation.records import Study
from damer.annotation.server.app import ServerSettings

ROW = [0, 0.0, 0.0, 0.1, 0.1, 1]


@pytest.fixture
def study(tmp_path: Path, url: str) -> Iterator[Running]:
    settings = ServerSettings(folder=tmp_path, sound_after_s=0.0)
    with running(tmp_path, settings=settings, url=url) as found:
        yield found


def refused(answer: Any, status: int, code: str) -> dict[str, Any]:
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    return dict(answer.json())


def test_the_whole_way(study: Running) -> None:
    """From the invitation to the end, refusals on the way; then the researcher looks and exports."""
    person, clock = study.enter("a01"), study.clock
    _before_the_first_track(person)
    me = walk_to(person, clock, ["training"])
    assert me["audio"]["exemplar"] == {"valence": 0.6, "arousal": 0.6}
    assert me["audio"]["gain_db"] == 0.0
    _one_track_with_a_bad_line(person, study, me)
    me = walk_to(person, clock, ["calibrate"])
    assert (me["number"], me["total"], me["audio"]["exemplar"]) == (1, 4, None)
    _broken_off(person, study, me)
    me = walk_to(person, clock, ["work"])
    assert me["verdict"] == {"passed": True, "attempt": 1}
    me = walk_to(person, clock, ["finished"])
    assert me["audio"] is None
    refused(person.post("/trials", {"audio_name": "0" * 32, "client": {}}), 409, "phase")
    _the_researchers_day(study)


def _before_the_first_track(person: Person) -> None:
    assert person.me()["step"] == "invitation"
    refused(person.post("/me/steps", {"step": "consent", "consent_version": "1"}), 409, "phase")
    refused(person.post("/me/steps", {"step": "invitation"}), 422, "invalid")
    for zone in ("Mars/Olympus", "../../etc/passwd", "", "Europe"):
        answer = person.post("/me/steps", {"step": "invitation", "timezone": zone})
        refused(answer, 422, "invalid")
    me = person.post("/me/steps", {"step": "invitation", "timezone": "America/New_York"}).json()
    assert (me["step"], me["timezone"]) == ("consent", "America/New_York")
    refused(person.post("/me/steps", {"step": "consent", "consent_version": "0"}), 409, "consent")
    refused(person.post("/me/steps", {"step": "consent"}), 409, "consent")
    me = person.send("PUT", "/me/timezone", {"timezone": "Europe/Berlin"}).json()
    assert me["timezone"] == "Europe/Berlin"
    assert not me["profile_done"]
    assert person.get("/me/profile").json()["instruments"] == []
    profile = {
        "age_band": "25_34",
        "gender": "f",
        "training_years": 7,
        "instruments": ["琵琶", "piano"],
        "language": "zh",
    }
    assert person.send("PUT", "/me/profile", profile).status_code == 204
    assert person.get("/me/profile").json() == profile
    assert person.me()["profile_done"]


def _one_track_with_a_bad_line(person: Person, study: Running, me: dict[str, Any]) -> None:
    """Batches that come twice, late, in another order, with other content, or not at all."""
    trial_id, batches = start(person, me), "/trials/{}/batches/{}"
    assert person.me()["open_trial"] == {"trial_id": trial_id, "started_at": study.clock.now, "next_batch": 0}
    refused(person.post("/trials", {"audio_name": me["audio"]["name"], "client": {}}), 409, "listening")
    second = {"samples": [[1, 50.0, 50.0, None, None, 0]], "events": [
        {"kind": "visibility", "position_ms": 20, "client_ms": 20.5, "detail": "hidden"}]}  # fmt: skip
    receipt = person.post(batches.format(trial_id, 1), second).json()
    assert receipt == {"number": 1, "duplicate": False, "next_missing": 0}
    receipt = person.post(batches.format(trial_id, 1), second).json()
    assert receipt == {"number": 1, "duplicate": True, "next_missing": 0}
    refused(person.post(batches.format(trial_id, 1), {"samples": [ROW]}), 409, "conflict")
    study.clock.now += me["audio"]["duration_s"]
    found = refused(person.post(f"/trials/{trial_id}/finish", {"batches": 3}), 409, "missing")
    assert found["missing"] == [0, 2]
    assert person.post(batches.format(trial_id, 0), {"samples": [ROW]}).json()["next_missing"] == 2
    rest = [[n, 50.0 * n, 50.0 * n, 0.5 + 0.001 * n, 0.5, 1] for n in range(2, 60)]
    assert person.post(batches.format(trial_id, 2), {"samples": rest}).json()["next_missing"] == 3
    me = person.post(f"/trials/{trial_id}/finish", {"batches": 3}).json()
    assert me["open_trial"] is None
    assert person.post(f"/trials/{trial_id}/finish", {"batches": 3}).status_code == 200
    for rows in (
        [ROW, ROW],
        [[0, 0.0, 0.0, 0.9, 0.9, 1]],
        [[0, 0.0, 0.0, None, 0.1, 1]],
        [[0, 9e6, 0.0, 0.1, 0.1, 1]],
    ):
        refused(person.post(batches.format(trial_id, 3), {"samples": rows}), 422, "invalid")


def _broken_off(person: Person, study: Running, me: dict[str, Any]) -> None:
    first = start(person, me)
    early = refused(person.post(f"/trials/{first}/finish", {"batches": 0}), 409, "early")
    assert early["until"] == pytest.approx(study.clock.now + 3.0 - SETTINGS.early_s)
    me_after = person.post(f"/trials/{first}/interrupt", {"reason": "telephone"}).json()
    assert me_after["step"] == "rest"
    rest = refused(person.post("/trials", {"audio_name": me["audio"]["name"], "client": {}}), 409, "rest")
    assert rest["until"] == me_after["until"] == study.clock.now + SETTINGS.reset_s
    late = person.post(f"/trials/{first}/batches/0", {"samples": [ROW]})
    assert late.status_code == 200, "what was on its way is taken"
    study.clock.now = rest["until"]
    refused(person.post(f"/trials/{first}/finish", {"batches": 1}), 409, "over")
    again = person.me()
    assert (again["step"], again["number"]) == ("calibrate", 1), "the same place is heard again"
    assert hear(person, study.clock, again).status_code == 200


def _the_researchers_day(study: Running) -> None:
    boss = study.enter("boss", "researcher")
    people = {one["annotator"]: one for one in boss.get("/researcher/progress").json()["annotators"]}
    assert people["a01"]["step"] == "finished"
    assert people["a01"]["done"] == people["a01"]["total"] > 0
    (result,) = boss.get("/researcher/calibrations").json()["results"]
    assert (result["annotator"], result["passed"]) == ("a01", True)
    heard = {one["track_id"]: one["annotators"] for one in boss.get("/researcher/tracks").json()}
    assert [heard[track] for track in ("t04", "t05", "t06", "t07")] == [1, 1, 1, 1]
    archive = zipfile.ZipFile(io.BytesIO(boss.get("/researcher/export").content))
    archive.extractall(study.folder / "exported")
    exported = Study.open(study.folder / "exported" / "test-study")
    assert sum(trial.valid for trial in exported.trials) == 1 + 4 + people["a01"]["done"]
    assert [trial.interrupted for trial in exported.trials].count(True) == 1
    assert {trial.client for trial in exported.trials} == {"test"}


def test_the_cap_of_the_day(tmp_path: Path, url: str) -> None:
    settings = ServerSettings(folder=tmp_path, sound_after_s=0.0)
    capped = dataclasses.replace(SETTINGS, daily_cap_s=7.0)
    with running(tmp_path, settings=settings, protocol=capped, url=url) as study:
        person = study.enter("a01")
        me = walk_to(person, study.clock, ["done_for_today"])
        assert me["today"] == {"listened_s": 6.0, "cap_s": 7.0, "day_ends_at": me["until"]}
        assert me["until"] > START
        study.clock.now += SETTINGS.reset_s
        found = refused(person.post("/trials", {"audio_name": me["audio"]["name"], "client": {}}), 409, "cap")
        assert found["until"] == me["until"]
        study.clock.now = me["until"]
        assert person.me()["step"] == "calibrate"


def test_researchers_actions(study: Running) -> None:
    person, boss = study.enter("a01"), study.enter("boss", "researcher")
    me = walk_to(person, study.clock, ["calibrate"])
    refused(boss.post("/researcher/annotators/a01/readmit"), 409, "phase")
    assert boss.post("/researcher/annotators/a01/pause", {"reason": "talk to me"}).status_code == 204
    assert person.me() | {"step": "paused", "paused_reason": "talk to me", "audio": None} == person.me()
    refused(person.post("/trials", {"audio_name": me["audio"]["name"], "client": {}}), 409, "paused")
    assert boss.post("/researcher/annotators/a01/readmit").status_code == 204
    assert person.me()["step"] == "calibrate"
    for name in ("nobody", "boss", "a01 "):
        refused(boss.post(f"/researcher/annotators/{name}/pause", {}), 404, "not_found")
    refused(boss.post("/researcher/annotators/a01/replace", {}), 409, "conflict")
    assert boss.post("/researcher/annotators/a01/drop", {"reason": "moved away"}).status_code == 204
    assert person.me()["step"] == "dropped"
    answer = boss.post("/researcher/annotators/a01/replace", {"newcomer": "b01"})
    assert answer.status_code == 201
    link = answer.json()
    assert link["annotator"] == "b01"
    assert link["link_path"].startswith("/#/enter/")
    token = link["link_path"].rpartition("/")[2]
    newcomer = study.client.post("/api/v1/session", json={"token": token})
    assert (newcomer.status_code, newcomer.json()["annotator"]) == (200, "b01")
    done = [entry["what"] for entry in boss.get("/researcher/log").json()]
    assert [what for what in reversed(done) if what in ("pause", "readmit", "drop", "replace")] == [
        "pause", "readmit", "drop", "replace"]  # fmt: skip
    assert all(token not in str(entry) for entry in boss.get("/researcher/log").json())


def test_a_new_link_ends_the_old_one(study: Running) -> None:
    person, boss = study.enter("a02"), study.enter("boss", "researcher")
    answer = boss.post("/researcher/annotators/a02/invite")
    assert answer.status_code == 201
    refused(person.get("/me"), 401, "session")
    refused(study.client.post("/api/v1/session", json={"token": person.token}), 401, "token")
    token = answer.json()["link_path"].rpartition("/")[2]
    for _ in range(2):
        assert study.client.post("/api/v1/session", json={"token": token}).status_code == 200


def test_what_everybody_may_know(study: Running) -> None:
    person = study.enter("a03")
    info = person.get("/study").json()
    assert (info["name"], info["reset_s"], info["daily_cap_s"]) == ("Test study", 2.0, 300.0)
    assert len(info["terms"]) == 12
    assert info["terms"][0] == pytest.approx(
        {"name": "happy", "degrees": 15, "valence": 0.9659, "arousal": 0.2588}, abs=1e-4
    )
    assert person.get("/time").json() == {"server_time": START}
    session = person.get("/session").json()
    assert session == {"annotator": "a03", "role": "annotator", "csrf_token": person.csrf,
                       "study": {"name": "Test study", "languages": ["en", "zh"]}}  # fmt: skip


def test_no_two_operations_share_a_place(study: Running) -> None:
    """A track whose id looks like a path is still found, and its two routes are told apart."""
    boss = study.enter("boss", "researcher")
    assert boss.get("/researcher/tracks/t04/trajectories").json()["track_id"] == "t04"
    assert boss.get("/researcher/tracks/t04/audio").headers["content-type"] == "audio/flac"
    for name in ("a/b", "a%2Fb", "t04/x", "é"):
        refused(boss.get(f"/researcher/tracks/{name}/trajectories"), 404, "not_found")
