"""What earlier builds left in build/state.db, doit's memory: of each chapter its ingredients and its time."""

import contextlib
import sqlite3
import sys

from doit.dependency import DatabaseException, Dependency, SqliteDB

from lib.build.execute import BUILD

STATE = BUILD / "state.db"


class Memory(SqliteDB):
    """Is on disk as soon as a chapter is ready, so that a build that is killed keeps what it finished."""

    def set(self, task_id, dependency, value):
        """Remember a value of a task."""
        super().set(task_id, dependency, value)
        with contextlib.suppress(sqlite3.OperationalError):  # on a full disk; it is tried again at the end
            self._write()

    def remove(self, task_id):
        """Keep what is known of a task that failed: it tells whether the results that are there are the right ones."""

    def dump(self):
        """Write what is not yet written, and close."""
        try:
            self._write()
        except sqlite3.OperationalError as error:
            print(f"build/state.db cannot be written: {error}; chapters may be built again.", file=sys.stderr)
        self._conn.close()

    def _write(self):
        with self._conn:
            for task_id in self._dirty:
                row = task_id, self.codec.encode(self._cache[task_id])
                self._conn.execute("insert or replace into doit values (?, ?)", row)
        self._dirty = set()

    def _get_task_data(self, task_id):
        try:
            return super()._get_task_data(task_id)
        except (sqlite3.DatabaseError, ValueError):  # damaged: it counts as never built
            return {}


def recall():
    """Return a function from the name of a task to what its last build left, {} for none."""
    BUILD.mkdir(parents=True, exist_ok=True)
    try:
        return Dependency(Memory, str(STATE)).get_values
    except DatabaseException:  # damaged: everything counts as never built
        return lambda name: {}


def forget_damaged():
    """Remove the memory of earlier builds where it cannot be read; only for who holds the lock."""
    try:
        with contextlib.closing(sqlite3.connect(STATE)) as state:
            whole = state.execute("pragma quick_check").fetchone() == ("ok",)
    except sqlite3.OperationalError:  # somebody else reads it, or it is not there
        return
    except sqlite3.DatabaseError:
        whole = False
    if not whole:
        STATE.unlink()
        STATE.with_name("state.db-journal").unlink(missing_ok=True)  # or it is played back into the next one
