"""Every instruction that can be checked, under IFEval's id. To add one: write its function, add its line."""

from collections.abc import Mapping

from verifiers.instructions import format as formats
from verifiers.instructions import keywords, language, length, wording
from verifiers.instructions.check import Check

CHECKS: Mapping[str, Check] = {
    "change_case:capital_word_frequency": Check(
        wording.capital_word_frequency, {"capital_frequency": int, "capital_relation": str}
    ),
    "change_case:english_capital": Check(wording.english_capital, {}),
    "change_case:english_lowercase": Check(wording.english_lowercase, {}),
    "combination:repeat_prompt": Check(wording.repeat_prompt, {"prompt_to_repeat": str}),
    "combination:two_responses": Check(wording.two_responses, {}),
    "detectable_content:number_placeholders": Check(formats.number_placeholders, {"num_placeholders": int}),
    "detectable_content:postscript": Check(formats.postscript, {"postscript_marker": str}),
    "detectable_format:constrained_response": Check(formats.constrained_response, {}),
    "detectable_format:json_format": Check(formats.json_format, {}),
    "detectable_format:multiple_sections": Check(
        formats.multiple_sections, {"section_spliter": str, "num_sections": int}
    ),
    "detectable_format:number_bullet_lists": Check(formats.number_bullet_lists, {"num_bullets": int}),
    "detectable_format:number_highlighted_sections": Check(
        formats.number_highlighted_sections, {"num_highlights": int}
    ),
    "detectable_format:title": Check(formats.title, {}),
    "keywords:existence": Check(keywords.existence, {"keywords": list}),
    "keywords:forbidden_words": Check(keywords.forbidden_words, {"forbidden_words": list}),
    "keywords:frequency": Check(keywords.frequency, {"keyword": str, "frequency": int, "relation": str}),
    "keywords:letter_frequency": Check(
        keywords.letter_frequency, {"letter": str, "let_frequency": int, "let_relation": str}
    ),
    "language:response_language": Check(language.response_language, {"language": str}),
    "length_constraints:nth_paragraph_first_word": Check(
        length.nth_paragraph_first_word, {"num_paragraphs": int, "nth_paragraph": int, "first_word": str}
    ),
    "length_constraints:number_paragraphs": Check(length.number_paragraphs, {"num_paragraphs": int}),
    "length_constraints:number_sentences": Check(length.number_sentences, {"num_sentences": int, "relation": str}),
    "length_constraints:number_words": Check(length.number_words, {"num_words": int, "relation": str}),
    "punctuation:no_comma": Check(wording.no_comma, {}),
    "startend:end_checker": Check(wording.end_checker, {"end_phrase": str}),
    "startend:quotation": Check(wording.quotation, {}),
}
