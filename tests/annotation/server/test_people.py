"""Who may enter, and what a database tells of it to whoever steals it."""

from pathlib import Path

import pytest
from annotation_study import Clock, running

from damer.annotation.server import people
from damer.annotation.server.answers import Conflict, UnknownPerson
from damer.annotation.server.people import is_pseudonym
from damer.annotation.server.service import StudyService

pytestmark = pytest.mark.anyio


async def test_a_link_opens_sessions_until_the_next_one_is_made(url: str) -> None:
    service, researcher = await running(url, Clock())
    first = await service.invite("a01")
    one, two = await service.open_session(first.token), await service.open_session(first.token)
    assert one is not None
    assert two is not None
    assert (one.annotator, one.role) == ("a01", "annotator")
    assert one.cookie != two.cookie
    assert await service.session(one.cookie) == one
    second = await service.invite("a01")
    assert await service.open_session(first.token) is None
    assert await service.session(one.cookie) is None
    assert await service.session(two.cookie) is None
    three = await service.open_session(second.token)
    assert three is not None
    await service.close_session(three.cookie)
    assert await service.session(three.cookie) is None
    await service.people.revoke("a01")
    assert await service.open_session(second.token) is None
    boss = await service.open_session(researcher.token)
    assert boss is not None
    assert boss.role == "researcher"
    for wrong in ("", "x", first.token[:-1], first.token + "x", "é"):
        assert await service.open_session(wrong) is None
        assert await service.session(wrong) is None
    await service.close()


async def test_a_session_lasts_as_long_as_it_is_used(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "_BELIEVED_S", 0.0)
    clock = Clock()
    service, _ = await running(url, clock)
    session = await service.open_session((await service.invite("a01")).token)
    assert session is not None
    for _ in range(4):
        clock.now += 29 * 86400
        assert await service.session(session.cookie) is not None
    clock.now += 30 * 86400 + 1
    assert await service.session(session.cookie) is None
    await service.close()


async def test_another_server_notices_a_revocation(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    one, _ = await running(url, clock, serving=False)
    two = await StudyService.open(url, clock=clock, serving=False)
    session = await one.open_session((await one.invite("a01")).token)
    assert session is not None
    assert await two.session(session.cookie) is not None
    await one.people.revoke("a01")
    monkeypatch.setattr("time.monotonic", lambda: 1e12)  # some seconds later
    assert await two.session(session.cookie) is None
    await one.close()
    await two.close()


async def test_names_have_one_role_and_annotators_are_those_of_the_study(url: str) -> None:
    service, _ = await running(url, Clock())
    with pytest.raises(UnknownPerson):
        await service.invite("a99")
    with pytest.raises(Conflict, match="a01: is annotator"):
        await service.invite("a01", "researcher")
    with pytest.raises(Conflict, match="researcher: is researcher"):
        await service.invite("researcher", "annotator")
    with pytest.raises(Conflict, match="a name has letters"):
        await service.invite("Ada Lovelace", "researcher")
    assert (await service.invite("ada", "researcher")).role == "researcher"
    assert await service.people.invited() == {"researcher", "ada"}
    await service.close()


async def test_a_stolen_database_opens_no_door(tmp_path: Path) -> None:
    path = tmp_path / "study.sqlite3"
    service, link = await running(str(path), Clock())
    token = (await service.invite("a01")).token
    session = await service.open_session(token)
    assert session is not None
    await service.close()
    content = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for secret in (link.token, token, session.cookie):
        assert len(secret) >= 43  # 256 bits
        assert secret.encode() not in content


async def test_profiles_are_kept_apart_and_may_be_changed(url: str) -> None:
    service, _ = await running(url, Clock())
    assert await service.get_profile("a01") is None
    await service.set_profile("a01", {})
    assert await service.get_profile("a01") == {}
    await service.set_profile("a01", {"gender": "–", "instruments": ["钢琴"]})
    assert await service.get_profile("a01") == {"gender": "–", "instruments": ["钢琴"]}
    assert await service.get_profile("a02") is None
    await service.close()


@pytest.mark.parametrize(
    ("name", "fits"),
    [("a01", True), ("A.b-c_9", True), ("", False), ("-a", False), ("a b", False), ("a@b", False),
     ("é", False), ("a" * 65, False), ("a/b", False), ("a\n", False)],
)  # fmt: skip
def test_pseudonyms(name: str, fits: bool) -> None:
    assert is_pseudonym(name) is fits
