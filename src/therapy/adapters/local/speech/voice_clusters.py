"""How many voices there are, and what each sounds like: the centres of clusters of windows.

Spherical k-means makes more clusters than there are voices; the nearest are then merged. How near two centres
of one voice may lie depends on how near windows lie to their own centre: noise and telephone lines make them
scatter. The figures were tuned on the recordings of `benchmarks/speech.py` and others that were made from
them (docs/reference/speech.md).
"""

import numpy as np
from numpy.typing import NDArray

from therapy.adapters.local.speech.networks import Floats

Labels = NDArray[np.int64]

MOST = 6
"""More people than this are not told apart."""

CLUSTERS, WINDOWS_EACH = 8, 3
"""K-means begins with so many clusters, or fewer where they would have fewer windows each on average."""

ROUNDS = 30

NEAR, NEARER, MANY = 0.68, 0.14, 25
"""Centres whose cosine is more than `NEAR` times the windows' mean cosine to their own centre are one voice;
with `MANY` windows in both, `NEAR + NEARER`: small clusters lie apart by chance."""

LEAST_NEAR, MOST_NEAR = 0.5, 0.72
"""That bound is never outside these."""

ENOUGH, SAME, APART = 10, 0.82, 7.0
"""Two clusters of this many windows stay apart below this cosine if their distance is so many times the
deviation of their means along it (d')."""

FEWEST = 1.5
"""A cluster with fewer whole windows is a noise, not a person."""

LOOSE = 0.8
"""A cluster whose windows are so much less near to its centre than others to theirs is a mixture."""

FEW, RATHER_LOOSE = 4.0, 0.95
"""The same for a cluster with few windows."""

CLEAR = 0.2
"""Only windows that are nearer to their centre than to any other by this define the final centres."""


def voice_centres(points: Floats, weights: Floats, people: int = 0) -> Floats:
    """Return the centres of the voices, none without points, in no order.

    `people` is how many speak, 0 if that is not known: then the number follows from the points.
    """
    if not len(points):
        return points
    least = max(1, people)
    number = max(least, min(CLUSTERS, -(-len(points) // WINDOWS_EACH)))
    found = _Clusters(points, weights, _k_means(points, weights, min(number, len(points))))
    while len(found.centres) > least and (pair := found.one_voice()):
        found = found.merged(*pair)
    while len(found.centres) > least and (noise := found.noise()) is not None:
        found = found.without(noise)
    while len(found.centres) > (people or MOST):
        found = found.merged(*found.most_alike())
    return found.clear_centres()


class _Clusters:
    """The points, each in the cluster of its nearest centre."""

    def __init__(self, points: Floats, weights: Floats, centres: Floats) -> None:
        self.points, self.weights = points, weights
        labels = nearest(points, centres)
        self.centres = _means(points, weights, labels, centres)
        self.labels = nearest(points, self.centres)
        self.sizes = np.bincount(self.labels, weights, minlength=len(centres))
        cosines = (points * self.centres[self.labels]).sum(axis=1) * weights
        sums = np.bincount(self.labels, cosines, minlength=len(centres))
        self.tightness = sums / np.maximum(self.sizes, 1e-9)
        self.own = float(cosines.sum() / weights.sum())

    def merged(self, first: int, second: int) -> "_Clusters":
        """Return the clusters with these two as one."""
        labels = np.where(self.labels == second, first, self.labels)
        labels = np.where(labels > second, labels - 1, labels)
        rest = np.delete(self.centres, second, axis=0)
        return _Clusters(self.points, self.weights, _means(self.points, self.weights, labels, rest))

    def without(self, number: int) -> "_Clusters":
        """Return the clusters without this one; its points go to the nearest others."""
        return _Clusters(self.points, self.weights, np.delete(self.centres, number, axis=0))

    def one_voice(self) -> tuple[int, int] | None:
        """Return the two clusters that are most surely one voice; None if no two are."""
        excess = self._excess()
        while True:
            first, second = self._greatest(excess)
            if excess[first, second] < 0:
                return None
            if not self._apart(first, second):
                return first, second
            excess[first, second] = excess[second, first] = -np.inf

    def most_alike(self) -> tuple[int, int]:
        """Return the two clusters that are one voice if any two are."""
        return self._greatest(self._excess())

    def noise(self) -> int | None:
        """Return the smallest cluster that is no voice; None if there is none."""
        few = self.sizes < FEW
        loose = self.tightness < np.where(few, RATHER_LOOSE, LOOSE) * self.own
        bad = np.flatnonzero(loose | (self.sizes < FEWEST))
        return int(bad[self.sizes[bad].argmin()]) if len(bad) else None

    def clear_centres(self) -> Floats:
        """Return the centres of those points that are clearly nearest to one of them."""
        if len(self.centres) < 2:
            return self.centres
        ordered = np.sort(self.points @ self.centres.T, axis=1)
        clear = ordered[:, -1] - ordered[:, -2] > CLEAR
        counts = np.bincount(self.labels[clear], minlength=len(self.centres))
        means = _means(self.points[clear], self.weights[clear], self.labels[clear], self.centres)
        return np.where(counts[:, None] >= 2, means, self.centres)

    def _excess(self) -> NDArray[np.float64]:
        """Return how much nearer each two centres are than centres of two voices would be."""
        smaller = np.minimum(self.sizes[:, None], self.sizes[None])
        bound = self.own * (NEAR + NEARER * np.minimum(1, smaller / MANY))
        return np.asarray(self.centres @ self.centres.T - np.clip(bound, LEAST_NEAR, MOST_NEAR))

    @staticmethod
    def _greatest(excess: NDArray[np.float64]) -> tuple[int, int]:
        others = np.where(np.eye(len(excess), dtype=bool), -np.inf, excess)
        first, second = np.unravel_index(int(others.argmax()), others.shape)
        return int(min(first, second)), int(max(first, second))

    def _apart(self, first: int, second: int) -> bool:
        """Return whether two large clusters are two voices although they are near each other."""
        if min(self.sizes[first], self.sizes[second]) < ENOUGH:
            return False
        if self.centres[first] @ self.centres[second] >= SAME:
            return False
        one, other = (self.points[self.labels == each] for each in (first, second))
        between = one.mean(axis=0) - other.mean(axis=0)
        length = float(np.linalg.norm(between))
        along = between / (length + 1e-9)
        spread = sum((((each - each.mean(axis=0)) @ along) ** 2).sum() for each in (one, other))
        return bool(length * np.sqrt(len(one) + len(other)) >= APART * np.sqrt(spread))


def nearest(points: Floats, centres: Floats) -> Labels:
    """Return the number of the nearest centre for each point."""
    return np.asarray((points @ centres.T).argmax(axis=1))


def _unit(vectors: Floats) -> Floats:
    norm = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / (norm + 1e-9), dtype=np.float32)


def _means(points: Floats, weights: Floats, labels: Labels, before: Floats) -> Floats:
    """Return the mean direction of each cluster; of an empty one, what it was before."""
    shares = np.where(labels == np.arange(len(before))[:, None], weights, np.float32(0))
    sums = shares @ points
    empty = np.bincount(labels, minlength=len(before)) == 0
    return np.where(empty[:, None], before, _unit(sums))


def _k_means(points: Floats, weights: Floats, number: int) -> Floats:
    """Return `number` centres, begun at points far from each other."""
    begun = [int((points @ _unit((points * weights[:, None]).sum(axis=0))).argmin())]
    while len(begun) < number:
        begun.append(int((points @ points[begun].T).max(axis=1).argmin()))
    centres = points[begun]
    for _ in range(ROUNDS):
        moved = _means(points, weights, nearest(points, centres), centres)
        if np.allclose(moved, centres):
            break
        centres = moved
    return centres
