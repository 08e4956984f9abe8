"""What a file holds that is not sound, told from how it begins."""

import codecs

HEAD = 4096
"""How many bytes of a file's beginning are looked at."""

_SIGNATURES = (
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"\x89PNG\r\n", "a PNG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\x1f\x8b", "a gzip archive"),
)
_PAGES = ("<!doctype html", "<html")


def not_sound(head: bytes) -> str | None:
    """Return what a file that begins like this holds instead of sound, and what to do; None where unknown.

    Args:
        head: the first `HEAD` bytes of the file, fewer where it is shorter.
    """
    for signature, name in _SIGNATURES:
        if head.startswith(signature):
            return f"holds {name}, not sound; name a music file"
    if head.startswith(b"MThd"):
        return "holds MIDI notes, not sound; make sound of it first, with fluidsynth for example"
    if not head.strip(b"\0"):
        return "holds zeros where sound should be; fetch it again"
    text = _text(head)
    if text is None:
        return None
    if text.lstrip("\ufeff \t\r\n").lower().startswith(_PAGES):
        return "holds a web page, not sound; fetch it again"
    return "holds text, not sound; fetch it again, or name a music file"


def _text(head: bytes) -> str | None:
    """Return the text that the bytes are, in UTF-8 or UTF-16 with its mark; None when they are none."""
    marked = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    decoder = codecs.getincrementaldecoder("utf-16" if marked else "utf-8")()
    try:
        text = decoder.decode(head)  # a character cut in two at the end is no error
    except UnicodeDecodeError:
        return None
    strange = any(ord(character) < 32 and character not in "\t\n\v\f\r\x1b" for character in text)
    return None if strange or not text else text
