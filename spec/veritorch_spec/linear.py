"""How claims travel from results to operands (docs/protocol.md, section 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

from . import sumcheck
from .circuit import MAX_REWRITES, Circuit, num_vars, schedule
from .errors import BadKey
from .field import Ext, P, log_padded, powers, product, total
from .forms import Factor, Form, constant_value, reshape, transpose
from .transcript import Transcript, Value, combination


@dataclass(frozen=True)
class Claim:
    """``<form, T> = value``."""

    form: Form
    value: Value


@dataclass(frozen=True)
class ParamClaim:
    """``sum_{k,o,c} kernel(k) eq(output, o) column(c) W(k,o,c) = value``."""

    param: int
    kernel: list[Ext]
    output: list[Ext]
    column: Factor
    value: Value


def param_claim(of: type[Ext], circuit: Circuit, tensor: int, form: Form, value: Value) -> ParamClaim:
    """A claim on all of a weight: one ``eq`` factor for each axis."""
    kernel, output, column = [factor for _, factor in form.spans(circuit.shape(tensor))]
    assert output.point is not None
    return ParamClaim(circuit.op(tensor).index, kernel.vector(of, circuit.shape(tensor)[0]), output.point, column, value)


@dataclass
class Claims:
    """By tensor, and those that have arrived at weights, in order of arrival."""

    tensors: dict[int, list[Claim]] = field(default_factory=dict)
    params: list[ParamClaim] = field(default_factory=list)

    def push(self, tensor: int, form: Form, value: Value) -> None:
        """Adds one."""
        self.tensors.setdefault(tensor, []).append(Claim(form, value))

    def take(self, tensor: int) -> list[Claim]:
        """Takes those on a tensor."""
        return self.tensors.pop(tensor, [])


def run(circuit: Circuit, claims: Claims, transcript: Transcript) -> None:
    """Every step of the schedule."""
    for step in schedule(circuit):
        if circuit.op(step[0]).kind in ("Linear", "Reshape"):
            (tensor,) = step
            ((_, ready),) = points(circuit, [(tensor, claims.take(tensor))], transcript)
            for claim in ready:
                rewrite(circuit, tensor, claim, claims, transcript)
        else:
            jobs = [(tensor, claims.take(tensor)) for tensor in step]
            contract(circuit, points(circuit, jobs, transcript), claims, transcript)


# Preparation: a point where the next step needs one.

Jobs = Sequence[tuple[int, list[Claim]]]


def preparation(circuit: Circuit, tensor: int, claims: list[Claim]) -> str | int:
    """`ready`, `point` (over all axes), or the axis (counted from the back) along which a point is needed."""
    op = circuit.op(tensor)
    if op.kind == "Linear":
        identity = all(term.is_identity() for term in op.terms)
        fits = identity or all(claim.form.is_separable() for claim in claims)
        return "ready" if fits and len(claims) <= MAX_REWRITES else "point"
    if op.kind == "Reshape":
        return "ready" if len(claims) <= MAX_REWRITES else "point"
    if len(claims) != 1:
        return "ready" if op.kind == "Mul" else "point"
    # Axes at the back that need a factor each; the axis of output channels, which needs a point.
    separable, output = {
        "Conv": (3, 3 if op.groups == 1 else None),
        "Dense": (1, 1),
        "MatMul": (2, None),
        "Mul": (0, None),
    }[op.kind]
    factors = claims[0].form.factors
    if len(factors) < separable or any(axes != 1 for axes, _ in factors[len(factors) - separable :]):
        return "point"
    if output is not None and factors[-output][1].point is None:
        return output
    return "ready"


def merge(claims: list[Claim], transcript: Transcript) -> tuple[list[Form], list[Ext], Value]:
    """Forms with powers of a challenge, and the claims' values combined with them."""
    of = transcript.field
    mu = transcript.challenge("merge claims") if len(claims) > 1 else of.of(1)
    weights = powers(mu, len(claims))
    return [claim.form for claim in claims], weights, combination(transcript, (c.value for c in claims), weights)


def points(circuit: Circuit, jobs: Jobs, transcript: Transcript) -> list[tuple[int, list[Claim]]]:
    """The claims of each tensor as its step needs them: one batch of sumchecks over ``K(x) T(x)``."""
    of = transcript.field
    reductions: list[tuple[list[Form], list[Ext], int | None] | None] = []
    shapes, sums = [], []
    for tensor, own in jobs:
        how = preparation(circuit, tensor, own)
        if how == "ready" or not own:
            reductions.append(None)
            continue
        shape = circuit.shape(tensor)
        if how == "point":
            forms, weights, value = merge(own, transcript)
            reductions.append((forms, weights, None))
            shapes.append((num_vars(shape), 2))
        else:
            assert isinstance(how, int)
            value = own[0].value
            reductions.append(([own[0].form], [of.of(1)], how))
            shapes.append((log_padded(shape[-how]), 2))
        sums.append(value)
    reduced = sumcheck.verify(transcript, "points", shapes, sums)
    ends = iter(transcript.receive("point values", len(shapes)))
    batch = iter(zip(shapes, reduced.weights, strict=True))
    expected = transcript.public(0)
    prepared = []
    for (tensor, own), reduction in zip(jobs, reductions, strict=True):
        if reduction is None:
            prepared.append((tensor, own))
            continue
        forms, weights, back = reduction
        shape = circuit.shape(tensor)
        (variables, _), weight = next(batch)
        value = next(ends)
        point = reduced.tail(variables)
        if back is None:
            kernel = total(of, (f.evaluate(of, shape, point) * w for f, w in zip(forms, weights, strict=True)))
            form = Form.at_point(shape, point)
        else:
            factors = list(forms[0].factors)
            kernel = factors[-back][1].evaluate(of, [shape[-back]], point)
            factors[-back] = (1, Factor(point=point))
            form = Form(factors)
        expected = expected + value * (kernel * weight)
        prepared.append((tensor, [Claim(form, value)]))
    transcript.check_zero("points", reduced.left - expected)
    return prepared


# Linear tensors and reshapes: no sumcheck.


def rewrite(circuit: Circuit, tensor: int, claim: Claim, claims: Claims, transcript: Transcript) -> None:
    """A claim on a linear or reshaped tensor becomes claims on its operands."""
    of = transcript.field
    op, shape = circuit.op(tensor), circuit.shape(tensor)
    if op.kind == "Reshape":
        (x,) = op.operands
        claims.push(x, reshape(of, claim.form, shape, circuit.shape(x)), claim.value)
        return
    # The value that follows from the others: of the first virtual operand or public input, else of the last operand.
    virtual = [
        k for k, t in enumerate(op.terms) if not circuit.is_committed(t.x) and circuit.op(t.x).kind != "Weight"
    ]
    derived = virtual[0] if virtual else len(op.terms) - 1
    sent = iter(transcript.receive("linear terms", max(len(op.terms) - 1, 0)))
    values = [None if k == derived else next(sent) for k in range(len(op.terms))]
    left = claim.value - transcript.public(constant_value(of, claim.form, op.constant, shape))
    for term, value in zip(op.terms, values, strict=True):
        if value is not None:
            left = left - value * term.coefficient
    if not op.terms:
        transcript.check_zero("constant", left)
    for term, value in zip(op.terms, values, strict=True):
        if value is None:
            value = left * pow(term.coefficient, -1, P)
        own = circuit.shape(term.x)
        form = claim.form if term.is_identity() else transpose(of, claim.form, term.links, own, shape)
        if circuit.op(term.x).kind == "Weight":
            # A bias: shape [kernel, 1, columns]; the middle factor is a number, which the columns take.
            (kernel, middle, column) = [f.vector(of, prod(span)) for span, f in form.spans(own)]
            scale = product(of, middle)
            entries = Factor(entries=[entry * scale for entry in column])
            claims.params.append(ParamClaim(circuit.op(term.x).index, kernel, [], entries, value))
        else:
            claims.push(term.x, form, value)


# Contractions and products: one batch of sumchecks over ``public(x) left(x) right(x)``.


@dataclass(frozen=True)
class Contraction:
    """The public side of one: variables, degree, the public factor, and the operands' forms where it ends."""

    circuit: Circuit
    tensor: int
    forms: list[Form]
    weights: list[Ext]
    of: type[Ext]

    def shape(self) -> tuple[int, int]:
        """Variables and degree."""
        op = self.circuit.op(self.tensor)
        x = self.circuit.shape(op.operands[0])
        match op.kind:
            case "Conv":
                return num_vars(x[-3:]), 2
            case "Dense":
                return log_padded(x[-1]), 2
            case "MatMul":
                return num_vars([*x[:-2], x[-1]]), 3
            case _:
                return num_vars(x), 3

    def lead(self, trailing: int) -> list[tuple[int, Factor]]:
        """The form's factors before its last ones."""
        factors = self.forms[0].factors
        return factors[: len(factors) - trailing]

    def public_factor(self, point: list[Ext]) -> Ext:
        """Its value where the sumcheck ends."""
        op = self.circuit.op(self.tensor)
        x = self.circuit.shape(op.operands[0])
        if op.kind == "MatMul":
            cut = num_vars(x[:-2])
            along = Factor(entries=[self.of.of(1)] * x[-1]).evaluate(self.of, [x[-1]], point[cut:])
            return Form(self.lead(2)).evaluate(self.of, x[:-2], point[:cut]) * along
        if op.kind == "Mul":
            terms = zip(self.forms, self.weights, strict=True)
            return total(self.of, (form.evaluate(self.of, x, point) * weight for form, weight in terms))
        return self.of.of(1)

    def finish(self, point: list[Ext], left: Value, right: Value, claims: Claims) -> None:
        """Claims on the two operands."""
        op = self.circuit.op(self.tensor)
        a, b = op.operands
        x = self.circuit.shape(a)
        match op.kind:
            case "Conv":
                self.finish_conv(point, left, right, claims)
            case "Dense":
                inner = Factor(point=point)
                claims.push(a, Form([*self.lead(1), (1, inner)]), left)
                output = self.forms[0].factors[-1][1].point
                assert output is not None
                param = self.circuit.op(b).index
                claims.params.append(ParamClaim(param, [self.of.of(1)], output, inner, right))
            case "MatMul":
                cut = num_vars(x[:-2])
                lead = Form.at_point(x[:-2], point[:cut]).factors
                inner = Factor(point=point[cut:])
                (_, row), (_, column) = self.forms[0].factors[-2:]
                claims.push(a, Form([*lead, (1, row), (1, inner)]), left)
                claims.push(b, Form([*lead, (1, inner), (1, column)]), right)
            case _:
                claims.push(a, Form.at_point(x, point), left)
                claims.push(b, Form.at_point(x, point), right)

    def finish_conv(self, point: list[Ext], left: Value, right: Value, claims: Claims) -> None:
        """``lead (x) eq(r_c) (x) eq(r_u) (x) eq(r_v)`` on the input; ``S_i(r_u) T_j(r_v)`` and `eq`s on the weights."""
        of, op = self.of, self.circuit.op(self.tensor)
        x, w = op.operands
        image = self.circuit.shape(x)[-3:]
        outputs, height, width = self.circuit.shape(self.tensor)[-3:]
        (_, channel), (_, row), (_, column) = self.forms[0].factors[-3:]
        at = Form.at_point(image, point)
        claims.push(x, Form([*self.lead(3), *at.factors]), left)
        taps = []
        for k, (factor, length) in enumerate([(row, height), (column, width)]):
            vector = factor.vector(of, length)
            eq = at.factors[k + 1][1].vector(of, image[k + 1])
            axis = []
            for tap in range(op.kernel[k]):
                positions = (h * op.strides[k] + tap * op.dilations[k] - op.pads[k] for h in range(length))
                axis.append(
                    total(of, (vector[h] * eq[u] for h, u in enumerate(positions) if 0 <= u < image[k + 1]))
                )
            taps.append(axis)
        kernel = [a * b for a in taps[0] for b in taps[1]]
        param = self.circuit.op(w).index
        inner = at.factors[0][1]
        if op.groups == 1:
            assert channel.point is not None
            claims.params.append(ParamClaim(param, kernel, channel.point, inner, right))
            return
        # Columns of the weights are (o, c), with c counted within the group of o.
        per_group, group_outputs = image[0] // op.groups, outputs // op.groups
        channels, inputs = channel.vector(of, outputs), inner.vector(of, image[0])
        entries = [
            channels[o] * inputs[o // group_outputs * per_group + c] for o in range(outputs) for c in range(per_group)
        ]
        claims.params.append(ParamClaim(param, kernel, [], Factor(entries=entries), right))


def contract(circuit: Circuit, jobs: Jobs, claims: Claims, transcript: Transcript) -> None:
    """The second batch of a wave."""
    contractions, sums = [], []
    for tensor, own in jobs:
        if not own:
            raise BadKey(f"no claim on `{circuit.tensors[tensor].name}`")
        forms, weights, value = merge(own, transcript)
        contractions.append(Contraction(circuit, tensor, forms, weights, transcript.field))
        sums.append(value)
    shapes = [contraction.shape() for contraction in contractions]
    reduced = sumcheck.verify(transcript, "contractions", shapes, sums)
    ends = transcript.receive("operand values", 2 * len(contractions))
    expected = transcript.public(0)
    for k, (contraction, weight) in enumerate(zip(contractions, reduced.weights, strict=True)):
        left, right = ends[2 * k : 2 * k + 2]
        point = reduced.tail(shapes[k][0])
        expected = expected + transcript.product(left, right) * (contraction.public_factor(point) * weight)
        contraction.finish(point, left, right, claims)
    transcript.check_zero("contractions", reduced.left - expected)
