"""Settings, rows and manifest of a small evaluation."""

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
MANIFEST = {
    "train": {"rows": 2, "origins": {"data": 2}, "sha256": "3" * 64},
    "recall": {"rows": 3},
    "unseen": {"rows": 1},
    "facts": {"train": 2},
}
