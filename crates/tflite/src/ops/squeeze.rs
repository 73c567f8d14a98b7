//! SQUEEZE: axes of extent 1 (option 0; all of them where it is empty) go.

use veritorch_onnx::building::{Stop};

use crate::lowering::{Lowering, axis};

pub(crate) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let x = l.input(0)?;
    let mut gone = l.int_list(0)?.into_iter().map(|at| axis(at.into(), x.shape.len())).collect::<Result<Vec<_>, _>>()?;
    if gone.is_empty() {
        gone = (0..x.shape.len()).filter(|&k| x.shape[k] == 1).collect();
    }
    if let Some(&k) = gone.iter().find(|&&k| x.shape[k] != 1) {
        return Err(Stop::invalid(format!("axis {k} of {:?} is not 1", x.shape)));
    }
    let shape: Vec<usize> = (0..x.shape.len()).filter(|k| !gone.contains(k)).map(|k| x.shape[k]).collect();
    let y = l.reshape(&x, &shape)?;
    l.set(0, y);
    Ok(())
}
