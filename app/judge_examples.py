"""The documents of `POST /v1/judge` and `POST /v1/reward` for OpenAPI: each example is sent to a service by a test.

Rule 1: a request example and the response example of the same name belong together.
"""

from typing import Any

from app.examples import body, error, problem
from touchstone_client import contract_judge

_CASE = {
    "id": "poem",
    "question": "Write one sentence about the sea.",
    "candidates": [
        {"id": "a", "response": "The sea keeps its own time, folding every footprint back into sand."},
        {"id": "b", "response": "..."},
    ],
}
_JUDGE_REQUESTS: dict[str, Any] = {
    "two_candidates": {
        "summary": "Two responses to an open question; the second is refused without a model",
        "value": {"deadline_s": 30, "step": 120, "cases": [_CASE]},
    },
    "rubric": {
        "summary": "A rubric, three readings, outcome and process",
        "value": {
            "cases": [
                {
                    "question": "Why is the sky blue?",
                    "candidates": [
                        {"response": "Air scatters short wavelengths more, so blue light reaches us from everywhere."}
                    ],
                    "rubric": [
                        {"id": "cause", "text": "Names scattering by air.", "kind": "essential"},
                        {"id": "plain", "text": "Can be understood by a child.", "kind": "optional", "weight": 0.5},
                        {"id": "ocean", "text": "Says that the sky mirrors the sea.", "kind": "pitfall"},
                    ],
                    "aspects": ["outcome", "process"],
                    "votes": 3,
                }
            ]
        },
    },
    "unknown_protocol": {
        "summary": "Refused: nothing in it can be judged",
        "value": {"cases": [{**_CASE, "protocol": "astrology"}]},
    },
}
_USAGE = {"calls": 2, "prompt_tokens": 1830, "completion_tokens": 410}
_CANDIDATE: dict[str, Any] = {
    "id": "a",
    "status": "scored",
    "reward": 0.78,
    "reason": None,
    "detail": "",
    "outcome": 0.78,
    "process": None,
    "criteria": [
        {
            "id": "imagery",
            "score": 0.78,
            "quote": "folding every footprint back into sand",
            "at": 30,
            "comment": "vivid",
        }
    ],
    "errors": [],
    "first_wrong_step": None,
    "votes": [0.78, 0.78],
    "agreement": 1.0,
    "confidence": 1.0,
    "label_mass": None,
    "flags": [],
    "protocol": "pointwise",
    "model": "judge",
    "prompt_version": "pointwise-1",
    "usage": _USAGE,
}
_REJECTED = _CANDIDATE | {
    "id": "b",
    "status": "rejected",
    "reward": 0.0,
    "reason": "symbols_only",
    "detail": "only symbols were written",
    "outcome": None,
    "criteria": [],
    "votes": [],
    "agreement": None,
    "confidence": None,
    "usage": {"calls": 0, "prompt_tokens": 0, "completion_tokens": 0},
}


def _judged(*results: dict[str, Any]) -> dict[str, Any]:
    return {"value": {"results": list(results), "model": "judge", "alarms": [], "elapsed_ms": 2310.0}}


_JUDGE_RESPONSES: dict[str, Any] = {
    "two_candidates": _judged({"id": "poem", "candidates": [_CANDIDATE, _REJECTED], "cached": False, "problem": None}),
}

_REWARD_REQUESTS: dict[str, Any] = {
    "math_group": {
        "summary": "A group with a reference: the verifier decides",
        "value": {
            "step": 120,
            "items": [
                {"id": "1", "group": "g", "question": "6 * 7?", "response": "\\boxed{42}", "reference": "42"},
                {"id": "2", "group": "g", "question": "6 * 7?", "response": "\\boxed{41}", "reference": "42"},
            ],
        },
    },
    "with_process": {
        "summary": "The verifier decides, the judge looks how the right answer was reached",
        "value": {
            "items": [
                {
                    "question": "6 * 7?",
                    "response": "6 * 7 = 6 * 5 + 6 * 2 = 30 + 12 = 42. The answer is 42.",
                    "reference": "42",
                    "rule": "verifier_then_process",
                }
            ]
        },
    },
    "open_group": {
        "summary": "A group without a reference: judged together",
        "value": {
            "items": [
                {
                    "group": "h",
                    "question": "Write one sentence about the sea.",
                    "response": text,
                    "protocol": "listwise",
                }
                for text in ("The sea keeps its own time.", "Waves are wet.")
            ]
        },
    },
    "unknown_rule": {
        "summary": "Refused: nothing in it can be paid for",
        "value": {"items": [{"question": "6 * 7?", "response": "42", "reference": "42", "rule": "coin_toss"}]},
    },
}


def _rewarded(reward: float, name: str, reason: str, detail: str) -> dict[str, Any]:
    outcome = "correct" if reward else "incorrect"
    verdict = {
        "id": name,
        "task": "math",
        "outcome": outcome,
        "reward": reward,
        "answer": "42" if reward else "41",
        "decided_by": {"stage": "rules", "name": reason},
        "reason": detail,
        "cached": False,
        "details": None,
        "timings_ms": {"quick": 0.02},
        "rules": {"outcome": outcome, "name": reason, "reason": detail},
        "model": None,
        "problem": None,
    }
    return {
        "id": name,
        "group": "g",
        "task": "math",
        "rule": "verifier",
        "reward": reward,
        "status": "scored",
        "reason": reason,
        "detail": detail,
        "components": {"verifier": verdict, "judge": None},
        "problem": None,
    }


_REWARD_RESPONSES: dict[str, Any] = {
    "math_group": {
        "value": {
            "results": [
                _rewarded(1.0, "1", "same_text", "the same text"),
                _rewarded(0.0, "2", "plain_number", "the numbers differ"),
            ],
            "model": None,
            "judge": None,
            "alarms": [],
            "elapsed_ms": 0.6,
        }
    },
}
_UNKNOWN = {
    "unknown_protocol": problem(
        "invalid_request",
        "The request cannot be worked on",
        422,
        "none of the 1 entries can be worked on; `errors` says what to fix",
        {
            "field": "cases[0].protocol",
            "message": "no such protocol; the known ones: `label`, `listwise`, `pairwise`, `pointwise`, `process`",
        },
    )
}
_UNKNOWN_RULE = {
    "unknown_rule": problem(
        "invalid_request",
        "The request cannot be worked on",
        422,
        "none of the 1 entries can be worked on; `errors` says what to fix",
        {
            "field": "items[0].rule",
            "message": "no such rule; the known ones: `judge`, `stratified`, `verifier`, `verifier_then_process`",
        },
    )
}

JUDGE_BODY = body(contract_judge.JudgeRequest.__name__, _JUDGE_REQUESTS)
JUDGE_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": _JUDGE_RESPONSES}}},
    422: error("Nothing in the request can be judged.", _UNKNOWN),
}
REWARD_BODY = body(contract_judge.RewardRequest.__name__, _REWARD_REQUESTS)
REWARD_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": _REWARD_RESPONSES}}},
    422: error("Nothing in the request can be paid for.", _UNKNOWN_RULE),
}

CATALOGUE = {
    "tasks": [{"name": "math", "version": "math-1", "description": "Mathematical answers, whatever their notation."}],
    "protocols": [
        {
            "name": "pointwise",
            "version": "pointwise-1",
            "description": "One response at a time: criteria and findings first, scores last.",
        }
    ],
    "rules": [{"name": "verifier", "version": "1", "description": "The verifier's reward."}],
}
