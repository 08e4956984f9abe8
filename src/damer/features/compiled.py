"""The Gammatone filters compiled by numba, which is optional: the `fast` extra installs it.

A recurrence cannot be spread over time, so neighbouring bands fill the processor's vector registers. LLVM's
own vectoriser keeps the filters' states in memory between samples, which takes more than twice as long. Here
a register of bands goes through the whole sound with its states in registers; that loop is written in LLVM's
language.
"""

from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding  # type: ignore[import-untyped]
import numba
from llvmlite import ir
from numba.core import types
from numba.extending import intrinsic

SAMPLES_AT_ONCE = 2
"""The hop must be a multiple of it."""
# Products and sums may be contracted to one instruction; their order stays as it is written here.
_FLAGS = ("contract", "nsz")
_INDEX = ir.IntType(64)
_LANE = ir.IntType(32)
_STATES = 9  # the sound's last sample, and the last two of each section


def _register_bytes() -> int:
    features = llvmlite.binding.get_host_cpu_features()
    return 64 if features.get("avx512f") else 32 if features.get("avx2") else 16


REGISTER_BYTES = _register_bytes()
"""How many bytes a vector register of this processor holds."""


class _Vectors:
    """Arithmetic on vectors of `lanes` numbers of a kind."""

    def __init__(self, builder: Any, kind: Any, lanes: int) -> None:
        self.builder = builder
        self.kind = ir.VectorType(kind, lanes)
        self._undefined = ir.Constant(self.kind, ir.Undefined)
        self._broadcast = ir.Constant(ir.VectorType(_LANE, lanes), [0] * lanes)
        self.zero = ir.Constant(self.kind, [0.0] * lanes)

    def at(self, pointer: Any, *terms: Any) -> Any:
        """Return the place of a number: a pointer and what is added to it."""
        for term in terms:
            pointer = self.builder.gep(
                pointer, [ir.Constant(_INDEX, term) if isinstance(term, int) else term]
            )
        return pointer

    def load(self, place: Any) -> Any:
        """Return the vector that begins at a number's place."""
        vector = self.builder.load(self.builder.bitcast(place, self.kind.as_pointer()))
        vector.align = 4
        return vector

    def store(self, vector: Any, place: Any) -> None:
        """Write a vector to a number's place and those after it."""
        written = self.builder.store(vector, self.builder.bitcast(place, self.kind.as_pointer()))
        written.align = 4

    def spread(self, place: Any) -> Any:
        """Return a vector all of whose lanes are the number at a place."""
        number, first = self.builder.load(place), ir.Constant(_LANE, 0)
        lone = self.builder.insert_element(self._undefined, number, first)
        return self.builder.shuffle_vector(lone, self._undefined, self._broadcast)

    def product(self, one: Any, other: Any) -> Any:
        """Multiply."""
        return self.builder.fmul(one, other, flags=_FLAGS)

    def sum(self, first: Any, *terms: Any) -> Any:
        """Add from left to right."""
        for term in terms:
            first = self.builder.fadd(first, term, flags=_FLAGS)
        return first


def _loop(
    builder: Any, name: str, count: Any, step: int, carried: Sequence[Any], body: Callable[..., Any]
) -> Any:
    """Write a loop over 0, step, ... below `count` (above 0), and return what it carries in the end.

    Args:
        builder: writes instructions; it stands after the loop in the end.
        name: of its blocks.
        count: where it ends.
        step: from turn to turn.
        carried: values that go into the first turn.
        body: takes the counter and what is carried, writes a turn, and returns what the next one gets.
    """
    before = builder.block
    inside, after = builder.append_basic_block(name), builder.append_basic_block(f"after_{name}")
    builder.branch(inside)
    builder.position_at_end(inside)
    counter = builder.phi(_INDEX)
    counter.add_incoming(ir.Constant(_INDEX, 0), before)
    slots = [builder.phi(value.type) for value in carried]
    results = body(counter, slots)
    following, end = builder.add(counter, ir.Constant(_INDEX, step)), builder.block
    counter.add_incoming(following, end)
    for slot, first, result in zip(slots, carried, results, strict=True):
        slot.add_incoming(first, before)
        slot.add_incoming(result, end)
    builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
    builder.position_at_end(after)
    return results


def _sample(
    vectors: _Vectors, filters: Sequence[Any], value: Any, states: Sequence[Any]
) -> tuple[Any, list[Any]]:
    """Write one sample's way through the sections in direct form I: one's outputs are the next one's inputs.

    Args:
        vectors: the arithmetic.
        filters: -a1, -a2, and b1 / b0 of each section.
        value: the sample.
        states: the sample before, then y(n-1) and y(n-2) of each section.

    Returns:
        The filtered sample and the next states.
    """
    product, (pole, square, *zeros) = vectors.product, filters
    previous, after = states[0], [value]
    for number, zero in enumerate(zeros):
        last, before = states[1 + 2 * number : 3 + 2 * number]
        # What was known longest comes first: only the last product waits for the sample before.
        value = vectors.sum(value, product(zero, previous), product(square, before), product(pole, last))
        previous = last
        after += [value, last]
    return value, after


def _write_filter(vectors: _Vectors, pointers: Sequence[Any], sizes: Sequence[Any]) -> None:
    """Write the loops over hops and samples; arguments as of `_filter_bands`, pointers in place of arrays."""
    builder, (sound, filters, weights, out), (hops, hop, row) = vectors.builder, pointers, sizes
    parts = [vectors.load(vectors.at(filters, builder.mul(row, ir.Constant(_INDEX, k)))) for k in range(6)]

    def one_hop(number: Any, states: list[Any]) -> list[Any]:
        begin = vectors.at(sound, builder.mul(number, hop))

        def samples(i: Any, carried: list[Any]) -> list[Any]:
            *inner, early, late = carried
            for k in range(SAMPLES_AT_ONCE):
                value = vectors.spread(vectors.at(begin, i, k))
                filtered, inner = _sample(vectors, parts, value, inner)
                energy = vectors.product(filtered, filtered)
                places = vectors.at(weights, i, k), vectors.at(weights, hop, i, k)
                early, late = (
                    vectors.sum(total, vectors.product(vectors.spread(place), energy))
                    for total, place in zip((early, late), places, strict=True)
                )
            return [*inner, early, late]

        begun = [*states, vectors.zero, vectors.zero]
        *states, early, late = _loop(builder, "samples", hop, SAMPLES_AT_ONCE, begun, samples)
        place = vectors.at(out, builder.mul(builder.mul(number, row), ir.Constant(_INDEX, 2)))
        vectors.store(early, place)
        vectors.store(late, vectors.at(place, row))
        return states

    _loop(builder, "hops", hops, 1, [vectors.zero] * _STATES, one_hop)


def _typed_filter(_, sound, filters, weights, energies, hops, hop, bands):  # type: ignore[no-untyped-def]
    """Filter as many neighbouring bands as a register holds: the first of `filters` and `energies`."""
    sizes = (types.intp, types.intp, types.intp)

    def write(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        pointers = [
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args[:4], arguments[:4], strict=True)
        ]
        kind = context.get_value_type(sound.dtype)
        _write_filter(
            _Vectors(builder, kind, REGISTER_BYTES * 8 // sound.dtype.bitwidth), pointers, arguments[4:]
        )
        return context.get_dummy_value()

    return types.void(sound, filters, weights, energies, *sizes), write


_filter_bands: Any = intrinsic(_typed_filter)


@numba.njit(cache=True)
def filter_energies(sound, filters, weights, energies):  # type: ignore[no-untyped-def]
    """Filter `sound` from rest and write weighted band energies; all arrays float32, or all float64.

    Args:
        sound: [n], n a multiple of the hop and above 0.
        filters: [6, C], C a multiple of what a register holds: -a1 and -a2, the same in all sections of a
            band, and b1 / b0 of each section. The gain, b0 of all sections, is left to the caller.
        weights: [2, hop], hop a multiple of SAMPLES_AT_ONCE; each row weighs the squared samples of a hop.
        energies: [n / hop, 2, C], written.
    """
    hop, bands = weights.shape[1], filters.shape[1]
    for first in range(0, bands, REGISTER_BYTES // sound.itemsize):
        part = energies[:, :, first:]
        _filter_bands(sound, filters[:, first:], weights, part, len(sound) // hop, hop, bands)
