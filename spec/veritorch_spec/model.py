"""The model commitment: all weights as one matrix, opened in every proof (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from blake3 import blake3

from . import columns, sumcheck, whir
from .circuit import Param
from .errors import BadKey
from .field import Ext, dot, eq_index, eq_table, log_padded, powers, total
from .forms import Factor, Form
from .linear import ParamClaim
from .opening import Claim, basis
from .stack import bits_per_query, num_queries
from .transcript import Transcript, Value, combination

LOG_INV_RATE = 3
MIN_LOG_COLUMNS = 9
MAX_LOG_COLUMNS = 26
NOMINAL_QUERIES = 111
# Cells beyond those that openings use up.
SPARE_MASKS = 8


@dataclass(frozen=True)
class Placement:
    """Where a weight lies: rows are (plane, kernel, high output), columns (low output, column)."""

    shape: list[int]
    num_planes: int
    log_outputs: int
    log_column: int
    first_row: int = 0
    first_column: int = 0

    @property
    def log_width(self) -> int:
        """Logarithm of the block's columns."""
        return self.log_outputs + self.log_column

    @property
    def output_rows(self) -> int:
        """Values of the high output."""
        return -(-self.shape[1] // (1 << self.log_outputs))

    @property
    def rows(self) -> int:
        """Rows of the block."""
        return self.num_planes * self.shape[0] * self.output_rows

    def row(self, plane: int, kernel: int, output_row: int) -> int:
        """A row of the matrix."""
        return self.first_row + (plane * self.shape[0] + kernel) * self.output_rows + output_row


@dataclass(frozen=True)
class Layout:
    """The matrix."""

    log_columns: int
    num_rows: int
    # Random cells at the end of each row.
    num_masks: int
    placements: list[Placement]

    @property
    def log_domain(self) -> int:
        """Logarithm of the length of an encoded row."""
        return self.log_columns + LOG_INV_RATE

    @property
    def cost(self) -> int:
        """Of an opening: columns in bytes, and cells of the combined row."""
        return 8 * NOMINAL_QUERIES * self.num_rows + (2 << self.log_columns)

    @staticmethod
    def of(params: Sequence[Param], num_masks: int) -> Layout:
        """The cheapest shape; masks leave at least half of a row to the weights."""
        for param in params:
            if min(param.shape) < 1 or not 1 <= param.num_planes <= 4 or log_padded(param.shape[2]) > MAX_LOG_COLUMNS:
                raise BadKey(f"weight `{param.name}` has an impossible shape")
        masked = int(num_masks > 0)
        widest = max((log_padded(param.shape[2]) + masked for param in params), default=0)
        if num_masks >= 1 << (MAX_LOG_COLUMNS - 1) or widest > MAX_LOG_COLUMNS:
            raise BadKey("more masks than a row can have")
        least = max(MIN_LOG_COLUMNS, widest, log_padded(num_masks) + 1 if masked else 0)
        best = Layout.with_columns(params, least, num_masks)
        for log_columns in range(least + 1, MAX_LOG_COLUMNS + 1):
            if 2 << log_columns >= best.cost:
                break
            layout = Layout.with_columns(params, log_columns, num_masks)
            if layout.cost < best.cost:
                best = layout
        return best

    @staticmethod
    def with_columns(params: Sequence[Param], log_columns: int, num_masks: int) -> Layout:
        """Blocks by falling width, then height, then rising index, each where the matrix is lowest (leftmost), not in masks."""
        blocks = []
        for param in params:
            log_column = log_padded(param.shape[2])
            log_outputs = min(log_padded(param.shape[1]), log_columns - log_column)
            blocks.append(Placement(param.shape, param.num_planes, log_outputs, log_column))
        heights, log_run = [0], log_columns
        placed = list(blocks)
        for index in sorted(range(len(blocks)), key=lambda i: (-blocks[i].log_width, -blocks[i].rows, i)):
            own = blocks[index]
            while log_run > own.log_width:
                heights = [height for height in heights for _ in range(2)]
                log_run -= 1
            free = ((1 << log_columns) - num_masks) >> log_run
            lowest = heights.index(min(heights[:free]))
            placed[index] = Placement(
                own.shape, own.num_planes, own.log_outputs, own.log_column, heights[lowest], lowest << log_run
            )
            heights[lowest] += own.rows
        return Layout(log_columns, max([1, *heights]), num_masks, placed)

    def identity(self, root: bytes) -> bytes:
        """What names a committed model."""
        numbers = [LOG_INV_RATE, self.log_columns, self.num_rows, self.num_masks, len(self.placements)]
        for own in self.placements:
            numbers += [*own.shape, own.num_planes, own.log_outputs, own.first_row, own.first_column]
        data = b"".join(n.to_bytes(8, "little") for n in numbers) + root
        return blake3(data, derive_key_context="veritorch 2026 model identity").digest()


@dataclass(frozen=True)
class Block:
    """A weighted form on a block of columns."""

    weight: Ext
    placement: Placement
    form: Form


@dataclass(frozen=True)
class Group:
    """One combination of rows, and the forms that it is summed against."""

    rows: dict[int, Ext]
    blocks: list[Block]

    def evaluate(self, of: type[Ext], point: list[Ext]) -> Ext:
        """The sum of the forms, at a point of the columns."""

        def one(block: Block) -> Ext:
            own = block.placement
            cut = len(point) - own.log_width
            selector = eq_index(of, own.first_column >> own.log_width, point[:cut])
            shape = [1 << own.log_outputs, own.shape[2]]
            return block.weight * selector * block.form.evaluate(of, shape, point[cut:])

        return total(of, (one(block) for block in self.blocks))


def groups(of: type[Ext], layout: Layout, claims: Sequence[ParamClaim], delta: Ext) -> list[Group]:
    """Claims by the rows that they combine; outputs that do not fill a row make a claim of their own."""
    result: list[Group] = []
    for claim, weight in zip(claims, powers(delta, len(claims)), strict=True):
        own = layout.placements[claim.param]
        if len(claim.kernel) != own.shape[0] or len(claim.output) != log_padded(own.shape[1]):
            raise BadKey("a claim does not fit its weight")
        cut = len(claim.output) - own.log_outputs
        high, low = eq_table(of, claim.output[:cut]), claim.output[cut:]
        side_by_side = 1 << own.log_outputs
        full, remainder = divmod(own.shape[1], side_by_side)
        parts = []
        if full:
            parts.append((range(full), Factor(point=low)))
        if remainder:
            real = [x if o < remainder else of.of(0) for o, x in enumerate(eq_table(of, low))]
            parts.append((range(full, full + 1), Factor(entries=real)))
        for output_rows, factor in parts:
            rows = {
                own.row(plane, k, o): kernel * high[o] * 256**plane
                for plane in range(own.num_planes)
                for k, kernel in enumerate(claim.kernel)
                for o in output_rows
            }
            block = Block(weight, own, Form([(1, factor), (1, claim.column)]))
            for group in result:
                if group.rows == rows:
                    group.blocks.append(block)
                    break
            else:
                result.append(Group(rows, [block]))
    return result


def num_columns(level: whir.Level) -> int:
    """Columns that an opening reads."""
    return num_queries(max(level.bits - level.grinding, 0), 1, LOG_INV_RATE)


def masks_for(lifetime: int, level: whir.Level) -> int:
    """Masks for this many proofs and one renewal; none for public weights."""
    return num_columns(level) * (lifetime + 1) + SPARE_MASKS if lifetime else 0


@dataclass(frozen=True)
class Reduction:
    """One combination of rows, and its value at a point."""

    coefficients: list[Ext]
    point: list[Ext]
    value: Value


def combine(transcript: Transcript, layout: Layout, root: bytes, claims: Sequence[ParamClaim]) -> Reduction:
    """All claims on the weights become one on one combination of rows."""
    of = transcript.field
    transcript.absorb("model identity", layout.identity(root))
    delta = transcript.challenge("model claims")
    own = groups(of, layout, claims, delta)
    claim = combination(transcript, (c.value for c in claims), powers(delta, len(claims)))
    reduced = sumcheck.verify(transcript, "model sumcheck", [(layout.log_columns, 2)], [claim])
    gamma = transcript.challenges("model proximity", log_padded(layout.num_rows))
    (tested,) = transcript.receive("model proximity", 1)
    epsilon = transcript.challenge("model combination")
    coefficients = [epsilon * weight for weight in eq_table(of, gamma)[: layout.num_rows]]
    for group in own:
        value = group.evaluate(of, reduced.point)
        for row, coefficient in group.rows.items():
            coefficients[row] = coefficients[row] + value * coefficient
    return Reduction(coefficients, reduced.point, reduced.left + tested * epsilon)


def compare(transcript: Transcript, layout: Layout, level: whir.Level, root: bytes, reduction: Reduction) -> list[Claim]:
    """Claims on the combined row, which the proof has committed: its value, and columns of the model."""
    of = transcript.field
    label = "model columns"
    transcript.check_grinding(label, level.grinding)
    indices = columns.draw(transcript, label, num_columns(level), layout.log_domain)
    salt = columns.SALT if layout.num_masks else 0
    read = columns.receive(transcript, label, root, layout.num_rows, salt, layout.log_domain, indices)

    def on_row(vector: Factor, value: Value) -> Claim:
        return Claim(1, 0, Form([(1, Factor(entries=basis(of))), (1, vector)]), value)

    claims = [on_row(Factor(point=reduction.point), reduction.value)]
    for y, column in zip(columns.points(layout.log_domain, indices), read, strict=True):
        value = dot(of, column, reduction.coefficients)
        claims.append(on_row(Factor(base=y), transcript.public(value)))
    return claims


def security_terms(of: type[Ext], layout: Layout, level: whir.Level, num_claims: int) -> list[tuple[str, float]]:
    """``-log2`` of each term of an opening with this many claims."""

    def field(ways: int) -> float:
        return of.claimed_bits - log2(max(ways, 1))

    queries = num_columns(level)
    proximity = field(log_padded(layout.num_rows) + 1) - layout.log_domain
    return [
        (f"model: proximity of {layout.num_rows} rows", proximity),
        (f"model: merging of {num_claims} claims", field(num_claims)),
        (f"model: sumcheck over {layout.log_columns} variables", field(2 * layout.log_columns)),
        ("model: merging of the combined row", field(1)),
        (
            f"model: {queries} columns and {level.grinding} bits of work",
            queries * bits_per_query(1, LOG_INV_RATE) + level.grinding,
        ),
    ]
