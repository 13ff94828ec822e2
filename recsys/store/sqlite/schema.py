"""The tables of the SQLite store, and how a file of an older version gets them."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE events (
            "offset" INTEGER PRIMARY KEY AUTOINCREMENT,
            event_id TEXT NOT NULL UNIQUE,
            user_id TEXT NOT NULL,
            item_id TEXT NOT NULL,
            event TEXT NOT NULL,
            timestamp INTEGER NOT NULL,
            request_id TEXT,
            position INTEGER,
            propensity REAL,
            value REAL,
            session_id TEXT,
            context TEXT
        ) STRICT""",
        "CREATE TABLE log (identity TEXT NOT NULL) STRICT",
        "INSERT INTO log VALUES (lower(hex(randomblob(16))))",
    ),
    (
        """CREATE TABLE items (
            "offset" INTEGER PRIMARY KEY AUTOINCREMENT,
            item_id TEXT NOT NULL UNIQUE ON CONFLICT REPLACE,
            content TEXT
        ) STRICT""",
        """CREATE TABLE forgotten ("offset" INTEGER PRIMARY KEY, user_digest TEXT NOT NULL) STRICT""",
        "CREATE INDEX events_of_users ON events (user_id)",
    ),
    (
        """CREATE TABLE answered_lists (
            request_id TEXT NOT NULL,
            user_id TEXT,
            timestamp INTEGER NOT NULL,
            model_version TEXT NOT NULL,
            variant TEXT NOT NULL,
            first_position INTEGER NOT NULL,
            items TEXT NOT NULL,
            propensities TEXT NOT NULL,
            shown INTEGER NOT NULL,
            UNIQUE (request_id, variant) ON CONFLICT IGNORE
        ) STRICT""",
        "CREATE INDEX answered_lists_of_users ON answered_lists (user_id, timestamp)",
        "CREATE INDEX answered_lists_by_time ON answered_lists (timestamp)",
    ),
)
"""Statements that take a file from schema version i (its place here) to i + 1. Never changed, only added to."""
