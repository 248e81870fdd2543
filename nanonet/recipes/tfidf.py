"""What counting characters reaches: TF-IDF and logistic regression, by scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def tfidf_probabilities(
    texts: Sequence[str], labels: np.ndarray, asked: Sequence[str], ngrams: tuple[int, int] = (1, 3), C: float = 8.0
) -> np.ndarray:
    """Learn from texts (N,) and their labels, 0 or 1; the probability of 1 for each of the texts asked for, (M,).

    ngrams  shortest and longest run of characters that counts; one in a single text does not
    C       the inverse of the penalty's weight
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    counter = TfidfVectorizer(analyzer="char", ngram_range=ngrams, sublinear_tf=True, min_df=2)
    model = LogisticRegression(C=C, solver="liblinear").fit(counter.fit_transform(texts), labels)
    return model.predict_proba(counter.transform(asked))[:, 1]
