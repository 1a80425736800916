"""What a judge said, read: JSON of a schema, or one of the many ways in which judges state a verdict in words."""

from grm.replies.expected import TIE, Expected, ReplyKind
from grm.replies.json_reply import Found, read_json
from grm.replies.reading import read_reply
from grm.replies.thinking import split_thinking, without_thinking

__all__ = ["TIE", "Expected", "Found", "ReplyKind", "read_json", "read_reply", "split_thinking", "without_thinking"]
