"""The speaker encoder: what a voice sounds like, as a unit vector; GE2E in plain numpy.

The network and its features are those of Resemblyzer 0.1.4 (Apache-2.0; Wan et al. 2018, "Generalized
End-to-End Loss for Speaker Verification"): 40 mel bands over 25 ms every 10 ms, windows of 1.6 s,
three LSTM layers of 256 cells and one linear layer. The weights are in `models/` with their notice.
"""

from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray

from therapy.ports.audio import SAMPLE_RATE

Floats = NDArray[np.float32]

FRAME_STEP = SAMPLE_RATE // 100
FRAME_LENGTH = SAMPLE_RATE // 40
BANDS = 40
CELLS = 256
LAYERS = 3
LOUDNESS = 10 ** (-30 / 20)
"""Quieter speech is raised to -30 dBFS, as the network's training data was."""

WINDOW_FRAMES = 160
BATCH = 64
"""Windows per batch: more gain nothing on a CPU and cost memory."""


def mel_frames(samples: Floats) -> Floats:
    """Return one row of 40 mel band energies for each 10 ms of `samples` (-1..1)."""
    if len(samples) <= FRAME_LENGTH:
        samples = np.pad(samples, (0, FRAME_LENGTH + 1 - len(samples)))
    padded = np.pad(samples, FRAME_LENGTH // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, FRAME_LENGTH)[::FRAME_STEP]
    power = np.abs(np.fft.rfft(frames * _HANN, axis=1)) ** 2
    return np.asarray(power.astype(np.float32) @ _MEL_BANK, dtype=np.float32)


def _mel_bank() -> Floats:
    """Return triangles of area one on Slaney's mel scale (linear below 1 kHz, logarithmic above)."""

    def to_mel(hertz: NDArray[np.float64]) -> NDArray[np.float64]:
        high = 15 + np.log(np.maximum(hertz, 1e-9) / 1000) / (np.log(6.4) / 27)
        return np.where(hertz < 1000, hertz * 3 / 200, high)

    def to_hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))

    ends = to_mel(np.array([0.0, SAMPLE_RATE / 2]))
    corners = to_hertz(np.linspace(ends[0], ends[1], BANDS + 2))
    widths = np.diff(corners)
    slopes = corners[:, None] - np.fft.rfftfreq(FRAME_LENGTH, 1 / SAMPLE_RATE)[None]
    rising, falling = -slopes[:-2] / widths[:-1, None], slopes[2:] / widths[1:, None]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * (2 / (corners[2:] - corners[:-2]))[:, None]).astype(np.float32).T


_HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME_LENGTH) / FRAME_LENGTH)).astype(np.float32)
_MEL_BANK = _mel_bank()


class VoiceEncoder:
    """Maps each window of mel frames to a unit vector of 256 numbers; similar voices, similar vectors."""

    def __init__(self) -> None:
        weights = _weights()
        # sigmoid(z) = (1 + tanh(z / 2)) / 2: with the halves folded into the weights, one tanh over
        # all four gates does the work of three sigmoids and a tanh.
        halves = np.full((4 * CELLS, 1), 0.5, dtype=np.float32)
        halves[2 * CELLS : 3 * CELLS] = 1
        self._layers = [
            (
                np.ascontiguousarray((weights[f"lstm.weight_ih_l{layer}"] * halves).T),
                np.ascontiguousarray((weights[f"lstm.weight_hh_l{layer}"] * halves).T),
                (weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"])
                * halves[:, 0],
            )
            for layer in range(LAYERS)
        ]
        self._linear = weights["linear.weight"].T, weights["linear.bias"]

    def embed(self, windows: Floats) -> Floats:
        """Return one vector for each of `windows` (number, 160 frames, 40 bands)."""
        parts = [self._embed(windows[at : at + BATCH]) for at in range(0, len(windows), BATCH)]
        return np.concatenate(parts) if parts else np.empty((0, CELLS), dtype=np.float32)

    def _embed(self, windows: Floats) -> Floats:
        sequence = np.ascontiguousarray(windows.transpose(1, 0, 2))
        for layer in self._layers:
            sequence = _lstm(sequence, *layer)
        weight, bias = self._linear
        raw = np.maximum(sequence[-1] @ weight + bias, 0)
        return np.asarray(raw / (np.linalg.norm(raw, axis=1, keepdims=True) + 1e-9))


def _lstm(sequence: Floats, inward: Floats, onward: Floats, bias: Floats) -> Floats:
    """Run one layer over (time, windows, features); the gates are in torch's order: in, forget, new, out."""
    steps, windows, features = sequence.shape
    inputs = (sequence.reshape(-1, features) @ inward).reshape(steps, windows, 4 * CELLS)
    inputs += bias
    outputs = np.empty((steps, windows, CELLS), dtype=np.float32)
    hidden = np.zeros((windows, CELLS), dtype=np.float32)
    cell, fresh = np.zeros_like(hidden), np.empty_like(hidden)
    gates = np.empty((windows, 4 * CELLS), dtype=np.float32)
    enter, keep = gates[:, :CELLS], gates[:, CELLS : 2 * CELLS]
    sigmoids = gates[:, : 2 * CELLS]
    new, leave = gates[:, 2 * CELLS : 3 * CELLS], gates[:, 3 * CELLS :]
    for step in range(steps):
        np.matmul(hidden, onward, out=gates)
        gates += inputs[step]
        np.tanh(gates, out=gates)
        sigmoids += 1
        sigmoids *= 0.5
        leave += 1
        leave *= 0.5
        cell *= keep
        np.multiply(enter, new, out=fresh)
        cell += fresh
        hidden = outputs[step]
        np.tanh(cell, out=hidden)
        hidden *= leave
    return outputs


def _weights() -> dict[str, Any]:
    source = files("therapy.adapters.local") / "models" / "ge2e_fp16.npz"
    with source.open("rb") as stored, np.load(stored, allow_pickle=False) as arrays:
        return {name: arrays[name].astype(np.float32) for name in arrays.files}
