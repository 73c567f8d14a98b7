//! Convolution without Fourier transforms and without im2col.
//!
//! `y[l, o, h, w] = sum_{c, i, j} W[i, j, o, c] x[l, c, u, v]` over `u = h*sh + i*dh - ph`, `v = w*sw + j*dw - pw` inside.
//! A claim `lead (x) eq(rho) (x) a (x) b` on `y` is `sum_{c, u, v} X(c, u, v) A(c, u, v)` with
//! `X = sum_l lead(l) x[l, ..]`, `A(c, u, v) = sum_{i, j} B(i, j, c) S_i(u) T_j(v)`, `B(i, j, c) = sum_o eq(rho, o) W[i, j, o, c]`,
//! `S_i(u) = sum_h a(h) [u = h*sh + i*dh - ph]` and likewise `T_j`. At the sumcheck's end `(r_c, r_u, r_v)`, `A` is the rank-one
//! form `S_i(r_u) T_j(r_v) (x) eq(rho) (x) eq(r_c)` on the weights: no sum over taps is left. `S` and `T` are public and run over
//! real positions only, so padding needs no constraint. With groups, the weights' columns are `(o, c)` and the
//! form's vector on them is `v_o(o) eq(r_c, c + group(o) C/g)`, for any vector `v_o`. Soundness error `2 log(CHW) / |E|`.

use rayon::prelude::*;
use veritorch_graph::circuit::{Circuit, ConvGeometry, Op, TensorId};
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::mle::Mle;
use veritorch_sumcheck::{Ext, Factor, Form};

use super::{Values, leading_vector, split_leading};
use crate::claim::{Operand, ParamForm};
use crate::contract::{bind_leading, pad};
use crate::params::{bind_columns, bind_output};

/// The sumcheck over channels and positions of the input.
#[derive(Clone, Debug)]
pub(crate) struct Conv<E> {
    x: TensorId,
    lead_shape: Vec<usize>,
    /// `[C, H, W]` of the input.
    image: [usize; 3],
    param: usize,
    geometry: ConvGeometry,
    num_outputs: usize,
    lead: Vec<(usize, Factor<E>)>,
    channel: Factor<E>,
    /// `S_i(u)`.
    rows: Vec<Vec<E>>,
    /// `T_j(v)`.
    columns: Vec<Vec<E>>,
}

impl<E: Ext> Conv<E> {
    pub(super) fn new(
        circuit: &Circuit,
        x: TensorId,
        w: TensorId,
        geometry: ConvGeometry,
        shape: &[usize],
        form: &Form<E>,
    ) -> Option<Self> {
        let (lead, tail) = split_leading(form, 3)?;
        let Ok([channel, row, column]) = <[Factor<E>; 3]>::try_from(tail) else { return None };
        if geometry.groups == 1 && !matches!(channel, Factor::Eq(_)) {
            return None;
        }
        let Op::Weight { param } = circuit.tensor(w).op else { return None };
        let (lead_shape, image) = circuit.tensor(x).shape.split_last_chunk::<3>()?;
        let [num_outputs, height, width] = *shape.last_chunk::<3>()?;
        let axis = |k: usize, vector: Vec<E>, len| {
            shifts(geometry.kernel[k], geometry.strides[k], geometry.dilations[k], geometry.pads[k], &vector, len)
        };
        Some(Self {
            x,
            lead_shape: lead_shape.to_vec(),
            image: *image,
            param,
            geometry,
            num_outputs,
            lead,
            rows: axis(0, row.vector(height), image[1]),
            columns: axis(1, column.vector(width), image[2]),
            channel,
        })
    }

    pub(super) fn num_vars(&self) -> usize {
        padded_vars(&self.image)
    }

    pub(super) fn tables(&self, values: Values<'_>) -> Vec<Mle<E>> {
        let lead = leading_vector(&self.lead, &self.lead_shape);
        let (x, scale) = bind_leading(values.tensor(self.x), &self.image, &lead);
        let mut channel = self.channel.vector(self.num_outputs);
        channel.iter_mut().for_each(|value| *value *= scale);
        let bound = self.bind_weights(values, &channel);
        vec![x, Mle::new(pad(&self.kernel_image(&bound), &self.image))]
    }

    /// `B(i, j, c)`, row-major.
    fn bind_weights(&self, values: Values<'_>, channel: &[E]) -> Vec<E> {
        let groups = self.geometry.groups;
        if groups == 1 {
            return bind_output(values.params, self.param, channel);
        }
        let inner = self.image[0] / groups;
        let outer = self.num_outputs / groups;
        bind_columns(values.params, self.param, |column| {
            let (o, c) = (column / inner, column % inner);
            (o / outer * inner + c, channel[o])
        }, self.image[0])
    }

    /// `A(c, u, v)`, row-major.
    fn kernel_image(&self, bound: &[E]) -> Vec<E> {
        let [channels, height, width] = self.image;
        let [kernel_height, kernel_width] = self.geometry.kernel;
        let mut image = vec![E::ZERO; channels * height * width];
        image.par_chunks_mut(height * width).enumerate().with_min_len(4).for_each(|(c, plane)| {
            let mut line = vec![E::ZERO; width];
            for i in 0..kernel_height {
                line.fill(E::ZERO);
                for j in 0..kernel_width {
                    let weight = bound[(i * kernel_width + j) * channels + c];
                    line.iter_mut().zip(&self.columns[j]).for_each(|(cell, &shift)| *cell += weight * shift);
                }
                for (row, &shift) in plane.chunks_exact_mut(width).zip(&self.rows[i]) {
                    row.iter_mut().zip(&line).for_each(|(cell, &value)| *cell += shift * value);
                }
            }
        });
        image
    }

    pub(super) fn operands(&self, point: &[E]) -> [Operand<E>; 2] {
        let form = Form::at_point(&self.image, point);
        let mut factors = self.lead.clone();
        factors.extend(form.factors.iter().cloned());
        let at = |shifts: &[Vec<E>], axis: usize| -> Vec<E> {
            let (_, eq) = &form.factors[axis];
            let eq = eq.vector(self.image[axis]);
            shifts.iter().map(|shift| shift.iter().zip(&eq).map(|(&a, &b)| a * b).sum()).collect()
        };
        let (rows, columns) = (at(&self.rows, 1), at(&self.columns, 2));
        let kernel = rows.iter().flat_map(|&row| columns.iter().map(move |&column| row * column)).collect();
        let (_, input) = &form.factors[0];
        let weight = match &self.channel {
            Factor::Eq(output) if self.geometry.groups == 1 => {
                ParamForm { param: self.param, kernel, output: output.clone(), column: input.clone() }
            }
            channel => {
                let column = self.grouped_columns(&channel.vector(self.num_outputs), &input.vector(self.image[0]));
                ParamForm { param: self.param, kernel, output: Vec::new(), column: Factor::Explicit(column) }
            }
        };
        [Operand::Tensor(self.x, Form { factors }), Operand::Param(weight)]
    }

    /// `v_o(o) eq(r_c, c + group(o) C/g)` over `(o, c)`.
    fn grouped_columns(&self, channel: &[E], input: &[E]) -> Vec<E> {
        let inner = self.image[0] / self.geometry.groups;
        let outer = self.num_outputs / self.geometry.groups;
        channel
            .iter()
            .enumerate()
            .flat_map(|(o, &value)| input.iter().skip(o / outer * inner).take(inner).map(move |&eq| value * eq))
            .collect()
    }
}

/// `S_i(u) = sum_h a(h) [u = h * stride + i * dilation - pad]` for each tap `i` and real position `u`.
fn shifts<E: Ext>(taps: usize, stride: usize, dilation: usize, pad: usize, vector: &[E], len: usize) -> Vec<Vec<E>> {
    (0..taps)
        .map(|tap| {
            let mut shift = vec![E::ZERO; len];
            for (h, &value) in vector.iter().enumerate() {
                let position = (h * stride + tap * dilation).checked_sub(pad);
                if let Some(cell) = position.and_then(|u| shift.get_mut(u)) {
                    *cell += value;
                }
            }
            shift
        })
        .collect()
}
