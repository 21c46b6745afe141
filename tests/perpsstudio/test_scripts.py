"""The scripts of the pages hold no words of their own: what they say comes translated from the templates."""

import re
from pathlib import Path

import pytest
from django.conf import settings

SCRIPTS = sorted((settings.BASE_DIR / "static" / "js").glob("*.js"))
TEMPLATES = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
_COMMENT = re.compile(r"^\s*//.*$", re.MULTILINE)
_LITERAL = re.compile(r'"(?:[^"\\\n]|\\.)*"|\'(?:[^\'\\\n]|\\.)*\'|`(?:[^`\\]|\\.)*`')
_WORD = r"[A-Za-z]+(?:['’][a-z]+)?"
_SENTENCE = re.compile(
    rf"{_WORD},? {_WORD},? {_WORD}|^.[A-Z][a-z]+(?: [a-z]+)*[.…!?].$|(?:aria-label|title|placeholder)="
)
_ASKED = re.compile(r"\bwords[A-Z][A-Za-z]*")
_GIVEN = re.compile(r"\bdata-(words-[a-z-]+)=")


def sentences(script: str) -> list[str]:
    """The literals of a script that a person would read."""
    return [literal for literal in _LITERAL.findall(_COMMENT.sub("", script)) if _SENTENCE.search(literal)]


@pytest.mark.parametrize(
    "script",
    [
        'say("You are signed out.");',
        "note.innerHTML = '<button aria-label=\"Dismiss\">×</button>';",
        "words.textContent = `Choose the account ${owner} here`;",
        'words.textContent = "Loading…";',
        'say("Your wallet\'s locked");',
    ],
)
def test_words_in_a_script_are_found(script: str) -> None:
    assert len(sentences(script)) == 1


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_script_holds_no_sentences(path: Path) -> None:
    assert sentences(path.read_text()) == []


def test_every_sentence_a_script_asks_for_is_given_by_a_template() -> None:
    asked = {name for path in SCRIPTS for name in _ASKED.findall(path.read_text())}
    given = {_property(name) for path in TEMPLATES for name in _GIVEN.findall(path.read_text())}

    assert asked - given == set()
    assert given - asked == set()


def _property(attribute: str) -> str:
    """How a script names what a template wrote: "words-not-loaded" is "wordsNotLoaded"."""
    first, *rest = attribute.split("-")
    return first + "".join(part.capitalize() for part in rest)
