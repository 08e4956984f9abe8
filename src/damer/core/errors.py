"""The one exception users see."""


class DamerError(Exception):
    """A problem the user can mend: its message names the file, what is wrong and what to do.

    The command line prints it as one line and exits with 1; it is never shown as a traceback.
    """
