"""The tables of a running study. Times are UTC seconds.

`events`, `trials`, `batches`, `ends`, `consents` and `log` are append-only: triggers of the database refuse
every change and deletion (see the migrations). Where an annotator stands is kept nowhere: it follows from
`events`.
"""

from sqlalchemy import (
    JSON,
    Column,
    Double,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

NAME = String(100)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

study = Table(
    "study",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),  # 1: there is one
    Column("name", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("settings", JSON, nullable=False),
    Column("assignment", JSON, nullable=False),
    Column("about", JSON, nullable=False),
    Column("secret", LargeBinary, nullable=False),  # from which the opaque names of hearings are made
    Column("revision", Integer, nullable=False),  # counts the changes of the assignment
)

tracks = Table(
    "tracks",
    metadata,
    Column("track_id", NAME, primary_key=True),
    Column("number", Integer, nullable=False),
    Column("file", Text, nullable=False),
    Column("duration_s", Double, nullable=False),
    Column("about", JSON, nullable=False),  # the other columns of a study's tracks.parquet
)

people = Table(
    "people",
    metadata,
    Column("annotator", NAME, primary_key=True),
    Column("role", String(20), nullable=False),
    Column("created_at", Double, nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("annotator", NAME, ForeignKey("people.annotator"), nullable=False, index=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id_hash", LargeBinary, primary_key=True),
    Column("annotator", NAME, ForeignKey("people.annotator"), nullable=False, index=True),
    Column("csrf", String(64), nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
    Column("last_seen", Double, nullable=False),
)

profiles = Table(
    "profiles",
    metadata,
    Column("annotator", NAME, ForeignKey("people.annotator"), primary_key=True),
    Column("answers", JSON, nullable=False),
)

consents = Table(
    "consents",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("annotator", NAME, ForeignKey("people.annotator"), nullable=False, index=True),
    Column("at", Double, nullable=False),
    Column("version", Text, nullable=False),
)

events = Table(
    "events",
    metadata,
    Column("annotator", NAME, ForeignKey("people.annotator"), primary_key=True),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    Column("event", Text, nullable=False),  # one line of JSON, by the protocol
)

trials = Table(
    "trials",
    metadata,
    Column("trial_id", NAME, primary_key=True),
    Column("annotator", NAME, ForeignKey("people.annotator"), nullable=False, index=True),
    Column("track_id", NAME, ForeignKey("tracks.track_id"), nullable=False, index=True),
    Column("opened_at", Double, nullable=False),
    Column("client", JSON, nullable=False),  # program, device, latency, clocks, versions, sound
)

ends = Table(
    "ends",
    metadata,
    Column("trial_id", NAME, ForeignKey("trials.trial_id"), primary_key=True),
    Column("batches", Integer, nullable=False),  # what was heard to its end has these batches, and no more
)

batches = Table(
    "batches",
    metadata,
    Column("trial_id", NAME, ForeignKey("trials.trial_id"), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary, nullable=False),  # sha256 of the two columns below
    Column("received_at", Double, nullable=False),
    Column("samples", LargeBinary, nullable=False),  # see packing.SAMPLE
    Column("events", Text, nullable=False),  # JSON
)

log = Table(
    "log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("at", Double, nullable=False),
    Column("who", NAME, nullable=False),
    Column("what", String(40), nullable=False),
    Column("detail", JSON, nullable=False),
)

APPEND_ONLY = ("events", "trials", "ends", "batches", "consents", "log")
"""Tables whose rows are never changed nor deleted."""
