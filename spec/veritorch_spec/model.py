"""The model commitment: all weights as one matrix, opened in every proof (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import log2

from blake3 import blake3

from . import columns, sumcheck, whir
from .circuit import Param
from .errors import BadKey
from .field import Ext, P, dot, eq_index, eq_table, log_padded, powers, total
from .forms import Factor, Form
from .linear import ParamClaim
from .opening import Claim, basis
from .stack import RowCode
from .transcript import Transcript, Value, combination

MIN_LOG_COLUMNS = 9
MAX_LOG_COLUMNS = 26
MAX_OPENINGS = 1 << 20
MAX_ROWS = 1 << 20
MAX_PLANES = 7
MAX_TENSOR_OPENINGS = 1 << 16
# Price of a cell of the combined row.
ROW = 170


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

    code: RowCode
    num_rows: int
    placements: list[Placement]

    @property
    def log_columns(self) -> int:
        """Logarithm of the cells of a row, without masks."""
        return self.code.log_cells

    @property
    def num_masks(self) -> int:
        """Random coefficients behind each row."""
        return self.code.tail

    @property
    def cost(self) -> int:
        """Of an opening: bytes of columns, cells of combined rows, masks, each with its price."""
        code = self.code
        row = (ROW + 40 * len(self.placements)) << code.log_cells
        return 200 * 8 * code.queries * self.num_rows + row + 50 * self.num_rows * code.tail

    @staticmethod
    def of(params: Sequence[Param], openings: int, level: whir.Level) -> Layout:
        """The cheapest shape, for this many openings; none for public weights."""
        for param in params:
            if min(param.shape) < 1 or not 1 <= param.num_planes <= MAX_PLANES or log_padded(param.shape[2]) > MAX_LOG_COLUMNS:
                raise BadKey(f"weight `{param.name}` has an impossible shape")
        if openings > MAX_OPENINGS:
            raise BadKey(f"masks for {openings} openings")

        def with_columns(log_columns: int) -> Layout:
            code = RowCode.long_lived(log_columns, openings, max(level.bits - level.grinding, 0))
            return Layout.with_code(params, code)

        least = max([MIN_LOG_COLUMNS, *(log_padded(param.shape[2]) for param in params)])
        best = with_columns(least)
        for log_columns in range(least + 1, MAX_LOG_COLUMNS + 1):
            if ROW << log_columns >= best.cost:
                break
            layout = with_columns(log_columns)
            if layout.cost < best.cost:
                best = layout
        if best.num_rows > MAX_ROWS:
            raise BadKey("the matrix of all weights has too many rows")
        return best

    @staticmethod
    def with_code(params: Sequence[Param], code: RowCode) -> Layout:
        """Blocks by falling width, then height, then rising index, each where the matrix is lowest (leftmost)."""
        blocks = []
        for param in params:
            log_column = log_padded(param.shape[2])
            log_outputs = min(log_padded(param.shape[1]), code.log_cells - log_column)
            blocks.append(Placement(param.shape, param.num_planes, log_outputs, log_column))
        heights, log_run = [0], code.log_cells
        placed = list(blocks)
        for index in sorted(range(len(blocks)), key=lambda i: (-blocks[i].log_width, -blocks[i].rows, i)):
            own = blocks[index]
            while log_run > own.log_width:
                heights = [height for height in heights for _ in range(2)]
                log_run -= 1
            lowest = heights.index(min(heights))
            placed[index] = replace(own, first_row=heights[lowest], first_column=lowest << log_run)
            heights[lowest] += own.rows
        return Layout(code, max([1, *heights]), placed)

    def identity(self, root: bytes) -> bytes:
        """What names a committed model."""
        code = self.code
        numbers = [code.log_domain, code.log_cells, code.tail, self.num_rows, len(self.placements)]
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


def combined_shapes(of: type[Ext], layout: Layout) -> list[list[int]]:
    """Tensors of the combined row and of its masks, if it has any."""
    return [[of.degree, length] for length in (1 << layout.log_columns, layout.num_masks) if length]


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


def compare(
    transcript: Transcript, layout: Layout, level: whir.Level, root: bytes, reduction: Reduction, first: int
) -> list[Claim]:
    """Claims on the combined row, the tensor ``first`` of the second stack, which the proof has committed.

    They are its value, and columns of the model.
    """
    of, code = transcript.field, layout.code
    label = "model columns"
    transcript.check_grinding(label, level.grinding)
    indices = columns.draw(transcript, label, code.queries, code.log_domain)
    salt = columns.SALT if layout.num_masks else 0
    read = columns.receive(transcript, label, root, layout.num_rows, salt, code.log_domain, indices)

    def term(tensor: int, scale: int, vector: Factor) -> tuple[int, int, Form]:
        return 1, first + tensor, Form([(1, Factor(entries=[limb * scale for limb in basis(of)])), (1, vector)])

    claims = [Claim([term(0, 1, Factor(point=reduction.point))], reduction.value)]
    for y, column in zip(columns.points(code.log_domain, indices), read, strict=True):
        terms = [term(0, 1, Factor(base=y))]
        if layout.num_masks:
            terms.append(term(1, pow(y, 1 << layout.log_columns, P), Factor(base=y)))
        claims.append(Claim(terms, transcript.public(dot(of, column, reduction.coefficients))))
    return claims


def security_terms(
    of: type[Ext], layout: Layout, level: whir.Level, num_claims: int, name: str
) -> list[tuple[str, float]]:
    """``-log2`` of each term of an opening with this many claims."""

    def field(ways: int) -> float:
        return of.claimed_bits - log2(max(ways, 1))

    code = layout.code
    proximity = field(log_padded(layout.num_rows) + 1) - code.log_domain
    return [
        (f"{name}: proximity of {layout.num_rows} rows", proximity),
        (f"{name}: merging of {num_claims} claims", field(num_claims)),
        (f"{name}: sumcheck over {layout.log_columns} variables", field(2 * layout.log_columns)),
        (f"{name}: merging of the combined row", field(1)),
        (f"{name}: {code.queries} columns and {level.grinding} bits of work", code.query_bits + level.grinding),
    ]
