"""Legible text: what may stand in a name, by the rules of Unicode for identifiers (UTS 39, UAX 31).

A name is refused where somebody who reads it could take it for another: invisible letters, letters that order the text
anew, styled letters, and words of several scripts that are not written together. Two names that look alike though each
is of one script throughout (``Anna`` in Latin and in Cyrillic) are told apart by :func:`look_alikes`.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator

JOINERS = "\u200c\u200d"
"""Unseen, and needed between some letters: zero width, non-joiner and joiner."""
_VIRAMA = 9  # its combining class
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U00013441-\U00013442\U00016fe4\U0001d159]"
)
"""Default-ignorable or blank, though Python calls them printable."""
_VARIANTS = (
    (re.compile("[\u180b-\u180d\u180f]"), "MONGOLIAN"),
    (re.compile("[\U000e0100-\U000e01ef]"), "CJK"),
)
"""Variation selectors, and the script after whose letters they choose a shape that people have in their names."""
_BREAKING = "آأؤإاةدذرزوٱڈڑژۀۃےۓء"
"""Arabic letters that never join the next one: what follows them is parted from them already."""
_PHONETIC = re.compile("[ɑɡɢɪɴʀʏʙʜʟ\u1d00-\u1d2b\u1d62-\u1d7f\ua730\ua731\uab30-\uab5a]")
"""Of transcriptions, not of names: they look like letters of Latin and are used instead of them to deceive."""
_SIGNS = frozenset("ΓΔΘΛΞΠΣΦΨΩθλμπφψω")
"""Greek letters that are signs of quantities everywhere, and look like no letter of Latin."""
_TOGETHER = (
    frozenset({"HAN", "HIRAGANA", "KATAKANA", "LATIN"}),
    frozenset({"HAN", "HIRAGANA", "KATAKANA", "WIDE"}),
    frozenset({"HAN", "BOPOMOFO", "LATIN"}),
    frozenset({"HAN", "HANGUL", "LATIN"}),
)
"""Scripts that are written together in one word (UTS 39, 5.2, highly restrictive); wide Latin only in Japanese."""
_CALLED = {"WIDE": "wide Latin"}
_NO_SCRIPT = frozenset({"MODIFIER", "MICRO", "FEMININE", "MASCULINE", "COMBINING", "OHM", ""})
_MARKS = 4  # above or below one letter; UTS 39, 5.4


def printable(text: str) -> bool:
    """Whether all of it is seen, or joins or parts letters as Arabic and Indic scripts need it (RFC 5892, A.1, A.2)."""
    if text.isprintable():
        return True
    return all(one.isprintable() or (one in JOINERS and _joins(text, n)) for n, one in enumerate(text))


def fault(text: str) -> str | None:
    """Why a text could be taken for another one, in words; None where it can be told by who reads it."""
    if text.isascii() and text.isprintable():
        return None
    if not printable(text):
        return "it holds what is not printed, or turns the text around"
    if _UNSEEN.search(text) or any(not _chosen(text, *variant) for variant in _VARIANTS):
        return "it holds what nobody sees"
    if _stacked(text):
        return "marks are stacked in it, or begin it"
    for word in words(text):
        if _PHONETIC.search(word) or any(unicodedata.decomposition(c).startswith("<font>") for c in word):
            return f"{word!r} is written in styled or phonetic letters"
        scripts = set(map(_script, word)) - {None}
        if (len(scripts) > 1 or "WIDE" in scripts) and not any(
            scripts <= together and scripts != {"WIDE"} for together in _TOGETHER
        ):
            named = " and ".join(sorted(_CALLED.get(str(s), str(s).title()) for s in scripts))
            return f"{word!r} is of letters of {named}, some of which look alike"
    digits = {ord(c) - unicodedata.decimal(c) for c in text if unicodedata.category(c) == "Nd"}
    return "digits of several scripts are mixed in it" if len(digits) > 1 else None


def words(text: str) -> Iterator[str]:
    """The words: letters, marks and digits up to a blank, a stroke or a sign."""
    for letters, several in itertools.groupby(text, lambda c: unicodedata.category(c)[0] in "LMN" or c in JOINERS):
        if letters:
            yield "".join(several)


def _script(letter: str) -> str | None:
    """The script of a letter, told by its name, in which Unicode puts the script first; None where it has none."""
    if unicodedata.category(letter)[0] != "L" or letter in _SIGNS:
        return None
    first, _, rest = unicodedata.name(letter, "").partition(" ")
    if first == "FULLWIDTH":
        return "WIDE"
    if first == "HALFWIDTH":
        first = rest.partition(" ")[0]
    if first.startswith("KATAKANA"):
        return "KATAKANA"
    if first in ("CJK", "IDEOGRAPHIC"):
        return "HAN"
    return None if first in _NO_SCRIPT else first


def _joins(text: str, at: int) -> bool:
    """Whether the joiner at a place is one that UAX 31 allows: after a virama, or between joining Arabic letters."""
    before = text[:at].rstrip(JOINERS) if text[at - 1 : at] not in JOINERS else ""
    if before and unicodedata.combining(before[-1]) == _VIRAMA:
        return True
    left = next((c for c in reversed(before) if unicodedata.category(c) != "Mn"), "")
    right = next((c for c in text[at + 1 :] if unicodedata.category(c) != "Mn"), "")
    arabic = all(c and unicodedata.bidirectional(c) == "AL" for c in (left, right))
    return text[at] == JOINERS[0] and arabic and left not in _BREAKING


def _chosen(text: str, selectors: re.Pattern[str], script: str) -> bool:
    """Whether variation selectors stand where they may: each after a letter of its script."""
    places = (found.start() for found in selectors.finditer(text))
    return all(at and unicodedata.name(text[at - 1], "").startswith(script) for at in places)


def _stacked(text: str) -> bool:
    """Whether one letter has more marks than any language gives it, or one twice, or there is none under them."""
    apart = unicodedata.normalize("NFD", text)
    for mark, several in itertools.groupby(apart, lambda c: unicodedata.category(c) in ("Mn", "Me")):
        marks = list(several)
        if mark and (len(marks) > _MARKS or any(a == b for a, b in itertools.pairwise(marks))):
            return True
    return bool(apart) and unicodedata.category(apart[0]) in ("Mn", "Me")


_LATIN = {
    "GREEK": ("ABEHIKMNOPTXYZaiopuvy", "ΑΒΕΗΙΚΜΝΟΡΤΧΥΖαιορυνγ"),
    "CYRILLIC": ("ABCEGHIJKMOPSTVWXYacdehijlopqsvwxy", "АВСЕԌНІЈКМОРЅТѴԜХУасԁеһіјӏорԛѕѵԝху"),
    "ARMENIAN": ("OSUfghnoquw", "ՕՏՍքցհոօգսա"),
    "CHEROKEE": ("ABCDEGHJKLMPRSTVWYZbcdhirsvwz", "ᎪᏴᏟᎠᎬᏀᎻᎫᏦᏞᎷᏢᎡᏕᎢᏙᎳᎩᏃᏏꮯᏧᏂꭵꮁꮪꮩꮃꮓ"),
    "COPTIC": ("CHKLMNOPTXYclopr", "ⲤⲎⲔⳐⲘⲚⲞⲢⲦⲬⲨⲥⲒⲟⲣⲅ"),
    "LISU": ("ABCDEFGHIJKLMNOPRSTUVWXYZd", "ꓮꓐꓚꓓꓰꓝꓖꓧꓲꓙꓗꓡꓟꓠꓳꓑꓣꓢꓔꓴꓦꓪꓫꓬꓜꓒ"),
}
"""Letters of Latin, and for each script those of its letters that look like them (confusables.txt of UTS 39)."""
_TO_LATIN = {other: latin for pair in _LATIN.values() for latin, other in zip(*pair, strict=True)}
_TO_LATIN |= dict(zip("үҮҽӀռꙇᎥᏚ", "yYelniiS", strict=True))
_FROM_LATIN = [(frozenset(latin), dict(zip(latin, other, strict=True))) for latin, other in _LATIN.values()]
_MOST = 64  # look-alikes of one name that are thought of
_SOME = "|".join(f"[0-9]*[{latin}][0-9{latin}]*" for latin, _ in _LATIN.values())
_ELSEWHERE = re.compile(f"(?<![0-9A-Za-z])(?:{_SOME})(?![0-9A-Za-z])")  # an ASCII word that another script can write


def look_alikes(text: str) -> list[str]:
    """Other names that look like this one, their words written in another script throughout; most names have none.

    Args:
        text: composed Unicode (NFC), without a :func:`fault`.
    """
    if text.isascii() and not _ELSEWHERE.search(text):
        return []
    bare = text if text.isascii() else "".join(c for c in text if not any(v.match(c) for v, _ in _VARIANTS))
    parts = [
        (letters, "".join(several))
        for letters, several in itertools.groupby(bare, lambda c: unicodedata.category(c)[0] in "LMN")
    ]
    written = [_written(part) if letters else [part] for letters, part in parts]
    found = dict.fromkeys([bare, bare if bare.isascii() else unicodedata.normalize("NFKC", bare)])
    if any(len(ways) > 1 for ways in written):
        found |= dict.fromkeys("".join(one) for one in itertools.islice(itertools.product(*written), _MOST))
    return [one for one in found if one != text]


def _written(word: str) -> list[str]:
    """The word in all scripts in which it looks the same, its own first."""
    apart = word if word.isascii() else unicodedata.normalize("NFD", word)
    latin = apart if word.isascii() else "".join(_TO_LATIN.get(c, c) for c in apart)
    letters = frozenset(filter(str.isalpha, latin))
    if not letters or not "".join(letters).isascii():
        return [word]
    others = ["".join(table.get(c, c) for c in latin) for known, table in _FROM_LATIN if letters <= known]
    return list(dict.fromkeys(unicodedata.normalize("NFC", one) for one in [word, latin, *others]))
