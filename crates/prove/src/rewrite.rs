//! Linear maps and shapes: claims on the result are claims on the operands, without a sumcheck.
//!
//! `y = sum_i c_i L_i(x_i) + k` gives `<v, y> = sum_i c_i <L_i^T v, x_i> + <v, k>`, and `L^T v` of a rank-one form under an
//! axiswise map is rank one. The prover sends every `<L_i^T v, x_i>` but one, which follows. No soundness error.

use p3_field::Field;
use veritorch_graph::circuit::{AxisFactor, AxisLink, AxisMap, Circuit, Op, SeparableMap, TensorId, Term};
use veritorch_sumcheck::field::int;
use veritorch_sumcheck::form::kronecker;
use veritorch_sumcheck::{Ext, Factor, Form};

/// Whether the map can act on the form: joint factors only where the map is the identity.
pub(crate) fn can_rewrite<E: Ext>(op: &Op, form: &Form<E>) -> bool {
    match op {
        Op::Linear { terms, .. } => form.is_separable() || terms.iter().all(|term| term.map.is_identity()),
        _ => true,
    }
}

/// The form on a term's operand, such that `<form, map(x)> = <result, x>`.
pub(crate) fn transpose<E: Ext>(circuit: &Circuit, result: TensorId, term: &Term, form: &Form<E>) -> Form<E> {
    if term.map.is_identity() {
        return form.clone();
    }
    let output_shape = &circuit.tensor(result).shape;
    let input_shape = &circuit.tensor(term.x).shape;
    let mut factors: Vec<Factor<E>> = vec![Factor::Explicit(Vec::new()); input_shape.len()];
    let mut scale = E::ONE;
    let SeparableMap { links } = &term.map;
    for link in links {
        match link {
            AxisLink::Map { input, output, map } => {
                let (_, factor) = &form.factors[*output];
                factors[*input] = transpose_axis(map, factor, input_shape[*input], output_shape[*output]);
            }
            AxisLink::Broadcast { output } => {
                let (_, factor) = &form.factors[*output];
                scale *= factor.vector(output_shape[*output]).into_iter().sum::<E>();
            }
            AxisLink::Sum { input } => factors[*input] = Factor::ones(),
        }
    }
    scaled(Form::separable(factors), input_shape, scale)
}

fn transpose_axis<E: Ext>(map: &AxisMap, factor: &Factor<E>, input_len: usize, output_len: usize) -> Factor<E> {
    if *map == AxisMap::Identity {
        return factor.clone();
    }
    let output = factor.vector(output_len);
    let mut input = vec![E::ZERO; input_len];
    for (j, i, coefficient) in map.entries(input_len, output_len) {
        input[i] += if coefficient == 1 { output[j] } else { output[j] * int(coefficient) };
    }
    Factor::Explicit(input)
}

/// The form times a number.
fn scaled<E: Ext>(mut form: Form<E>, shape: &[usize], scale: E) -> Form<E> {
    if scale == E::ONE {
        return form;
    }
    // The shortest vector takes the factor.
    let spans: Vec<usize> = form.spans(shape).map(|(span, _)| span.iter().product()).collect();
    let Some(shortest) = (0..spans.len()).min_by_key(|&i| spans[i]) else {
        form.factors.push((0, Factor::Explicit(vec![scale])));
        return form;
    };
    let (_, factor) = &mut form.factors[shortest];
    let vector = factor.vector(spans[shortest]).into_iter().map(|value| value * scale).collect();
    *factor = Factor::Explicit(vector);
    form
}

/// `<form, k>` for the constant of a linear tensor.
pub(crate) fn constant_value<E: Ext>(constant: &[(i64, Vec<AxisFactor>)], shape: &[usize], form: &Form<E>) -> E {
    if constant.is_empty() {
        return E::ZERO;
    }
    let spans: Vec<(&[usize], Sums<E>)> =
        form.spans(shape).map(|(span, factor)| (span, Sums::new(factor.vector(span.iter().product())))).collect();
    constant
        .iter()
        .map(|(value, factors)| {
            let mut rest = factors.as_slice();
            let product: E = spans
                .iter()
                .map(|(span, sums)| {
                    let (own, behind) = rest.split_at_checked(span.len()).unwrap_or_default();
                    rest = behind;
                    sums.inner_product(own, span)
                })
                .product();
            product * int(*value)
        })
        .sum()
}

/// A vector and the sums of its first entries: a mask has a constant per query.
struct Sums<E> {
    vector: Vec<E>,
    /// `sums[j] = vector[0] + .. + vector[j - 1]`.
    sums: Vec<E>,
}

impl<E: Ext> Sums<E> {
    fn new(vector: Vec<E>) -> Self {
        let mut sums = Vec::with_capacity(vector.len() + 1);
        let mut sum = E::ZERO;
        sums.push(sum);
        for &value in &vector {
            sum += value;
            sums.push(sum);
        }
        Self { vector, sums }
    }

    fn upto(&self, end: usize) -> E {
        self.sums.get(end).copied().unwrap_or(E::ZERO)
    }

    /// `sum_j vector(j) * (own_0 (x) own_1 ..)(j)`.
    fn inner_product(&self, own: &[AxisFactor], span: &[usize]) -> E {
        match own {
            [AxisFactor::Interval { start, end }] => return self.upto(*end) - self.upto(*start),
            _ if own.iter().all(|axis| *axis == AxisFactor::Ones) => return self.upto(self.vector.len()),
            _ => {}
        }
        let values = |axis: &AxisFactor, len| (0..len).map(|j| E::from_int(axis.at(j))).collect();
        let public = kronecker(own.iter().zip(span).map(|(axis, &len)| values(axis, len)));
        self.vector.iter().zip(public).map(|(&a, b)| a * b).sum()
    }
}

/// The operand whose claim follows from the others: the first virtual one, whose values are the most expensive to
/// contract, else the last.
pub(crate) fn derived_term(circuit: &Circuit, terms: &[Term]) -> usize {
    let is_virtual = |term: &Term| {
        let op = &circuit.tensor(term.x).op;
        !circuit.is_committed(term.x) && !matches!(op, Op::Weight { .. })
    };
    terms.iter().position(is_virtual).unwrap_or(terms.len().saturating_sub(1))
}

/// `1 / c` for a term's coefficient; the circuit's checker rules out zero.
pub(crate) fn inverse_coefficient<E: Ext>(term: &Term) -> E {
    E::from(int(term.coefficient).try_inverse().unwrap_or_default())
}

/// The form on the operand of a reshape, such that it has the same entries in row-major order.
pub(crate) fn reshape<E: Ext>(output_shape: &[usize], input_shape: &[usize], form: &Form<E>) -> Form<E> {
    // Extents of 1 carry numbers; they are set aside.
    let mut scale = E::ONE;
    let mut outputs: Vec<(usize, &Factor<E>)> = Vec::new();
    for (span, factor) in form.spans(output_shape) {
        let len = span.iter().product();
        if len == 1 {
            scale *= factor.vector(1)[0];
        } else {
            outputs.push((len, factor));
        }
    }
    let mut outputs = outputs.into_iter().peekable();
    let mut factors: Vec<(usize, Factor<E>)> = Vec::new();
    let mut axis = 0;
    while axis < input_shape.len() {
        if input_shape[axis] == 1 {
            factors.push((1, Factor::Explicit(vec![E::ONE])));
            axis += 1;
            continue;
        }
        // The shortest runs of operand axes and of result factors with equal numbers of entries.
        let start = axis;
        let (mut input_len, mut output_len) = (1, 1);
        let mut group = Vec::new();
        while input_len != output_len || input_len == 1 {
            if input_len <= output_len && axis < input_shape.len() {
                input_len *= input_shape[axis];
                axis += 1;
            } else if let Some((len, factor)) = outputs.next() {
                output_len *= len;
                group.push((len, factor));
            } else {
                break;
            }
        }
        factors.extend(regroup(&input_shape[start..axis], &group));
    }
    scaled(Form { factors }, input_shape, scale)
}

fn regroup<E: Ext>(input: &[usize], group: &[(usize, &Factor<E>)]) -> Vec<(usize, Factor<E>)> {
    if let ([_], [(_, factor)]) = (input, group) {
        return vec![(1, (*factor).clone())];
    }
    // Points split and join where every extent is a power of two.
    let points: Option<Vec<&Vec<E>>> = group
        .iter()
        .map(|(len, factor)| match factor {
            Factor::Eq(point) if len.is_power_of_two() => Some(point),
            _ => None,
        })
        .collect();
    if let Some(points) = points
        && input.iter().all(|len| len.is_power_of_two())
    {
        let point: Vec<E> = points.into_iter().flatten().copied().collect();
        return Form::at_point(input, &point).factors;
    }
    let parts = group.iter().flat_map(|&(len, factor)| match factor {
        Factor::Joint(parts) => parts.clone(),
        factor => vec![(len, factor.clone())],
    });
    vec![(input.len(), Factor::Joint(parts.collect()))]
}

#[cfg(test)]
mod tests {
    use veritorch_sumcheck::E2;

    use super::*;

    fn ext(a: u64) -> E2 {
        E2::from_limbs(&[a.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 2, a.wrapping_mul(0xc2b2_ae3d_27d4_eb4f) >> 1])
    }

    #[test]
    fn constants_are_inner_products() {
        let shape = [2, 3, 5];
        let vectors = |lens: &[usize]| lens.iter().map(|&n| (0..n as u64).map(|i| ext(i + 3 * n as u64)).collect()).collect::<Vec<Vec<E2>>>();
        let constant = [
            (7, vec![AxisFactor::Ones, AxisFactor::Interval { start: 1, end: 3 }, AxisFactor::Values(vec![1, 0, -2, 0, 9])]),
            (-3, vec![AxisFactor::Values(vec![4, 5]), AxisFactor::Ones, AxisFactor::Interval { start: 2, end: 2 }]),
            (11, vec![AxisFactor::Ones; 3]),
        ];
        let separable = Form::separable(vectors(&shape).into_iter().map(Factor::Explicit).collect());
        let mut joint = vectors(&[2, 15]).into_iter().map(Factor::Explicit);
        let joint = Form { factors: vec![(1, joint.next().unwrap()), (2, joint.next().unwrap())] };
        for form in [separable, joint] {
            let entry = |at: usize| {
                let index = [at / 15, at / 5 % 3, at % 5];
                constant.iter().map(|(value, factors)| value * factors.iter().zip(index).map(|(f, j)| f.at(j)).product::<i64>()).sum()
            };
            let expected: E2 = form.vector(&shape).into_iter().enumerate().map(|(at, v)| v * E2::from_int(entry(at))).sum();
            assert_eq!(constant_value(&constant, &shape, &form), expected);
        }
    }

    #[test]
    fn reshapes_keep_the_vector() {
        let cases: [(&[usize], &[usize]); 7] = [
            (&[2, 12], &[2, 3, 4]),
            (&[2, 3, 4], &[2, 12]),
            (&[6, 4], &[4, 6]),
            (&[1, 8, 1], &[2, 1, 4]),
            (&[16], &[4, 1, 2, 2]),
            (&[4, 4], &[16, 1]),
            (&[1], &[1, 1]),
        ];
        for (output, input) in cases {
            let explicit = Form::separable(
                output.iter().enumerate().map(|(k, &n)| Factor::Explicit((0..n as u64).map(|i| ext(i + 7 * k as u64 + 1)).collect())).collect(),
            );
            let num_vars: usize = output.iter().map(|n| n.next_power_of_two().trailing_zeros() as usize).sum();
            let point = Form::at_point(output, &(0..num_vars as u64).map(ext).collect::<Vec<_>>());
            for form in [explicit, point] {
                let moved = reshape(output, input, &form);
                assert_eq!(moved.vector(input), form.vector(output), "{output:?} -> {input:?}");
                assert_eq!(moved.factors.iter().map(|(axes, _)| axes).sum::<usize>(), input.len());
            }
        }
    }
}
