"""The Gammatone filters compiled by numba, which is optional: the `fast` extra installs it.

All bands advance together, two samples at a time: neighbouring bands fill the processor's vector registers.
"""

import numba
import numpy as np


@numba.njit(fastmath=True, cache=True)
def _four_sections(v, a1, a2, p0, p1, p2, p3, s0, t0, s1, t1, s2, t2, s3, t3):  # type: ignore[no-untyped-def]
    """Take one sample through four sections (transposed direct form II; s and t are each one's states)."""
    y = v + s0
    s0, t0 = p0 * v - a1 * y + t0, -a2 * y
    v = y + s1
    s1, t1 = p1 * y - a1 * v + t1, -a2 * v
    y = v + s2
    s2, t2 = p2 * v - a1 * y + t2, -a2 * y
    v = y + s3
    s3, t3 = p3 * y - a1 * v + t3, -a2 * v
    return v, s0, t0, s1, t1, s2, t2, s3, t3


@numba.njit(fastmath=True, cache=True)
def filter_energies(  # type: ignore[no-untyped-def]
    sound, gains, zeros, poles, weights, energies
):
    """Filter `sound` from rest and write weighted band energies.

    Args:
        sound: [n], n a multiple of the hop.
        gains: [C], of the whole cascade.
        zeros: [4, C], b1 / b0 of each section.
        poles: [2, C], a1 and a2, the same in all sections of a band.
        weights: [2, hop], hop even; each row weighs the squared samples of a hop.
        energies: [n / hop, 2, C], written.
    """
    bands, hop = len(gains), weights.shape[1]
    s = np.zeros((4, bands), sound.dtype)
    t = np.zeros((4, bands), sound.dtype)
    s0, s1, s2, s3 = s[0], s[1], s[2], s[3]
    t0, t1, t2, t3 = t[0], t[1], t[2], t[3]
    q0, q1, q2, q3 = zeros[0], zeros[1], zeros[2], zeros[3]
    for number in range(len(sound) // hop):
        early, late = energies[number, 0], energies[number, 1]
        early[:] = 0
        late[:] = 0
        for i in range(0, hop, 2):
            x, y = sound[number * hop + i], sound[number * hop + i + 1]
            ex, ey, lx, ly = weights[0, i], weights[0, i + 1], weights[1, i], weights[1, i + 1]
            for c in range(bands):
                g, a, b = gains[c], poles[0, c], poles[1, c]
                p, q, r, u = q0[c], q1[c], q2[c], q3[c]
                state = (s0[c], t0[c], s1[c], t1[c], s2[c], t2[c], s3[c], t3[c])
                first = _four_sections(x * g, a, b, p, q, r, u, *state)
                last = _four_sections(y * g, a, b, p, q, r, u, *first[1:])
                s0[c], t0[c], s1[c], t1[c], s2[c], t2[c], s3[c], t3[c] = last[1:]
                one, other = first[0] * first[0], last[0] * last[0]
                early[c] += ex * one + ey * other
                late[c] += lx * one + ly * other
