"""A verdict in free text: `read_reply`.

Rule 1: only the judge's own voice counts: not its thinking, not a quote of the candidate, the rubric or the task.
Rule 2: a marked verdict ([[A]], \\boxed{7}, Final Decision: Yes) outweighs prose, prose outweighs a lone label.
Rule 3: marked verdicts that differ contradict each other, unless the last one, and only it, is announced as final.
        In prose the last word wins, but of scores that differ none is the score.
Rule 4: a reply that was cut short counts only where its verdict is marked and announced as final.
Rule 5: what is off the scale, or on another scale, is unread. Nothing is clipped and nothing has a default.
"""

from collections.abc import Sequence

from grm.asking import Unread
from grm.judgement import Reason
from grm.replies.choices import choice_matches, exact_choice
from grm.replies.expected import Expected, ReplyKind
from grm.replies.json_reply import MAX_REPLY_CHARS
from grm.replies.json_verdicts import json_matches, set_aside
from grm.replies.labels import exact_label, label_matches
from grm.replies.matches import Match, Strength, Value
from grm.replies.own_voice import folded, own_voice
from grm.replies.scores import score_matches, scores_matches
from grm.replies.thinking import without_thinking

HEAD_CHARS = 1_000
TAIL_CHARS = 8_000
"""Two pages: a verdict stands at the very beginning or at the end, and patterns over more than that take seconds."""


def read_reply(
    text: str, expected: Expected, *, finish_reason: str = "stop", shown: Sequence[str] = ()
) -> Value | Unread:
    """What the reply decides. `shown` is what the judge was shown, so that quotes of it are not taken.

    >>> read_reply("The second has an error. [[A]]", Expected(ReplyKind.CHOICE))
    'A'
    """
    if len(text) > MAX_REPLY_CHARS:
        return Unread(Reason.UNPARSABLE, f"a reply of {len(text)} characters is no judgement")
    if not text.strip() and finish_reason != "length":
        return Unread(Reason.UNPARSABLE, "the judge said nothing")
    spoken = without_thinking(text)
    if not spoken.strip():
        if finish_reason == "length":
            return Unread(Reason.TRUNCATED, "the judge was cut short before it spoke")
        return Unread(Reason.NO_VERDICT, "the judge thought and said nothing")
    said = _ends(spoken)
    if expected.exact:
        # The label was asked for alone, so its line is no quote, even where a candidate wrote the same line.
        return _exact(folded(said), expected)
    prose, aside = set_aside(folded(said), expected, [folded(one) for one in shown])
    voice = own_voice(prose, shown)
    matches = sorted((*json_matches(voice, aside), *_matches(voice, expected)), key=lambda match: match.at)
    return _decide(matches, expected, finish_reason)


def _ends(spoken: str) -> str:
    """The head and the tail, where verdicts stand."""
    if len(spoken) <= HEAD_CHARS + TAIL_CHARS:
        return spoken
    return spoken[:HEAD_CHARS] + "\n\n" + spoken[-TAIL_CHARS:]


def _exact(voice: str, expected: Expected) -> Value | Unread:
    value: Value | None = None
    if expected.kind is ReplyKind.LABEL:
        value = exact_label(voice)
    elif expected.kind is ReplyKind.SCORE:
        first = voice.strip().split("\n")[0].strip().rstrip(".")
        if first.replace(".", "", 1).isdigit():
            value = float(first)
            if not expected.low <= value <= expected.high:
                return Unread(Reason.OFF_SCALE, f"{value:g} is outside {expected.low:g} to {expected.high:g}")
    else:
        value = exact_choice(voice, expected)
    return Unread(Reason.NO_VERDICT, "no line begins with a label") if value is None else value


def _matches(voice: str, expected: Expected) -> Sequence[Match]:
    match expected.kind:
        case ReplyKind.CHOICE | ReplyKind.PREFERENCE:
            return tuple(choice_matches(voice, expected))
        case ReplyKind.SCORE:
            return tuple(score_matches(voice, expected))
        case ReplyKind.SCORES:
            return tuple(scores_matches(voice, expected))
        case ReplyKind.LABEL:
            return tuple(label_matches(voice))


def _decide(matches: Sequence[Match], expected: Expected, finish_reason: str) -> Value | Unread:
    if not matches:
        reason = Reason.TRUNCATED if finish_reason == "length" else Reason.NO_VERDICT
        return Unread(reason, "no verdict in the judge's own voice")
    strongest = max(match.strength for match in matches)
    heard = [match for match in matches if match.strength is strongest]
    if finish_reason == "length" and not (strongest is Strength.FORMAL and heard[-1].final):
        return Unread(Reason.TRUNCATED, "the judge was cut short before its final verdict")
    chosen = _last_word(heard, strongest)
    if isinstance(chosen, Unread):
        return chosen
    if strongest < Strength.FORMAL and expected.kind is ReplyKind.LABEL and _label_differs(matches, chosen):
        return Unread(Reason.CONTRADICTORY, "a label and the prose beside it differ")
    if chosen.off_scale:
        return Unread(Reason.OFF_SCALE, f"{chosen.value} is not on the scale {expected.low:g} to {expected.high:g}")
    return chosen.value


def _label_differs(matches: Sequence[Match], chosen: Match) -> bool:
    """Whether a lone label says otherwise: "Yes, ... so the answer is incorrect"."""
    return any(match.strength is Strength.BARE and match.value != chosen.value for match in matches)


def _last_word(heard: Sequence[Match], strength: Strength) -> Match | Unread:
    final = [match for match in heard if match.final]
    if len({match.value for match in heard}) == 1:
        return heard[-1]
    if len({match.value for match in final}) == 1 and (strength is not Strength.FORMAL or heard[-1].final):
        return final[-1]
    if strength is Strength.STATED and not isinstance(heard[-1].value, float):
        return final[-1] if final else heard[-1]
    return Unread(Reason.CONTRADICTORY, f"{len(heard)} verdicts that differ")
