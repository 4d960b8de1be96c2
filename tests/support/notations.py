"""Values drawn at random, each with the notations that say it: for tests of what reads the same and what does not."""

import random
from collections.abc import Callable

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
Drawn = tuple[tuple, list[str]]  # a value, and its notations


def date(rng: random.Random) -> Drawn:
    y, m, d = rng.randrange(1900, 2100), rng.randrange(1, 13), rng.randrange(1, 29)
    name = MONTHS[m - 1]
    notations = [
        f"{y}년 {m}월 {d}일", f"{y}.{m}.{d}.", f"{y}.{m}.{d}", f"{y}-{m:02}-{d:02}", f"{y}/{m}/{d}", f"{y}. {m}. {d}.",
        f"{y}년 {m:02}월 {d:02}일", f"{name} {d}, {y}", f"{d} {name} {y}", f"{y}년{m}월{d}일", f"{name[:3]} {d}, {y}",
    ]  # fmt: skip
    return ("date", y, m, d), notations


def time(rng: random.Random) -> Drawn:
    h, m = rng.randrange(13, 24), rng.randrange(1, 60)
    notations = [
        f"오후 {h - 12}시 {m}분",
        f"{h}시 {m}분",
        f"{h}:{m:02}",
        f"{h - 12}:{m:02} p.m.",
        f"{h - 12}:{m:02} PM",
    ]
    return ("time", h, m), notations


def full_hour(rng: random.Random) -> Drawn:
    h = rng.randrange(13, 24)
    notations = [
        f"오후 {h - 12}시",
        f"{h}시",
        f"{h}:00",
        f"{h - 12} p.m.",
        f"{h - 12}pm",
        f"{h}시 정각",
        f"{h}시 00분",
    ]
    return ("hour", h), notations


def money(rng: random.Random) -> Drawn:
    n = rng.randrange(1, 10_000) * 1_000
    high, low = divmod(n, 10_000)
    korean = (f"{high}만" if high else "") + (f" {low // 1_000}천" if low else "")
    return ("won", n), [f"{n:,}원", f"{n}원", f"{n:,} 원", f"{korean.strip()} 원", f"₩{n:,}", f"KRW {n:,}"]


def dollars(rng: random.Random) -> Drawn:
    n = rng.randrange(2, 900_000)
    return ("dollar", n), [f"${n:,}", f"{n:,}달러", f"{n} dollars", f"USD {n:,}"]


def length(rng: random.Random) -> Drawn:
    n = (
        f"{rng.randrange(1, 5_000)}.{rng.randrange(1, 10)}"
        if rng.random() < 0.5
        else str(rng.randrange(2, 900))
    )
    unit, names = rng.choice(
        [("km", ["킬로미터", "kilometers"]), ("cm", ["센티미터", "centimeters"]), ("kg", ["킬로그램", "kilograms"]),
         ("mW", ["밀리와트"]), ("MW", ["메가와트"]), ("mA", []), ("MΩ", []), ("mΩ", []), 
         ("%", ["퍼센트", " percent"]), ("m²", ["㎡", "m^2", "제곱미터"]),
         ("MB", ["메가바이트"]), ("Mb", ["메가비트"]), ("mL", ["ml", "밀리리터"]), 
         ("GHz", ["기가헤르츠"]), ("°C", ["℃"])]
    )  # fmt: skip
    return ("amount", n, unit), [f"{n}{unit}", f"{n} {unit}", *(f"{n}{name}" for name in names)]


def days(rng: random.Random) -> Drawn:
    a = rng.randrange(1, 50)
    b = rng.randrange(a + 1, 90)
    return ("days", a, b), [
        f"{a}~{b}일",
        f"{a}∼{b}일",
        f"{a} ~ {b}일",
        f"{a}일~{b}일",
        f"{a}–{b}일",
        f"{a}-{b}일",
    ]


def fraction(rng: random.Random) -> Drawn:
    a = rng.randrange(1, 30)
    b = rng.randrange(a + 1, 90)
    return ("fraction", a, b), [f"{a}/{b}컵", f"{a} / {b}컵", f"{b}분의 {a}컵"]


def ratio(rng: random.Random) -> Drawn:
    a, b = rng.randrange(1, 10), rng.randrange(1, 10)
    return ("ratio", a, b), [f"{a}:{b}", f"{a} : {b}"]


def address(rng: random.Random) -> Drawn:
    parts = [str(rng.randrange(1, 255)) for _ in range(4)]
    return ("address", *parts), [".".join(parts)]


def version(rng: random.Random) -> Drawn:
    parts = [str(rng.randrange(1, 25)) for _ in range(3)]
    return ("version", *parts), [".".join(parts)]


def listing(rng: random.Random) -> Drawn:
    parts = [str(rng.randrange(1, 40)) for _ in range(rng.randrange(2, 5))]
    return ("list", *parts), [", ".join(parts), ",  ".join(parts)]


def lot(rng: random.Random) -> Drawn:
    a, b = rng.randrange(1, 200), rng.randrange(1, 99)
    return ("lot", a, b), [f"{a}-{b}번지", f"{a}-{b} 번지"]


def phone(rng: random.Random) -> Drawn:
    area = rng.choice(["02", "031", "051", "010", "070"])
    a, b = f"{rng.randrange(100 if area != '010' else 1000, 10_000)}", f"{rng.randrange(10_000):04}"
    notations = [f"{area}-{a}-{b}", f"{area} {a} {b}", f"{area}) {a}-{b}", f"({area}) {a}-{b}"]
    return ("phone", area, a, b), [*notations, f"+82-{area[1:]}-{a}-{b}"]


def decimal(rng: random.Random) -> Drawn:
    n = f"{rng.randrange(0, 90)}.{rng.randrange(0, 100)}"
    return ("decimal", n), [n]


def comma(rng: random.Random) -> Drawn:
    n = f"{rng.randrange(1, 90)},{rng.randrange(1, 99)}"
    return ("comma", n), [n]


def code(rng: random.Random) -> Drawn:
    letters = "".join(rng.choice("BCDFGHKLMNPRSTVX") for _ in range(2))
    n = rng.randrange(10, 999)
    return ("code", letters, n), [
        f"{letters}-{n}",
        f"{letters}{n}",
        f"{letters.lower()}{n}",
        f"{letters} {n}",
    ]


def people(rng: random.Random) -> Drawn:
    n = rng.randrange(1, 100)
    ones = ["", "한", "두", "세", "네", "다섯", "여섯", "일곱", "여덟", "아홉"]
    tens = ["", "열", "스물", "서른", "마흔", "쉰"]
    words = [f"{tens[n // 10]}{ones[n % 10]} 명"] if n < 60 and n != 20 else []
    return ("people", n), [f"{n}명", f"{n} 명", *words]


KINDS: list[Callable[[random.Random], Drawn]] = [
    date, time, full_hour, money, dollars, length, days, fraction, ratio, address, version, listing, lot, phone,
    decimal, comma, code, people,
]  # fmt: skip
FRAMES = (
    "{}",
    "답은 {} 입니다.",
    "회의는 {}에 있습니다",
    "It is {} in all.",
    "({})",
    "기준: {}, 예외 없음",
    "제목 {} 끝",
)
