"""Which labels count as the same: words, tables of synonyms, embeddings of real small models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from spa2v.core.errors import ConfigError, WeightsError
from spa2v.core.runtime import Run
from spa2v.plugins.label_maps.embeddings import EmbeddingLabels
from spa2v.plugins.label_maps.normalized import normalized
from spa2v.plugins.label_maps.table import TableLabels


@pytest.mark.parametrize(
    ("label", "plain"), [("A  Car ", "car"), ("the CAR", "car"), ("an", "an"), ("theatre organ", "theatre organ")]
)
def test_normalization(label: str, plain: str) -> None:
    assert normalized(label) == plain


def test_label_tables_from_files(tmp_path: Path) -> None:
    file = tmp_path / "words.json"
    file.write_text(json.dumps({"Automobile": "a car"}))
    table = TableLabels(str(file))
    assert table.name == "table words.json"
    assert table.table(["automobile", "bus"], [], Run()) == {"automobile": "car", "bus": "bus"}
    file.write_text("[1]")
    with pytest.raises(ConfigError, match=r"is not an object of texts\n"):
        TableLabels(str(file)).table(["a"], [], Run())
    with pytest.raises(ConfigError, match="cannot be read"):
        TableLabels(str(tmp_path / "none.json")).table(["a"], [], Run())
    file.write_text('{"a": "b", "b": "c"}')
    with pytest.raises(ConfigError, match=r"^label table: 'a' leads to a word that is itself replaced\n"):
        TableLabels(str(file)).table(["a"], [], Run())


def test_embeddings_map_to_the_nearest_word_of_the_ground_truth() -> None:
    space = {"car": [1.0, 0.0], "automobile": [0.95, 0.3], "piano": [0.0, 1.0], "cloud": [0.7, 0.7]}

    class Given(EmbeddingLabels):
        """With embeddings from the table above in place of a model's."""

        def embed(self, texts, run):
            return np.array([space[text] for text in texts])

    labels = Given("toy", least=0.9)
    found = labels.table(["Automobile", "cloud", "the car"], ["car", "piano"], Run())
    assert found == {"Automobile": "car", "cloud": "cloud", "the car": "car"}
    assert labels.name == "embeddings toy, cosine >= 0.9"


@pytest.mark.parametrize("clip", [True, False])
def test_text_embeddings_of_real_models(clip: bool, tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from tests.kit import tiny_models

    tiny_models.text_encoder(tmp_path, clip)
    labels, run = EmbeddingLabels(str(tmp_path), least=-1.0), Run(device="cpu")
    together, alone = labels.embed(["car", "red dog car"], run), labels.embed(["car"], run)
    assert together.shape == (2, 6 if clip else 16)
    np.testing.assert_allclose(together[0], alone[0], atol=1e-5)  # padding does not leak
    assert not np.allclose(together[0], together[1])
    assert labels.table(["dog"], ["car"], run) == {"dog": "car"}


def test_text_embeddings_refuse_a_folder_without_a_model(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    with pytest.raises(WeightsError, match="is not a usable text model"):
        EmbeddingLabels(str(tmp_path)).embed(["car"], Run(device="cpu"))
