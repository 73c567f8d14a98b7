//! Puts a batch axis in front of every tensor that is not a weight.

use super::{AxisFactor, AxisLink, AxisMap, Circuit, Op, SeparableMap, Term};

impl Circuit {
    /// The circuit for `batch` samples in one proof: axis 0 of every input, activation and output is the sample.
    ///
    /// # Panics
    /// If `batch` is 0 or the circuit has a batch axis already.
    #[must_use]
    pub fn instantiate(&self, batch: usize) -> Self {
        assert!(batch > 0 && self.batch == 0, "a circuit is instantiated once, for at least one sample");
        let is_weight = |index: usize| matches!(self.tensors[index].op, Op::Weight { .. });
        let mut circuit = self.clone();
        circuit.batch = batch;
        for tensor in &mut circuit.tensors {
            if matches!(tensor.op, Op::Weight { .. }) {
                continue;
            }
            tensor.shape.insert(0, batch);
            if let Op::Linear { terms, constant } = &mut tensor.op {
                for term in terms {
                    *term = with_batch_axis(term, is_weight(term.x.index()));
                }
                for (_, factors) in constant {
                    factors.insert(0, AxisFactor::Ones);
                }
            }
        }
        circuit
    }
}

fn with_batch_axis(term: &Term, is_weight: bool) -> Term {
    let shift = usize::from(!is_weight);
    let first = if is_weight {
        AxisLink::Broadcast { output: 0 }
    } else {
        AxisLink::Map { input: 0, output: 0, map: AxisMap::Identity }
    };
    let rest = term.map.links.iter().map(|link| match link.clone() {
        AxisLink::Map { input, output, map } => AxisLink::Map { input: input + shift, output: output + 1, map },
        AxisLink::Broadcast { output } => AxisLink::Broadcast { output: output + 1 },
        AxisLink::Sum { input } => AxisLink::Sum { input: input + shift },
    });
    Term {
        x: term.x,
        coefficient: term.coefficient,
        map: SeparableMap { links: std::iter::once(first).chain(rest).collect() },
    }
}
