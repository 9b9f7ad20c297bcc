"""Names that can be told apart by who reads them: nothing unseen, styled or mixed, and no legitimate name refused."""

from __future__ import annotations

import unicodedata

import pytest

from firstsight.legible import fault, look_alikes

NAMES = (
    "alice", "Łukasz Żółć", "José", "Mª José", "O’Brien", "Jean-Luc", "Иван Петров", "Анна Smith", "Ελένη",
    "محمد علی", "علی‌رضا", "می‌خواهم", "מרים", "प्रिया", "क्‍ष", "ශ්‍රී", "สมชาย น้ำ", "กำพล", "山田太郎",
    "山田 タロウ", "ゆきこA", "さいとうX線", "김철수", "김A", "张伟", "㐂", "髙橋", "葛󠄀城", "𠮷野", "ສົມໄຊ",
    "ཚེ་རིང", "አበበ", "Նարեկ", "გიორგი", "Đặng Thị Ngọc", "Nguyễn Văn Ổn", "Ērika", "Iñaki", "Çağla Işık",
    "Οδυσσέας", "Δx", "10kΩ", "5µm", "ＮＨＫ技研", "ﾔﾏﾀﾞ", "ǀGui", "ʻAolani", "Hawaiʻi", "Mƙ", "ɛwe", "ŋ",
    "person 17", "x²", "№ 5", "½ cup", "room #3", "Ⅷ", "'; DROP TABLE", "<script>", "✂ icon", "👍🏽", "ß",
    "naïve", "ᠮᠣᠩᠭᠣᠯ", "ᓄᓇᕗᑦ", "カタカナー", "々", "Ⓐ", "中文ㄅㄆ", "ת״א", "ẞ", "Þór", "ʼn", "தமிழ்", "తెలుగు",
    "മലയാളം", "ന്‍", "בְּרֵאשִׁית", "مُحَمَّد", "لِلّٰهِ", "a_b", "Иван_Ivan", "Анна-Maria",
)  # fmt: skip

UNSEEN = (
    "al\u200bice",
    "\u202eecila",
    "\u2066a\u2069",
    "al\u00adice",
    "al\u3164ice",
    "alice\u115f",
    "a\ufe0flice",
    "a\u034f",
)
UNSEEN += (
    "a\U000e0100",
    "alice\u200d",
    "a\u200cb",
    "a\U000e0061",
    "\ufeffa",
    "a\u2060b",
    "\u2800",
    "a\u2028b",
    "a\u061cb",
)
UNSEEN += ("علی\u200c", "ا\u200cب", "\x1b[31m", "a\nb", "a\x9bb", "\u0301a", "a" + "\u0323\u0301" * 3, "x\u0307\u0307")
ALIKE = (
    "аlice",
    "Αlice",
    "alicе",
    "𝐚lice",
    "ɡoogle",
    "aAｌice",
    "ａlice",
    "ａｌｉｃｅ",
    "pаypal",
    "Ꭺlice",
    "а1b",
    "1１",
    "Joհn",
    "ᴀlice",
)


@pytest.mark.parametrize("name", NAMES)
def test_names_of_all_languages_are_names(name: str) -> None:
    """Letters with marks, joiners where a script needs them, and scripts that are written together are no fault."""
    assert fault(unicodedata.normalize("NFC", name)) is None


@pytest.mark.parametrize("name", [*UNSEEN, *ALIKE], ids=ascii)
def test_what_deceives_is_a_fault(name: str) -> None:
    """What is not seen, turns the text around, is styled, or mixes scripts in a word, is said in words."""
    assert fault(unicodedata.normalize("NFC", name))


@pytest.mark.parametrize(
    ("name", "other"),
    [("Cope", "Соре"), ("Anna Cope", "Anna Соре"), ("Ёсо", "Ëco"), ("TATA", "ΤΑΤΑ")],
)
def test_names_of_two_scripts_are_found_from_either_side(name: str, other: str) -> None:
    """A name whose words look the same in another script leads there, and from there back."""
    assert other in look_alikes(name)
    assert name in look_alikes(other)


def test_a_chosen_shape_is_the_same_name() -> None:
    """What only chooses the shape of a letter, or is a letter for another's sake, leads to the plain name."""
    assert look_alikes("葛\U000e0100城") == ["葛城"]
    assert "fiona" in look_alikes("ﬁona")


def test_most_names_look_like_no_other() -> None:
    """A word with one letter that only its own script has is no look-alike, however the others look."""
    for name in ("Bernd", "person 17", "Иван", "Müller", "山田太郎", "1", "Ελένη"):
        assert look_alikes(name) == [], name
    assert len(look_alikes("Cope Cope Cope Cope Cope Cope Cope Cope")) <= 64
