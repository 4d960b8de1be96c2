"""Makes question-answer records for benchmarks: Korean and English, seeded, duplicates planted and labelled.

The originals read like a product manual turned into questions: few sentence patterns, many products and
codes, so that records which differ in one word, one digit or one letter crowd together.
"""

import random
import re
import unicodedata
from typing import NamedTuple

SAME = ("exact", "spacing", "typo", "paraphrase")  # one question, one answer: may be merged
DIFFERENT = ("number-changed", "code-changed", "negation-changed")  # alike, and must not be merged
CONFLICT = ("contradiction",)  # one question, two answers: to be reported
KINDS = SAME + DIFFERENT + CONFLICT
PLANTED_SHARE = 0.2
ROWS_PER_DOCUMENT = 25

# fmt: off
KO_ATTRIBUTES = [
    "정격전압", "소비전력", "최대토크", "절연저항", "허용하중", "동작온도", "보관습도", "냉각수유량",
    "배기압력", "흡입압력", "회전속도", "진동기준", "소음수준", "윤활유용량", "교체주기", "점검주기",
    "보증기간", "설치높이", "접지저항", "누설전류", "차단용량", "응답시간", "통신속도", "측정범위",
    "측정오차", "필터등급", "방수등급", "케이블길이", "배터리용량", "충전시간", "예열시간", "정지시간",
    "경보온도", "안전계수", "체결토크", "도장두께", "용접전류", "공급압력", "저장용량", "처리속도",
]
KO_PARTS = [
    "주제어반", "보조펌프", "열교환기", "감속기", "압축기", "송풍기", "집진기", "변압기", "인버터",
    "배전반", "유압실린더", "공압밸브", "온도센서", "압력센서", "유량계", "비상정지장치", "안전난간",
    "컨베이어", "로봇팔", "세척조", "건조기", "보일러", "냉동기", "증발기", "응축기", "저장탱크",
    "교반기", "분쇄기", "선별기", "포장기",
]
EN_ATTRIBUTES = [
    "rated voltage", "power draw", "peak torque", "insulation resistance", "load limit",
    "operating temperature", "storage humidity", "coolant flow", "exhaust pressure", "inlet pressure",
    "shaft speed", "vibration limit", "noise level", "oil capacity", "service interval",
    "warranty period", "mounting height", "ground resistance", "leakage current", "breaking capacity",
    "response time", "baud rate", "measuring range", "filter class", "ingress rating", "cable length",
    "battery capacity", "charging time", "warm-up time", "alarm threshold", "safety factor",
    "coating thickness",
]
EN_PARTS = [
    "control panel", "booster pump", "heat exchanger", "gearbox", "compressor", "blower",
    "dust collector", "transformer", "inverter", "switchboard", "hydraulic cylinder", "air valve",
    "thermal probe", "pressure sensor", "flow meter", "emergency stop", "guard rail", "conveyor",
    "robot arm", "wash tank", "dryer", "boiler", "chiller", "evaporator", "condenser", "storage tank",
    "agitator", "crusher", "sorter", "packer",
]
# fmt: on
KO_PATTERNS = (
    "{name} {code} 모델의 제{n}장에 따르면 {part}의 {attr} 기준값은 얼마입니까?",
    "{name} 설비에서 {part} {attr}을 제{n}조에 맞게 설정하려면 {code} 장치의 값은 무엇입니까?",
    "{code} 운전 중 {name} {part}의 {attr}이 {n}퍼센트를 넘으면 담당자가 먼저 취해야 할 조치는 무엇입니까?",
    "{name} {code} 사용설명서 {n}쪽에 나오는 {part} {attr} 점검 절차는 어떻게 됩니까?",
    "{part} 교체 후 {name} {code}에서 {attr}을 다시 측정하는 시점은 몇 시간 뒤로 {n}항에 정해져 있습니까?",
    "{name} {code} {part}는 {n}단계 {attr} 자동 보정 기능을 지원합니까?",
)
EN_PATTERNS = (
    "What is the {attr} of the {part} in the {name} {code} per section {n}?",
    "According to table {n}, which {attr} applies to the {name} {code} {part}?",
    "What is the first step if the {attr} of {name} {code} {part} exceeds {n}%?",
    "How often must the {part} of {name} {code} be checked for {attr} under rule {n}?",
    "Is the {name} {code} {part} supported at {attr} level {n}?",
    "On page {n}, what is said about the {attr} of the {part} for {name} {code}?",
)
# What the manual says besides: an answer has none to three of these, as the passages of a PDF have.
KO_DETAILS = (
    "측정은 설비를 멈춘 뒤 {n}분이 지나 {place}에서 하고, 결과는 {form}에 적어 {k}년 동안 보관합니다.",
    "기준을 벗어나면 {team}에 알리고 원인을 찾을 때까지 운전을 멈추며, 조치한 내용을 {form}에 남깁니다.",
    "{team} 담당자는 {k}개월마다 값을 다시 확인하고, 차이가 {n}퍼센트를 넘으면 교정을 의뢰합니다.",
    "작업 전에 {place}의 주 전원을 내리고 잠금 표지를 걸어야 하며, 두 사람 이상이 함께 확인합니다.",
)
EN_DETAILS = (
    "Readings are taken at the {place} {n} minutes after shutdown and kept in the {form} for {k} years.",
    "Outside that range, tell the {team}, stop the unit until the cause is found, and note it in the {form}.",
    "The {team} checks the value again every {k} months and has it calibrated if it is off by {n}% or more.",
    "Before any work, cut the main power at the {place}, hang the lock-out tag and have someone check.",
)
# fmt: off
KO_FIELDS = {
    "place": ["제어실", "기계실", "현장 조작반", "옥상 설비실", "전기실", "시험 구역"],
    "team": ["설비관리팀", "안전환경팀", "품질보증팀", "생산기술팀", "정비반"],
    "form": ["점검 기록부", "설비 이력 카드", "교정 대장", "일일 운전 일지"],
}
EN_FIELDS = {
    "place": ["control room", "plant room", "local panel", "roof station", "switch room", "test bay"],
    "team": ["maintenance team", "safety office", "quality team", "process group", "repair crew"],
    "form": ["inspection log", "equipment record", "calibration register", "daily operating log"],
}
# fmt: on
KO_SYLLABLES = (
    "가나다라마바사아자차카타파하거너더러머버서어저처커터퍼허고"
    "노도로모보소오조초코토포호금은동철강진성우현민세한대명광신"
)
# fmt: off
EN_SYLLABLES = [
    "bar", "cel", "dor", "fen", "gal", "hix", "jun", "kor", "lum", "mir", "nex", "ost", "pra", "qui",
    "rav", "sel", "tor", "ulm", "vex", "wyn", "yor", "zan", "bri", "clo", "dra", "fle", "gri",
]
# fmt: on
PARAPHRASES = (
    ("얼마입니까?", "얼마인가요?"),
    ("무엇입니까?", "무엇인가요?"),
    ("됩니까?", "되나요?"),
    ("있습니까?", "있나요?"),
    ("지원합니까?", "지원하나요?"),
    ("What is the", "Could you tell me the"),
    ("which", "what"),
    ("How often", "At what interval"),
    ("Is the", "Can the"),
    ("what is said", "what does it say"),
)
NEGATIONS = (
    ("지원합니까", "지원하지 않습니까"),
    ("supported", "not supported"),
    ("넘으면", "넘지 않으면"),
    ("exceeds", "does not exceed"),
)


class _Product(NamedTuple):
    korean: bool
    name: str
    code: str


def make_records(n: int, seed: int) -> list[dict]:
    """`n` records of `question`, `answer`, `kind` and `of`: the same for the same arguments.

    `kind` is "original" or one of KINDS; `of` is the position of the record it was made from, or None.
    A fifth are planted; a kind that cannot be made from the drawn original is drawn again.
    """
    rng = random.Random(seed)
    rows: list[dict] = []
    seen: set[str] = set()
    product = _product(rng)
    while len(rows) < n:
        if rng.random() < 1 / ROWS_PER_DOCUMENT:
            product = _product(rng)
        if rows and rng.random() < PLANTED_SHARE:
            rows.append(_planted(rng, rows))
            continue
        row = _original(rng, product)
        if row["question"] not in seen:
            seen.add(row["question"])
            rows.append(row)
    return rows


def squash(text: str) -> str:
    """The key that questions are compared by: NFKC, casefold, no spaces or punctuation."""
    return "".join(
        c for c in unicodedata.normalize("NFKC", text).casefold() if unicodedata.category(c)[0] not in "ZPC"
    )


def make_keys(n: int, seed: int) -> list[str]:
    """`n` distinct squashed questions, in the order in which they are made."""
    keys: dict[str, None] = {}
    rows = make_records(n + n // 8, seed)
    for row in rows:
        keys.setdefault(squash(row["question"]))
    if len(keys) < n:
        raise ValueError(f"{len(rows)} records gave {len(keys)} distinct keys, fewer than {n}")
    return list(keys)[:n]


def _product(rng: random.Random) -> _Product:
    korean = rng.random() < 0.6
    syllables = KO_SYLLABLES if korean else EN_SYLLABLES
    name = "".join(rng.choice(syllables) for _ in range(rng.choice((3, 4) if korean else (2, 3))))
    code = (
        "".join(rng.choice("ABCDEFGHKLMNPRSTVX") for _ in range(2))
        + f"-{rng.randrange(10000):04}"
        + rng.choice("ABCDEF")
    )
    return _Product(korean, name if korean else name.capitalize(), code)


def _original(rng: random.Random, product: _Product) -> dict:
    patterns, attributes, parts = (
        (KO_PATTERNS, KO_ATTRIBUTES, KO_PARTS) if product.korean else (EN_PATTERNS, EN_ATTRIBUTES, EN_PARTS)
    )
    fields = {
        "name": product.name,
        "code": product.code,
        "attr": rng.choice(attributes),
        "part": rng.choice(parts),
    }
    question = rng.choice(patterns).format(n=rng.randrange(1, 100), **fields)
    value = f"{rng.randrange(1, 1000)}{rng.choice(('V', 'kW', 'mm', '%', '°C'))}"
    answer = (
        f"{fields['part']}의 {fields['attr']}은 {value}이며 {product.name} 설명서를 따릅니다."
        if product.korean
        else f"The {fields['attr']} of the {fields['part']} is {value}, as the {product.name} manual states."
    )
    details = _details(rng, product.korean)
    return {"question": question, "answer": " ".join([answer, *details]), "kind": "original", "of": None}


def _details(rng: random.Random, korean: bool) -> list[str]:
    patterns, fields = (KO_DETAILS, KO_FIELDS) if korean else (EN_DETAILS, EN_FIELDS)
    chosen = {name: rng.choice(words) for name, words in fields.items()}
    numbers = {"n": rng.randrange(5, 60), "k": rng.randrange(2, 12)}
    return [text.format(**numbers, **chosen) for text in rng.sample(patterns, rng.randrange(4))]


def _planted(rng: random.Random, rows: list[dict]) -> dict:
    while True:
        of = rng.randrange(len(rows))
        kind = rng.choice(KINDS)
        if rows[of]["kind"] != "original":
            continue
        pair = _MAKERS[kind](rng, rows[of]["question"], rows[of]["answer"])
        if pair is not None:
            return {"question": pair[0], "answer": pair[1], "kind": kind, "of": of}


def _exact(rng: random.Random, question: str, answer: str) -> tuple[str, str]:
    return question, answer


def _spacing(rng: random.Random, question: str, answer: str) -> tuple[str, str]:
    """PDF damage: a space lost, a space put inside a word, a line broken."""
    gaps = [i for i, c in enumerate(question) if c == " "]
    lost = rng.choice(gaps)
    question = question[:lost] + question[lost + 1 :]
    at = rng.randrange(1, len(question))
    return question[:at] + " " + question[at:], answer.replace(" ", "\n", 1)


def _typo(rng: random.Random, question: str, answer: str) -> tuple[str, str]:
    """One or two letters dropped, doubled or swapped; digits and codes are left alone."""
    for _ in range(rng.randrange(1, 3)):
        spots = [m.start() for m in re.finditer(r"[a-z가-힣](?=[a-z가-힣])", question)]
        at = rng.choice(spots)
        changed = rng.choice(
            (question[at + 1] + question[at], question[at], question[at : at + 2] + question[at + 1])
        )
        question = question[:at] + changed + question[at + 2 :]
    return question, answer


def _paraphrase(rng: random.Random, question: str, answer: str) -> tuple[str, str] | None:
    return _first_replaced(PARAPHRASES, question, answer)


def _negation_changed(rng: random.Random, question: str, answer: str) -> tuple[str, str] | None:
    return _first_replaced(NEGATIONS, question, _other_value(rng, answer))


def _number_changed(rng: random.Random, question: str, answer: str) -> tuple[str, str] | None:
    """The section number, not the code's, changes by one digit."""
    found = re.search(r"(?<![\w-])(\d+)(?!\d)|제(\d+)", question)
    if found is None:
        return None
    at = found.end() - 1
    digit = str((int(question[at]) + rng.randrange(1, 9)) % 10)
    return question[:at] + digit + question[at + 1 :], _other_value(rng, answer)


def _code_changed(rng: random.Random, question: str, answer: str) -> tuple[str, str] | None:
    """The last letter of the product code changes: another variant of the product."""
    found = re.search(r"-\d{4}([A-F])", question)
    if found is None:
        return None
    letter = rng.choice([c for c in "ABCDEF" if c != found[1]])
    return question[: found.start(1)] + letter + question[found.end(1) :], _other_value(rng, answer)


def _contradiction(rng: random.Random, question: str, answer: str) -> tuple[str, str]:
    return question, _other_value(rng, answer)


def _other_value(rng: random.Random, answer: str) -> str:
    return re.sub(r"\d+", lambda m: str(int(m[0]) + rng.randrange(1, 900)), answer, count=1)


def _first_replaced(changes: tuple, question: str, answer: str) -> tuple[str, str] | None:
    for old, new in changes:
        if old in question:
            return question.replace(old, new, 1), answer
    return None


_MAKERS = {
    "exact": _exact,
    "spacing": _spacing,
    "typo": _typo,
    "paraphrase": _paraphrase,
    "contradiction": _contradiction,
    "number-changed": _number_changed,
    "code-changed": _code_changed,
    "negation-changed": _negation_changed,
}
