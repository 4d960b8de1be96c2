"""Settings, rows and manifest of a small evaluation."""

import hashlib

import msgspec

from qaloom.config.load import defaults

SETTINGS = {
    "max_new_tokens": 6,
    "origins": ["data", "rule", "augmented"],
    "max_questions": 100,
    "retrieval": {"rows": 0, "max_questions": 10},
    "forgetting": False,
    "judge": defaults()["evaluate"]["judge"],
}
TRAIN = [
    {"id": "11", "instruction": "본원의 주소를 말해 주세요.", "input": "", "output": "가람시"},
    {
        "id": "12",
        "instruction": "Where does it stand?",
        "input": "The institute.",
        "output": "Lantern Street",
    },
]
TRAIN_SHA256 = hashlib.sha256(b"".join(msgspec.json.encode(row) + b"\n" for row in TRAIN)).hexdigest()
MANIFEST = {
    "train": {"rows": 2, "origins": {"data": 2}, "sha256": TRAIN_SHA256},
    "recall": {"rows": 3},
    "unseen": {"rows": 1},
    "facts": {"train": 2},
}
