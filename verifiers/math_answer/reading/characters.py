"""Characters beside ASCII that mean mathematics, and the plain form the reader takes them in. Data only."""

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱ"
SUPERSCRIPTS_PLAIN = "0123456789+-()ni"
SUBSCRIPTS = "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₙᵢₖ"
SUBSCRIPTS_PLAIN = "0123456789+-()nik"

_INVISIBLE = (
    "\u200b\u200c\u200d\u2060\ufeff\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u00ad\ufe0f"
)
"""Zero-width characters and direction marks: they carry nothing, and hide things from people."""
_SPACES = "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\r"
_FULL_WIDTH = range(0xFF01, 0xFF5F)
_FULL_WIDTH_SHIFT = 0xFF01 - ord("!")

_COMMANDS = {
    "≤": "le", "⩽": "le", "≦": "le", "≥": "ge", "⩾": "ge", "≧": "ge", "≠": "ne", "≈": "approx", "≒": "approx",
    "≡": "equiv", "∞": "infty", "∪": "cup", "∩": "cap", "∈": "in", "∉": "notin", "∅": "emptyset", "⊂": "subset",
    "⊆": "subset", "±": "pm", "∓": "mp", "√": "sqrt", "∛": "cbrt", "π": "pi", "Π": "Pi", "∀": "forall",
    "∃": "exists", "∧": "wedge", "∨": "vee", "→": "to", "⇒": "Rightarrow", "⇔": "Leftrightarrow", "∑": "sum",
    "∏": "prod", "∫": "int", "∠": "angle", "△": "triangle", "⊥": "perp", "∥": "parallel", "…": "ldots",
    "⋯": "cdots", "∼": "sim", "ℝ": "R", "ℤ": "Z", "ℕ": "N", "ℚ": "Q", "ℂ": "C", "¬": "neg", "⌊": "lfloor",
    "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "⟨": "langle", "⟩": "rangle", "〈": "langle", "〉": "rangle",
    "∘": "circ", "∖": "setminus", "×": "times", "⋅": "cdot", "·": "cdot", "∙": "cdot", "•": "cdot", "÷": "div",
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta", "η": "eta", "θ": "theta",
    "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu", "ξ": "xi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi",
    "ϕ": "phi", "χ": "chi", "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_FRACTIONS = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
}  # fmt: skip
CIRCLED = "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
_ROMAN = "ⅠⅡⅢⅣⅤⅥⅦⅧⅨⅩⅪⅫ"
_PUNCTUATION = {
    "，": ",", "、": ",", "；": ";", "：": ":", "。": ".", "【": "[", "】": "]", "「": "", "」": "", "（": "(",
    "）": ")", "′": "'", "″": "''", "‘": "'", "’": "'", "“": '"', "”": '"', "∕": "/", "⁄": "/", "∗": "*", "＊": "*",
    "∶": ":", "￥": "¥", "∣": "|", "°": "^\\circ ", "º": "^\\circ ", "˚": "^\\circ ", "¢": "\\text{ cents}",
    "℃": "\\text{ celsius}",
}  # fmt: skip

PLAIN: dict[int, str] = {
    **dict.fromkeys(map(ord, _INVISIBLE), ""),
    **dict.fromkeys(map(ord, _SPACES), " "),
    **{code: chr(code - _FULL_WIDTH_SHIFT) for code in _FULL_WIDTH},
    **dict.fromkeys(map(ord, "−‐‑‒–—﹣－"), "-"),
    **{ord(char): f"\\{name} " for char, name in _COMMANDS.items()},
    **{ord(char): f"\\frac{{{top}}}{{{bottom}}}" for char, (top, bottom) in _FRACTIONS.items()},
    **{ord(char): str(n) for n, char in enumerate(_ROMAN, start=1)},
    **{ord(char): plain for char, plain in _PUNCTUATION.items()},
}
"""For `str.translate`."""
