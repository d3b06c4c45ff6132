"""What a build shows while it runs, and what it says at its end."""

import os
import sys
import threading

from doit.exceptions import UnmetDependency

from lib.build import notebooks
from lib.build.execute import INTERRUPTED, ChapterFailed


def printable(text):
    """Return a text in one line that no terminal takes for a command, whatever file names are in it."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def say(text):
    """Print a line, or nothing where its reader has gone, as `head` does."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        say_no_more()


def say_no_more():
    """Let all that is still to be printed go nowhere: nobody reads it any more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class PlainLines:
    """One line when a chapter starts and one when it ends, for logs and pipes."""

    def started(self, chapter, cells, seconds):
        """Say that a chapter starts."""
        del cells, seconds
        self._say(chapter, "started")

    def cell(self, chapter):
        """Say nothing: single cells are too many for a log."""

    def ended(self, chapter, words):
        """Say how a chapter ended."""
        self._say(chapter, words)

    def stop(self):
        """Do nothing: every line is out already."""

    def _say(self, chapter, words):
        say(f"{chapter.section:6} {chapter.notebook}: {words}")


class LiveLines:
    """A bar for each chapter with its cells and the time left, for a terminal."""

    def __init__(self):
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        self.bars = {}
        self.progress = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), _left_column()
        )
        self.progress.start()

    def started(self, chapter, cells, seconds):
        """Show a bar of so many cells, for a chapter that took so many seconds last time (0: unknown)."""
        name = f"{chapter.section:6} {chapter.notebook}"
        self.bars[chapter.notebook] = self.progress.add_task(name, total=cells, seconds=seconds, words=None)

    def cell(self, chapter):
        """Move the bar on by one cell."""
        self.progress.advance(self.bars[chapter.notebook])

    def ended(self, chapter, words):
        """Write how the chapter ended in place of the time left."""
        self.progress.update(self.bars[chapter.notebook], words=words)

    def stop(self):
        """Leave the bars as they are."""
        self.progress.stop()


def _left_column():
    """Return rich's column for the time left: from the last build's duration, else from the cells so far."""
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Left(ProgressColumn):
        def render(self, task):
            expected = task.fields["seconds"] or (
                task.completed and task.elapsed / task.completed * task.total
            )
            left = f"{max(expected - task.elapsed, 0):.0f} s left" if expected else "time left unknown"
            return Text(task.fields["words"] or left)

    return Left()


class Report:
    """What became of each chapter; the build's threads call it, and so does doit, as its reporter."""

    def __init__(self):
        self.lock = threading.Lock()
        self.lines = LiveLines() if sys.stdout.isatty() else PlainLines()
        self.failures, self.built, self.fresh = [], [], []

    def started(self, chapter, seconds):
        """Say that a chapter starts, which took so many seconds last time (0 if unknown)."""
        cells = len(notebooks.code_cells(notebooks.read(chapter.path)))
        with self.lock:
            self.lines.started(chapter, cells, seconds)

    def cell(self, chapter):
        """Say that a chapter has started another cell."""
        with self.lock:
            self.lines.cell(chapter)

    def finished(self, chapter, seconds):
        """Say that a chapter's results are in place."""
        with self.lock:
            self.built.append(chapter.notebook)
            self.lines.ended(chapter, f"built in {seconds:.1f} s")

    def failed(self, chapter, failure):
        """Say that a chapter failed, and keep why for the end."""
        with self.lock:
            self.failures.append(failure)
            self.lines.ended(chapter, "interrupted" if failure.sentence == INTERRUPTED else "FAILED")

    def end(self):
        """Say for each failure the chapter, the cell, what happened and where the log is; then the counts."""
        self.lines.stop()
        for failure in self.failures:
            where = f" in cell {failure.cell}" if failure.cell else ""
            say(f"\n{failure.notebook} failed{where}:\n  {printable(failure.sentence)}")
            if failure.log:
                say(f"  The whole error is in {failure.log}.")
        counts = [(len(self.built), "built"), (len(self.fresh), "up to date"), (len(self.failures), "failed")]
        say((", ".join(f"{count} {what}" for count, what in counts if count) or "Nothing was built") + ".")

    # doit's reporter interface

    def skip_uptodate(self, task):
        """Count a chapter that needs nothing."""
        self.fresh.append(task.name)

    def add_failure(self, task, fail):
        """Take down a failure that doit found; the build's own ones are known already."""
        notebook = task.name.rpartition("/")[2]
        if notebook not in {failure.notebook for failure in self.failures}:
            sentence = fail.get_msg().strip().splitlines()[-1]
            if isinstance(fail, UnmetDependency):
                sentence = f"It collects from chapters that failed: {sentence.replace('figures/', '')}."
            self.failures.append(ChapterFailed(notebook, sentence))

    def runtime_error(self, message):
        """Say what doit could not do."""
        print(message, file=sys.stderr)

    def _nothing(self, *_):
        pass

    initialize = get_status = execute_task = add_success = skip_ignore = _nothing
    cleanup_error = teardown_task = complete_run = _nothing
