//! Geometry of windows, which convolutions and pools share: padding forms and output extents.
//!
//! `out = floor((in + pads - ((kernel - 1) * dilation + 1)) / stride) + 1`, or `ceil` less windows that start beyond the
//! entries. `SAME_UPPER` and `SAME_LOWER`: `out = ceil(in / stride)`, the odd zero at the far or near end.
//! One-dimensional operators become two-dimensional with extent 1 in front.

use crate::builder::Stop;
use crate::lowering::Lowering;

/// Bound on kernels, strides, dilations and pads, so that products stay far inside 64 bits.
const LIMIT: i64 = 1 << 24;

/// One window for both axes `[vertical, horizontal]`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    pub(super) kernel: [usize; 2],
    pub(super) strides: [usize; 2],
    pub(super) dilations: [usize; 2],
    pub(super) pads: [usize; 2],
    pub(super) far_pads: [usize; 2],
    pub(super) out: [usize; 2],
}

/// Reads the attributes of a window over the axes behind `[N, C]`.
pub(super) fn window(
    l: &Lowering<'_>,
    shape: &[usize],
    kernel: Option<&[usize]>,
    ceil: bool,
) -> Result<Window, Stop> {
    let spatial = spatial(shape)?;
    let rank = shape.len() - 2;
    let named = list(l, "kernel_shape", rank, 1)?;
    let kernel = match (kernel, named) {
        (Some(kernel), None) => kernel.to_vec(),
        (Some(kernel), Some(named)) if kernel == named => named,
        (Some(kernel), Some(named)) => {
            return Err(Stop::invalid(format!(
                "kernel_shape {named:?}, weights {kernel:?}"
            )));
        }
        (None, Some(named)) => named,
        (None, None) => return Err(Stop::invalid("attribute `kernel_shape` is missing")),
    };
    let strides = list(l, "strides", rank, 1)?.unwrap_or_else(|| vec![1; rank]);
    let dilations = list(l, "dilations", rank, 1)?.unwrap_or_else(|| vec![1; rank]);
    let pads = list(l, "pads", 2 * rank, 0)?;
    let auto_pad = l.string("auto_pad", "NOTSET")?;
    let mut window = Window {
        kernel: [1; 2],
        strides: [1; 2],
        dilations: [1; 2],
        pads: [0; 2],
        far_pads: [0; 2],
        out: [1; 2],
    };
    for k in 0..rank {
        let at = 2 - rank + k;
        let span = (kernel[k] - 1) * dilations[k] + 1;
        let (near, far) = match auto_pad.as_str() {
            "NOTSET" | "" => pads
                .as_ref()
                .map_or((0, 0), |pads| (pads[k], pads[rank + k])),
            "VALID" => (0, 0),
            "SAME_UPPER" | "SAME_LOWER" => {
                let out = spatial[at].div_ceil(strides[k]);
                let total = ((out - 1) * strides[k] + span).saturating_sub(spatial[at]);
                let half = total / 2;
                if auto_pad == "SAME_UPPER" {
                    (half, total - half)
                } else {
                    (total - half, half)
                }
            }
            other => return Err(Stop::invalid(format!("auto_pad `{other}`"))),
        };
        let padded = spatial[at] + near + far;
        let room = padded.checked_sub(span).ok_or_else(|| {
            Stop::invalid(format!(
                "a window of {span} does not fit into {padded} padded entries"
            ))
        })?;
        let mut out = if ceil {
            room.div_ceil(strides[k])
        } else {
            room / strides[k]
        } + 1;
        // a window must start inside the entries or the padding before them
        if ceil && (out - 1) * strides[k] >= spatial[at] + near {
            out -= 1;
        }
        window.kernel[at] = kernel[k];
        window.strides[at] = strides[k];
        window.dilations[at] = dilations[k];
        window.pads[at] = near;
        window.far_pads[at] = far;
        window.out[at] = out;
    }
    Ok(window)
}

/// The two extents behind `[N, C]`, 1 in front where there is only one.
pub(super) fn spatial(shape: &[usize]) -> Result<[usize; 2], Stop> {
    match *shape {
        [_, _, width] => Ok([1, width]),
        [_, _, height, width] => Ok([height, width]),
        _ => Err(Stop::hinted(
            format!(
                "works on {} axes behind batch and channels",
                shape.len().saturating_sub(2)
            ),
            "use one- or two-dimensional layers",
        )),
    }
}

/// `[N, C, H, W]` of a shape of rank 3 or 4.
pub(super) fn planes(shape: &[usize]) -> Result<Vec<usize>, Stop> {
    let [height, width] = spatial(shape)?;
    Ok(vec![shape[0], shape[1], height, width])
}

/// An attribute of `rank` numbers, each at least `least`.
pub(super) fn list(
    l: &Lowering<'_>,
    name: &str,
    rank: usize,
    least: i64,
) -> Result<Option<Vec<usize>>, Stop> {
    let Some(numbers) = l.ints(name)? else {
        return Ok(None);
    };
    if numbers.is_empty() {
        return Ok(None);
    }
    if numbers.len() != rank {
        return Err(Stop::invalid(format!(
            "expected {rank} {name}, got {numbers:?}"
        )));
    }
    if name == "pads" && numbers.iter().any(|x| (-LIMIT..0).contains(x)) {
        return Err(Stop::hinted("negative pads", "crop with a slice"));
    }
    numbers
        .iter()
        .map(|&x| {
            let in_range = (least..=LIMIT).contains(&x);
            usize::try_from(x)
                .ok()
                .filter(|_| in_range)
                .ok_or_else(|| Stop::invalid(format!("{name} {numbers:?}")))
        })
        .collect::<Result<Vec<_>, _>>()
        .map(Some)
}
