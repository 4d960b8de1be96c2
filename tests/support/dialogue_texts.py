"""Texts of dialogues: earlier exchanges, and a chat template that takes no system message."""

HISTORY = [("평일에는 몇 시에 여나요?", "9시에 엽니다."), ("Where?", "2층 🎉")]
GEMMA_2 = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('System role not supported') }}"
    "{% endif %}{% for m in messages %}{% set role = 'model' if m.role == 'assistant' else m.role %}"
    "<start_of_turn>{{ role }}\n{{ m.content | trim }}<end_of_turn>\n{% endfor %}"
    "{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)
