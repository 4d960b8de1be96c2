"""Files of a tokenizer that travel with adapters, merged models and exports."""

import shutil
from pathlib import Path

from qaloom.files import read_json, write_json
from qaloom.inference.encoding import Tokenizer

_SENTENCEPIECE = "tokenizer.model"


def write_tokenizer(tokenizer: Tokenizer, out: Path) -> None:
    """Write a tokenizer to the folder `out`, with the SentencePiece file of the folder that it was loaded from.

    transformers writes neither that file nor, beside it, the tokens that were added to it; programs that read
    it look for those in tokenizer_config.json.
    """
    tokenizer.save_pretrained(out)
    file = Path(tokenizer.name_or_path) / _SENTENCEPIECE
    if not file.is_file():
        return
    if file.resolve() != (out / _SENTENCEPIECE).resolve():
        shutil.copyfile(file, out / _SENTENCEPIECE)
    config = out / "tokenizer_config.json"
    added = {str(id): token.__getstate__() for id, token in tokenizer.added_tokens_decoder.items()}
    write_json(config, read_json(config) | {"added_tokens_decoder": added})
