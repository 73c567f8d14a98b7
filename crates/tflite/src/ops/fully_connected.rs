//! FULLY_CONNECTED: `x w^T + b` with `w [O, I]`, on rows of `I` entries; the axes in front of them stay where option 2 says so.

use veritorch_graph::model::Rounding;
use veritorch_onnx::building::{Attributes, Stop};

use crate::lowering::Lowering;

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    if l.byte(1)? != 0 {
        return Err(Stop::unsupported("weights in shuffled order"));
    }
    // hybrid kernels' choice, and the type that biases of integers have
    l.skip(3);
    l.skip(4);
    let keeps_axes = l.flag(2)?;
    let (x, w) = (l.input(0)?, l.input(1)?);
    let &[outputs, inputs] = w.shape.as_slice() else { return Err(Stop::invalid(format!("weights {:?}", w.shape))) };
    let count: usize = x.shape.iter().product();
    if inputs == 0 || !count.is_multiple_of(inputs) {
        return Err(Stop::invalid(format!("input {:?}, weights {:?}", x.shape, w.shape)));
    }
    let w = l.transpose(&w, &[1, 0])?;
    let mut shape = vec![count / inputs, inputs];
    if keeps_axes && x.shape.last() == Some(&inputs) && x.shape.len() > 1 {
        shape.clone_from(&x.shape);
    }
    let x = l.reshape(&x, &shape)?;
    let mut y = l.apply("MatMul", Attributes::new(), &[&x, &w])?;
    if let Some(bias) = l.optional(2) {
        if bias.shape != [outputs] {
            return Err(Stop::invalid(format!("bias {:?}, expected [{outputs}]", bias.shape)));
        }
        y = l.apply("Add", Attributes::new(), &[&y, &bias])?;
    }
    let axis = y.shape.len() - 1;
    // of integers, unlike the other layers
    let y = l.end_of_layer([0, 1], 0, axis, Rounding::Once, y)?;
    l.set(0, y);
    Ok(())
}
