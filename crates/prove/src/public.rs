//! What both sides of one proof derive from the key and the number of samples.

use veritorch_commitment::whir::Root;
use veritorch_commitment::{CommitmentError, ModelLayout, Opening, Place, SecurityLevel, TensorClaim, model};
use veritorch_graph::circuit::{Circuit, CircuitError, Constraint, Op, TensorId, Visibility};
use veritorch_lookup::LookupError;
use veritorch_sumcheck::field::int;
use veritorch_sumcheck::form::padded_vars;
use veritorch_sumcheck::products::PadLayout;
use veritorch_sumcheck::transcript::Transcript;
use veritorch_sumcheck::{Ext, Form, Value, VerifierTranscript};

use crate::claim::ClaimSet;
use crate::effort::count_claims;
use crate::error::VerifyError;
use crate::key::VerifyingKey;
use crate::lookups::Lookups;
use crate::protocol::{DOMAIN, messages};
use crate::statement::Statement;
use crate::tensor::{PortLink, Sizes};

/// Entries that the innermost sum of a form over public entries runs over, at least.
const MIN_TAIL: usize = 256;

const CONSTRAINT_POINT: &str = "constraint point";

/// The stack of private inputs, hints, multiplicities and pads.
pub(crate) const WITNESS: usize = 0;
/// The stack of combined rows.
pub(crate) const COMBINATIONS: usize = 1;

/// The circuit of a proof with the places of its tensors.
pub(crate) struct Plan {
    pub(crate) circuit: Circuit,
    pub(crate) lookups: Lookups,
    pub(crate) model: ModelLayout,
    /// Committed inputs and outputs.
    pub(crate) links: Vec<PortLink>,
    pub(crate) level: SecurityLevel,
    /// Whether anything is to stay hidden.
    pub(crate) hidden: bool,
    /// The tensor's place in the witness stack, if it is committed.
    pub(crate) slots: Vec<Option<usize>>,
    /// The place of a table's multiplicities in the witness stack.
    multiplicity_slots: Vec<Option<usize>>,
    /// Upper bound for the number of claims that arrive at each tensor.
    num_claims: Vec<usize>,
}

/// A plan with its commitments over a field of challenges.
pub(crate) struct Public<E: Ext> {
    pub(crate) plan: Plan,
    pub(crate) opening: Opening<E>,
    /// Where each pad lies in the tensor of pads, which is the last of the witness stack.
    pub(crate) pads: Option<PadLayout>,
    /// Checks whose values depend on pads.
    pub(crate) num_checks: usize,
}

impl<E: Ext> Public<E> {
    /// Derives everything; a protocol without masks is for tests.
    pub(crate) fn new<X>(key: &VerifyingKey, sizes: &Sizes) -> Result<Self, X>
    where
        X: From<LookupError> + From<CommitmentError> + From<CircuitError> + From<VerifyError>,
    {
        let policy = key.circuit.policy;
        let hidden = key.lifetime > 0 || [policy.input, policy.output].iter().any(|&visibility| visibility != Visibility::Public);
        Self::with_masks(key, sizes, hidden)
    }

    /// As [`Self::new`], with or without masks.
    pub(crate) fn with_masks<X>(key: &VerifyingKey, sizes: &Sizes, hidden: bool) -> Result<Self, X>
    where
        X: From<LookupError> + From<CommitmentError> + From<CircuitError> + From<VerifyError>,
    {
        let (plan, mut shapes) = Plan::new::<X>(key, sizes, hidden)?;
        let (mut pads, mut num_checks) = (None, 0);
        if hidden {
            // The messages of a proof are always the same in number, order and length: a run without a proof counts them.
            let statement = Statement::empty(&plan.circuit, sizes);
            let mut transcript = VerifierTranscript::rehearse(DOMAIN);
            let _ = messages::<E>(key, &plan, &statement, &mut transcript)?;
            let layout = PadLayout::new(transcript.masking());
            num_checks = transcript.take_checks::<E>().len();
            // A circuit without lookups and hints may ask for no message at all.
            if !layout.is_empty() {
                shapes.push(vec![E::DEGREE, layout.len()]);
                pads = Some(layout);
            }
        }
        let mut stacks = vec![shapes];
        let combined: Vec<Vec<usize>> = plan.layouts().into_iter().flat_map(model::combined_shapes::<E>).collect();
        if !combined.is_empty() {
            stacks.push(combined);
        }
        let opening = Opening::new(&stacks, hidden, plan.level)?;
        Ok(Self { plan, opening, pads, num_checks })
    }

    /// The tensor of pads in the witness stack, with the places of the pads.
    pub(crate) fn pad_tensor(&self) -> Option<(usize, PadLayout)> {
        let tensor = self.opening.layout(WITNESS).num_tensors().checked_sub(1)?;
        self.pads.clone().map(|layout| (tensor, layout))
    }
}

impl Plan {
    /// The plan, and the shapes of the witness stack.
    fn new<X>(key: &VerifyingKey, sizes: &Sizes, hidden: bool) -> Result<(Self, Vec<Vec<usize>>), X>
    where
        X: From<LookupError> + From<CommitmentError> + From<CircuitError>,
    {
        let circuit = key.circuit.instantiate(sizes.batch);
        let lookups = Lookups::new(&circuit)?;
        let mut shapes = Vec::new();
        let mut slots = vec![None; circuit.tensors.len()];
        for (index, tensor) in circuit.tensors.iter().enumerate() {
            if circuit.is_committed(TensorId(index as u32)) {
                slots[index] = Some(shapes.len());
                shapes.push(tensor.shape.clone());
            }
        }
        let mut multiplicity_slots = vec![None; circuit.tables.len()];
        for table in lookups.argument.used_tables() {
            multiplicity_slots[table] = Some(shapes.len());
            shapes.push(vec![circuit.tables[table].len()]);
        }
        let (model, level) = (key.model_layout()?, key.level());
        let links = PortLink::all(&circuit, sizes, key.profile)?;
        let num_claims = count_claims(&circuit, &lookups, &links)?;
        Ok((Self { circuit, lookups, model, links, level, hidden, slots, multiplicity_slots, num_claims }, shapes))
    }

    /// Whether any claim will stand on weights.
    pub(crate) fn has_weights(&self) -> bool {
        self.num_param_claims() > 0
    }

    /// Layouts of the long-lived matrices that the proof opens: the model's, if any claim will stand on weights, then those of committed
    /// inputs and outputs.
    pub(crate) fn layouts(&self) -> Vec<&ModelLayout> {
        let model = self.has_weights().then_some(&self.model);
        model.into_iter().chain(self.links.iter().map(|link| &link.layout)).collect()
    }

    /// The same with their roots.
    pub(crate) fn matrices<'a>(&'a self, key: &'a VerifyingKey, statement: &'a Statement) -> Vec<(&'a ModelLayout, &'a Root)> {
        let model = self.has_weights().then_some(&key.model_root);
        self.layouts().into_iter().zip(model.into_iter().chain(statement.commitments.iter().map(|own| &own.root))).collect()
    }

    /// Upper bound for the number of claims that arrive at a tensor.
    pub(crate) fn num_claims(&self, tensor: TensorId) -> usize {
        self.num_claims.get(tensor.index()).copied().unwrap_or(0)
    }

    /// Upper bound for the number of claims on the witness.
    pub(crate) fn num_witness_claims(&self) -> usize {
        let claims = self.slots.iter().zip(&self.num_claims).filter(|(slot, _)| slot.is_some());
        claims.map(|(_, claims)| claims).sum::<usize>() + self.circuit.tables.len()
    }

    /// Upper bound for the number of claims on the weights.
    pub(crate) fn num_param_claims(&self) -> usize {
        let weights = self.circuit.tensors.iter().zip(&self.num_claims).filter(|(tensor, _)| matches!(tensor.op, Op::Weight { .. }));
        weights.map(|(_, claims)| claims).sum()
    }

    /// What the witness has to be opened to, in the order of its stack.
    pub(crate) fn witness_claims<E: Ext>(
        &self,
        claims: &mut ClaimSet<E, Value<E>>,
        multiplicities: Vec<(usize, Form<E>, Value<E>)>,
    ) -> Vec<TensorClaim<E>> {
        let mut all = Vec::new();
        for (index, slot) in self.slots.iter().enumerate() {
            if let Some(tensor) = *slot {
                let own = claims.take(TensorId(index as u32));
                all.extend(own.into_iter().map(|claim| TensorClaim { terms: vec![(Place { stack: WITNESS, tensor }, claim.form)], value: claim.value }));
            }
        }
        all.extend(multiplicities.into_iter().filter_map(|(table, form, value)| {
            let tensor = self.multiplicity_slots.get(table).copied()??;
            Some(TensorClaim { terms: vec![(Place { stack: WITNESS, tensor }, form)], value })
        }));
        all
    }

    /// Tensors whose entries are public, with those entries: outputs, and zero constraints.
    fn constrained<'a>(&'a self, statement: &'a Statement) -> impl Iterator<Item = (TensorId, Option<&'a [i64]>)> {
        let zeros = self.circuit.constraints.iter().filter_map(|constraint| match constraint {
            Constraint::Zero { tensor } => Some((*tensor, None)),
            Constraint::Lookup { .. } => None,
        });
        let outputs = self.circuit.outputs.iter().zip(&statement.outputs);
        zeros.chain(outputs.map(|(port, values)| (port.tensor, Some(values.as_slice()))))
    }

    /// Claims on tensors whose entries are public, at points drawn now.
    pub(crate) fn constraint_claims<E: Ext>(&self, statement: &Statement, transcript: &mut impl Transcript) -> Vec<(TensorId, Form<E>, E)> {
        self.constrained(statement)
            .map(|(tensor, entries)| {
                let shape = &self.circuit.tensor(tensor).shape;
                let point = transcript.challenges(CONSTRAINT_POINT, padded_vars(shape));
                let form = Form::at_point(shape, &point);
                let value = entries.map_or(E::ZERO, |entries| public_value(&form, shape, entries));
                (tensor, form, value)
            })
            .collect()
    }
}

/// `<form, T>` for public entries.
pub(crate) fn public_value<E: Ext>(form: &Form<E>, shape: &[usize], entries: &[i64]) -> E {
    let (head, tail) = form.split(shape, MIN_TAIL);
    let row = |row: &[i64]| -> E { row.iter().zip(&tail).map(|(&entry, &weight)| weight * int(entry)).sum() };
    entries.chunks(tail.len().max(1)).zip(head).map(|(entries, weight)| row(entries) * weight).sum()
}
