"""The words that the gate knows: what opens an answer without being one, what talks about one, what counts.

Rule 1: general vocabulary only. A word is here because it carries no result in any question.
"""

import re


def _words(*groups: str) -> frozenset[str]:
    return frozenset(word for group in groups for word in group.split())


STOP = _words(
    "a an the this that these those it its i we you they he she my our your their me us them here there",
    "is are was were be been being am do does did have has had will would can could shall should may might must",
    "of to in on at by for from with as into over about up and or but so then than thus hence therefore because since",
    "if when while which who whom whose what where how why all any each every some no not only just also very "
    "more most",
    "now well ok okay please very quite really let's i'll i'm we'll it's that's here's",
)
OPENER = _words(
    "solution answer response result reply final complete full detailed rigorous correct clear concise brief short",
    "step steps thought thoughts thinking process reasoning explanation explain analysis analyse analyze approach "
    "method",
    "let lets us solve solving work working compute calculate calculating find determine consider break down problem",
    "question task exercise carefully first firstly next finally start begin beginning follows following below above",
    "sure certainly course absolutely great good happy glad help great hello hi yes right alright understood "
    "thanks thank",
    "ask asked given provide provided show present derive derivation proof output summary conclusion overview "
    "introduction",
    "think through take look go going need needed want wanted together straightforward simple easy interesting "
    "important",
    "understand understanding see hmm i'd considering analyzing analysing examining examine denote obtain obtained get",
    "calculation computation worked after have proceed happy asks moment tackle dive recall recalling recalled restate",
    "state stating questions option options",
    "verify check double careful systematic systematically logical logically thorough thoroughly structured proceed it",
    # The same openers in other languages, as single words.
    "solución solucion respuesta vamos resolver paso a problema la el los de es final razonamiento resultado",
    "resolverlo lautet решим задачу шагам по это est sera",
    "réponse reponse résolvons étape par problème solution raisonnement résultat voici le les des une un",
    "lösung loesung antwort schritt für aufgabe ergebnis rechnung hier ist die der das wir lösen",
    "solução solucao resposta passo vamos soluzione risposta passaggio решение ответ решим шаг за шагом давайте задачу",
    "объяснение рассмотрим çözüm cevap adım rozwiązanie odpowiedź oplossing antwoord lösning svar",
    "lassen sie uns dies diese dieses dieser aufgaben zuerst zunächst betrachten betrachte ich werde löse lautet wie",
    "folgt nun gehen beginnen analyse gerne natürlich selbstverständlich frage gute gemeinsam ausführliche",
    "resolvamos esto este para primero debemos analizarlo analizar analicemos continuación se presenta aquí está",
    "tienes claro supuesto pregunta explicación detallada siguiente comenzemos comencemos empecemos juntos forma lo",
    "ce cette ceci cela commençons analyser analysons nous allons résoudre question bien sûr d'abord je vais",
    "isto esta este analisar começar risolviamo questo questa passo analizziamo ecco vediamo",
    "рассмотрим решение задачи решим это сначала начнём начнем вот подробное конечно давай",
    "lời giải đáp án الحل الجواب الإجابة समाधान उत्तर 풀이 해설 정답 답 해답",
    "かいせつ 解説 解答 答え こたえ 解法 回答",
)
TALK = _words(
    "accurate accurately correctly exact exactly precise precisely perfect perfectly valid true verified checked "
    "computed",
    "calculated obtained derived shown proven proved value values required desired expected follow follows "
    "followed give",
    "gives given yield yields using used use definition definitions formula rule rules known fact facts reason reasons",
    "certain certainty confident confidence doubt doubtless sound consistent matches match reference standard expert",
    "error errors mistake mistakes without condition conditions statement information sufficient enough provided above",
    "walk bit again try trying excellent wonderful",
    "obvious classic insight key angle another trust believe sorry apologize apologise able unable ability helpful",
    "assist assistance request requested ai language model large trained assistant number quantity unknown unknowns",
    "one possible solved see trivial done qed got get reached arrive arrived arrives leads lead led indeed clearly "
    "obviously evidently simply directly same",
)
ARGUED = _words(
    "algebra symmetry cases case theorem lemma identity equation equations well-known known induction contradiction",
    "logic mathematics math approach technique technical argument arguments proof proofs manipulation manipulations",
)
"""What an argument leans on: no answer, unless the reference names it."""
NUMBER = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen",
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion",
    "half third thirds quarter quarters fourth fifth sixth seventh eighth ninth tenth dozen once twice thrice single",
    "double unity triple none nothing infinite infinity infinitely pi never always empty impossible undefined diverges",
    "uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece veinte cien mil",
    "un deux trois quatre cinq sept huit neuf dix onze douze treize vingt trente quarante cinquante cent mille",
    "eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf zwanzig dreißig vierzig fünfzig hundert tausend",
    "один два три четыре пять шесть семь восемь девять десять одиннадцать двенадцать двадцать тридцать сорок сто",
)
PLACEHOLDER = frozenset(
    [
        *"null none nil nan undefined unknown n/a n.a. na tbd tba todo fixme placeholder xxx empty void missing "
        "nothing 无 空 暂无 待定 未知 略 なし 不明".split(),
        *"done finished ok okay ans qed q.e.d solved proved option options".split(),
        "hence proved",
        "we are done",
        "no answer",
        "no output",
        "no result",
        "lorem ipsum",
        "error",
        "timeout",
        "not available",
        "not applicable",
        "no response",
        *"redacted blank omitted idk dunno removed deleted censored".split(),
        "your answer here",
        "answer here",
        "insert answer",
    ]
)
# Phrases of Chinese, Japanese and Korean openers: these scripts have no spaces to cut at.
_CJK_PHRASES = _words(
    "解法 方法 说明 让我们 我们 我来 让我 一步一步 逐步 一步步 仔细 详细 认真 完整 严谨 来 地 先 分析",
    "解决 解答 计算 求解 回答 思考 推理 解释 看看 看 一下 这道题 这道题目 这个问题 该题 本题 题目",
    "问题 首先 好的 当然 可以 没问题 下面 以下 如下 接下来 那么 现在 最终 最后 答案 结果 结论 过程",
    "步骤 思路 解题 解析 解 答 是 为 的 了 吧 呢 请 将 对 进行 给出 开始 考虑 要 需要 根据 题意 問題",
    "理解 审题 读题 梳理 帮 您 你 回顾 一起 很高兴 谢谢 次 質問",
    "答え みましょう いてみ 解説 解題 解き方 過程 題目 ステップ 考え ましょう まず この 解い 解き て",
    "みます いきます です は を で かいせつ とおり しましょう 理解し 示し 示す します しよう ます",
    "ください もちろん ありがとうございます について いき の に バイ",
    "입니다 은 는 이 가 풀이 해설 정답 문제 단계별로 풀어 보겠습니다 살펴 먼저 해결 하겠습니다 봅시다",
    "생각해 다음과 같습니다 을 를 의 에 대해 단계 별로 로 답",
)
OPENER_CJK = re.compile("|".join(sorted(_CJK_PHRASES, key=len, reverse=True)))
NUMBER_CJK = re.compile("[零〇一二三四五六七八九十百千万亿两半]")
NOT_A_NUMBER_CJK = re.compile(
    "一步|一个|一下|一样|一定|一种|一些|统一|唯一|第一步|一道|一切|一直|万一|十分|千万|一般|进一步"
)
EMPTY_SET = re.compile(
    r"\\(?:emptyset|varnothing)|[∅⌀]|\bempty\b|\bno\s+(?:such\s+)?\w+s\b|no\s+solution|\bnone\b|无解|空集",
    re.IGNORECASE,
)
NON_COMMITTAL = re.compile(
    r"can(?:not|'t|not be)\s+(?:be\s+)?(?:determined?|answer(?:ed)?|sa(?:y|id)|known?|tell|told|conclud\w*"
    r"|decid\w*|solv\w*)"
    r"|^\W*(?:it|that|this)\s+depends\b|\bno\s+idea\b|\bwho\s+can\s+say\b|\b(?:is\s+)?unclear\b|\bill-?\s?posed\b"
    r"|up\s+to\s+(?:interpretation|you)\b|could\s+be\s+anything|exercise\s+(?:to|for)\s+the\s+reader"
    r"|not\s+enough\s+information|insufficient\s+(?:information|data)|depends?\s+on|(?:i\s+)?(?:do\s+not|don't"
    r"|dont)\s+know"
    r"|no\s+(?:definite|clear|single|unique)\s+answer|impossible\s+to\s+(?:say|tell|know|determine)"
    r"|hard\s+to\s+say|who\s+knows"
    r"|i(?:'m|\s+am)\s+(?:not\s+sure|unable|unsure)|(?:un|in)determin\w+|left\s+to\s+the\s+reader"
    r"|open\s+to\s+interpretation"
    r"|i\s+apologi[sz]e\b|\bas\s+an\s+ai\b|don't\s+have\s+the\s+ability|\bnot\s+able\s+to\b"
    r"|i\s+can(?:'t|not)\s+(?:help|assist|answer|provide)|无法(?:确定|判断|回答|得出)|不(?:知道|确定|清楚)|信息不足|取决于|视情况而定|看情况",
    re.IGNORECASE,
)
REFUSAL = re.compile(
    r"\b(?:as\s+an?\s+(?:ai|(?:large\s+)?language\s+model)\b|i(?:'m|\s+am)\s+(?:very\s+)?sorry\b|i\s+apologi[sz]e\b)[^.\n]{0,60}"
    r"\b(?:can(?:'t|not)|unable|not\s+able|don't|do\s+not|won't)\b",
    re.IGNORECASE,
)
"""A refusal, whatever was asked; the others may be right where nothing says what is."""
YES_OR_NO = _words(
    "yes no true false correct incorrect right wrong agree disagree 是 否 对 错 不是 正确 错误 はい いいえ"
    " ja nein oui non sí да нет",
)
