//! Claims: what is left to be shown about a tensor.

use veritorch_commitment::ParamClaim;
use veritorch_graph::circuit::TensorId;
use veritorch_sumcheck::{Ext, Factor, Form};

/// `<form, tensor> = value`. Values are field elements for the prover and opaque messages for the verifier.
#[derive(Clone, Debug)]
pub(crate) struct Claim<E, V> {
    /// A public rank-one form.
    pub(crate) form: Form<E>,
    /// Its value on the tensor.
    pub(crate) value: V,
}

/// `sum_{k, o, c} kernel(k) eq(output, o) column(c) W(k, o, c) = value` on a weight tensor.
#[derive(Clone, Debug)]
pub(crate) struct ParamForm<E> {
    /// Position in `Circuit::params`.
    pub(crate) param: usize,
    /// One coefficient per kernel position.
    pub(crate) kernel: Vec<E>,
    /// Point over the output channels.
    pub(crate) output: Vec<E>,
    /// Vector over the columns.
    pub(crate) column: Factor<E>,
}

impl<E: Ext> ParamForm<E> {
    /// As the model commitment takes it.
    pub(crate) fn into_claim<V>(self, value: V) -> ParamClaim<E, V> {
        let Self { param, kernel, output, column } = self;
        ParamClaim { param, kernel, output_point: output, column, value }
    }
}

/// Claims by tensor, and those that have arrived at the weights.
#[derive(Clone, Debug)]
pub(crate) struct ClaimSet<E, V> {
    by_tensor: Vec<Vec<Claim<E, V>>>,
    /// Claims on weights, in order of arrival.
    pub(crate) params: Vec<(ParamForm<E>, V)>,
}

impl<E, V> ClaimSet<E, V> {
    /// No claims on this number of tensors.
    pub(crate) fn new(num_tensors: usize) -> Self {
        Self { by_tensor: (0..num_tensors).map(|_| Vec::new()).collect(), params: Vec::new() }
    }

    /// Adds a claim.
    pub(crate) fn push(&mut self, tensor: TensorId, form: Form<E>, value: V) {
        if let Some(claims) = self.by_tensor.get_mut(tensor.index()) {
            claims.push(Claim { form, value });
        }
    }

    /// Takes the claims on a tensor.
    pub(crate) fn take(&mut self, tensor: TensorId) -> Vec<Claim<E, V>> {
        self.by_tensor.get_mut(tensor.index()).map(std::mem::take).unwrap_or_default()
    }

    /// Takes the claims on weights.
    pub(crate) fn take_params(&mut self) -> Vec<ParamClaim<E, V>>
    where
        E: Ext,
    {
        std::mem::take(&mut self.params).into_iter().map(|(form, value)| form.into_claim(value)).collect()
    }

    /// Adds what a contraction ended in.
    pub(crate) fn push_operand(&mut self, operand: Operand<E>, value: V) {
        match operand {
            Operand::Tensor(tensor, form) => self.push(tensor, form, value),
            Operand::Param(form) => self.params.push((form, value)),
        }
    }
}

/// The form that is claimed on an operand.
#[derive(Clone, Debug)]
pub(crate) enum Operand<E> {
    /// On a tensor of the circuit.
    Tensor(TensorId, Form<E>),
    /// On a weight tensor.
    Param(ParamForm<E>),
}
