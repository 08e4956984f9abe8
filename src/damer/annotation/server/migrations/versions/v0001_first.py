"""The first tables, and the triggers that keep records append-only."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NAME = sa.String(100)
APPEND_ONLY = ("events", "trials", "ends", "batches", "consents", "log")


def upgrade() -> None:
    """Make the tables of an empty database."""
    _make_study()
    _make_people()
    _make_records()
    for table in APPEND_ONLY:
        for statement in append_only(table, op.get_bind().dialect.name):
            op.execute(statement)


def append_only(table: str, dialect: str) -> list[str]:
    """Return the statements that make a table append-only."""
    if dialect == "sqlite":
        return [
            f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            for action in ("UPDATE", "DELETE")
        ]
    return [
        f"CREATE FUNCTION {table}_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$",
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        f"FOR EACH ROW EXECUTE FUNCTION {table}_is_append_only()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_is_append_only()",
    ]


def _make_study() -> None:
    op.create_table(
        "study",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("settings", sa.JSON, nullable=False),
        sa.Column("assignment", sa.JSON, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.Column("secret", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
    )
    op.create_table(
        "tracks",
        sa.Column("track_id", NAME, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("duration_s", sa.Double, nullable=False),
        sa.Column("about", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("track_id", name="pk_tracks"),
    )


def _make_people() -> None:
    op.create_table(
        "people",
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("annotator", name="pk_people"),
    )
    op.create_table(
        "invitations",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("token_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("revoked_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        _of("invitations", "annotator", "people"),
    )
    op.create_table(
        "sessions",
        sa.Column("id_hash", sa.LargeBinary, nullable=False),
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
        sa.Column("last_seen", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("id_hash", name="pk_sessions"),
        _of("sessions", "annotator", "people"),
    )
    op.create_table(
        "profiles",
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("answers", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("annotator", name="pk_profiles"),
        _of("profiles", "annotator", "people"),
    )
    op.create_table(
        "consents",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_consents"),
        _of("consents", "annotator", "people"),
    )
    for table in ("invitations", "sessions", "consents"):
        op.create_index(f"ix_{table}_annotator", table, ["annotator"])


def _make_records() -> None:
    op.create_table(
        "events",
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("seq", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("event", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("annotator", "seq", name="pk_events"),
        _of("events", "annotator", "people"),
    )
    op.create_table(
        "trials",
        sa.Column("trial_id", NAME, nullable=False),
        sa.Column("annotator", NAME, nullable=False),
        sa.Column("track_id", NAME, nullable=False),
        sa.Column("opened_at", sa.Double, nullable=False),
        sa.Column("client", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_trials"),
        _of("trials", "annotator", "people"),
        _of("trials", "track_id", "tracks"),
    )
    for column in ("annotator", "track_id"):
        op.create_index(f"ix_trials_{column}", "trials", [column])
    op.create_table(
        "ends",
        sa.Column("trial_id", NAME, nullable=False),
        sa.Column("batches", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", name="pk_ends"),
        _of("ends", "trial_id", "trials"),
    )
    op.create_table(
        "batches",
        sa.Column("trial_id", NAME, nullable=False),
        sa.Column("number", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("samples", sa.LargeBinary, nullable=False),
        sa.Column("events", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("trial_id", "number", name="pk_batches"),
        _of("batches", "trial_id", "trials"),
    )
    op.create_table(
        "log",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("who", NAME, nullable=False),
        sa.Column("what", sa.String(40), nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_log"),
    )


def _of(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    key = "annotator" if other == "people" else column
    return sa.ForeignKeyConstraint([column], [f"{other}.{key}"], name=f"fk_{table}_{column}_{other}")
