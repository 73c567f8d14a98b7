"""The model commitment: all weights as one matrix, opened in every proof (docs/protocol.md, section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

from blake3 import blake3

from . import sumcheck, whir, witness
from .circuit import Param
from .errors import BadKey, Refused
from .field import Ext, P, eq_index, eq_table, log_padded, powers, root_of_unity, total
from .forms import Factor, Form
from .linear import ParamClaim
from .merkle import num_nodes, root_of
from .transcript import Transcript, Value, combination

LOG_INV_RATE = 3
MIN_LOG_COLUMNS = 9
MAX_LOG_COLUMNS = 26
NOMINAL_QUERIES = 111
CHUNK = 1024


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
    def of(params: Sequence[Param]) -> Layout:
        """The cheapest shape."""
        for param in params:
            if min(param.shape) < 1 or not 1 <= param.num_planes <= 4 or log_padded(param.shape[2]) > MAX_LOG_COLUMNS:
                raise BadKey(f"weight `{param.name}` has an impossible shape")
        least = max([MIN_LOG_COLUMNS, *(log_padded(param.shape[2]) for param in params)])
        best = Layout.with_columns(params, least)
        for log_columns in range(least + 1, MAX_LOG_COLUMNS + 1):
            if 2 << log_columns >= best.cost:
                break
            layout = Layout.with_columns(params, log_columns)
            if layout.cost < best.cost:
                best = layout
        return best

    @staticmethod
    def with_columns(params: Sequence[Param], log_columns: int) -> Layout:
        """Blocks by falling width, then height, then rising index, each where the matrix is lowest (leftmost)."""
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
            lowest = heights.index(min(heights))
            placed[index] = Placement(
                own.shape, own.num_planes, own.log_outputs, own.log_column, heights[lowest], lowest << log_run
            )
            heights[lowest] += own.rows
        return Layout(log_columns, max([1, *heights]), placed)

    def identity(self, root: bytes) -> bytes:
        """What names a committed model."""
        numbers = [LOG_INV_RATE, self.log_columns, self.num_rows, len(self.placements)]
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


def column_leaf(column: bytes) -> bytes:
    """A column's hash: of the hashes of its chunks."""
    chunks = b"".join(blake3(column[i : i + CHUNK]).digest() for i in range(0, len(column), CHUNK))
    return blake3(chunks, derive_key_context="veritorch 2026 model column").digest()


def node(left: bytes, right: bytes) -> bytes:
    """The hash of two hashes."""
    return blake3(left + right, derive_key_context="veritorch 2026 model node").digest()


def receive_columns(transcript: Transcript, layout: Layout, root: bytes, indices: list[int]) -> list[list[int]]:
    """Columns of the encoded matrix, checked against the root."""
    label = "model columns"
    data = transcript.receive_embedded(label)
    length = 8 * layout.num_rows
    cut = length * len(indices)
    if len(data) != cut + 32 * num_nodes(layout.log_domain, indices):
        raise Refused(f"`{label}`: another length")
    transcript.split_last(label, [("cells", 0, cut), ("nodes", cut, len(data))])
    transcript.absorb(label, blake3(data).digest())
    columns = [data[i : i + length] for i in range(0, cut, length)]
    cells = [[int.from_bytes(c[i : i + 8], "little") for i in range(0, length, 8)] for c in columns]
    if any(cell >= P for column in cells for cell in column):
        raise Refused(f"`{label}`: an element is not canonical")
    leaves = {index: column_leaf(column) for index, column in zip(indices, columns, strict=True)}
    nodes = [data[i : i + 32] for i in range(cut, len(data), 32)]
    if root_of(layout.log_domain, leaves, nodes, node) != root:
        raise Refused(f"`{label}`: paths do not lead to the root")
    return cells


def combined_row(of: type[Ext], layout: Layout) -> witness.Stack:
    """The stack of the combined row: its coefficients in the base field."""
    return witness.Stack.of([[of.degree, 1 << layout.log_columns]])


def verify(
    transcript: Transcript, layout: Layout, level: whir.Level, root: bytes, claims: Sequence[ParamClaim]
) -> None:
    """Checks claims on the weights under a root."""
    if not claims:
        return
    of = transcript.field
    transcript.absorb("model identity", layout.identity(root))
    gamma = transcript.challenges("model proximity", log_padded(layout.num_rows))
    delta = transcript.challenge("model claims")
    own = groups(of, layout, claims, delta)
    claim = combination(transcript, (c.value for c in claims), powers(delta, len(claims)))
    reduced = sumcheck.verify(transcript, "model sumcheck", [(layout.log_columns, 2)], [claim])
    # Of the proximity combination, then of each group.
    evaluations = transcript.receive("model evaluations", len(own) + 1)
    expected = combination(transcript, evaluations[1:], [group.evaluate(of, reduced.point) for group in own])
    transcript.check_zero("model sumcheck", reduced.left - expected)

    epsilon = transcript.challenge("model combination")
    scale = powers(epsilon, len(own) + 1)
    coefficients = eq_table(of, gamma)[: layout.num_rows]
    for group, power in zip(own, scale[1:], strict=True):
        for row, coefficient in group.rows.items():
            coefficients[row] = coefficients[row] + coefficient * power
    inner_root = transcript.receive_bytes("model combination", 32)

    transcript.check_grinding("model columns", level.grinding)
    drawn = transcript.indices("model columns", whir.num_queries(level, LOG_INV_RATE), layout.log_domain)
    indices = sorted(set(drawn))
    columns = receive_columns(transcript, layout, root, indices)

    basis = Factor(entries=[of.basis(d) for d in range(of.degree)])

    def on_row(vector: Factor, value: Value) -> witness.Claim:
        return witness.Claim(0, Form([(1, basis), (1, vector)]), value)

    inner = [on_row(Factor(point=reduced.point), combination(transcript, evaluations, scale))]
    generator = root_of_unity(layout.log_domain)
    for index, column in zip(indices, columns, strict=True):
        value = total(of, (c * cell for c, cell in zip(coefficients, column, strict=True)))
        inner.append(on_row(Factor(base=pow(generator, index, P)), transcript.public(value)))
    witness.verify(transcript, combined_row(of, layout), level, inner_root, inner)


def security_terms(
    of: type[Ext], layout: Layout, level: whir.Level, params: Sequence[int]
) -> list[tuple[str, float]]:
    """``-log2`` of each term of an opening with one claim on each of these weights."""
    num_groups = 0
    for param in params:
        own = layout.placements[param]
        full, remainder = divmod(own.shape[1], 1 << own.log_outputs)
        num_groups += (full > 0) + (remainder > 0)

    def field(ways: int) -> float:
        return of.claimed_bits - log2(max(ways, 1))

    queries = whir.num_queries(level, LOG_INV_RATE)
    terms = [
        (
            f"model: proximity of {layout.num_rows} rows in {num_groups} groups",
            field(log_padded(layout.num_rows) + num_groups) - layout.log_domain,
        ),
        (f"model: merging of {len(params)} claims", field(len(params))),
        (f"model: sumcheck over {layout.log_columns} variables", field(2 * layout.log_columns)),
        ("model: combination of evaluations", field(num_groups)),
        (
            f"model: {queries} columns and {level.grinding} bits of work",
            queries * whir.miss(LOG_INV_RATE) + level.grinding,
        ),
    ]
    inner = witness.security_terms(of, combined_row(of, layout), level, queries + 1)
    return terms + [(f"model combination, {name}", bits) for name, bits in inner]
