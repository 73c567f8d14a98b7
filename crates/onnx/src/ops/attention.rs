//! Attention: `softmax(Q K^T * scale + mask) V` for each head, on `[batch, heads, length, size]` or, with `q_num_heads` and
//! `kv_num_heads`, on `[batch, length, heads * size]`.
//!
//! * Fewer heads of keys and values than of queries: each serves as many queries' heads (grouped-query attention).
//! * Masks: constant truth values, or numbers to be added (constant ones may be `-inf`); `is_causal` leaves out later keys.
//!   Lines that are masked altogether are zero.
//! * `past_key`, `past_value` go in front of keys and values; `softcap` is `c * tanh(scores / c)`, before the mask.
//!
//! `scale` is `1 / sqrt(size)` by default.

use veritorch_graph::model::{ModelOp, UnaryFn};

use super::matmul::matmul;
use crate::builder::{Operand, Stop};
use crate::constant::{Constant, Data};
use crate::element::Kind;
use crate::lowering::{Lowering, require_float};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    l.int("softmax_precision", 1)?;
    let mode = l.int("qk_matmul_output_mode", 0)?;
    let causal = l.int("is_causal", 0)? != 0;
    let softcap = l.float("softcap", 0.0)?;
    let rank = l.input(0)?.shape.len();
    let (q_heads, kv_heads) = (heads(l, "q_num_heads")?, heads(l, "kv_num_heads")?);
    let q = split_heads(l, "q", 0, q_heads)?;
    let mut k = split_heads(l, "k", 1, kv_heads)?;
    let mut v = split_heads(l, "v", 2, kv_heads)?;
    let mut past = 0;
    if let (Some(past_key), Some(past_value)) = (l.optional(4), l.optional(5)) {
        past = *past_key.shape.get(2).ok_or_else(|| Stop::invalid("past_key is not of rank 4"))?;
        k = append(l, "present_key", &past_key, &k)?;
        v = append(l, "present_value", &past_value, &v)?;
    }
    l.set(1, k.clone());
    l.set(2, v.clone());
    let (k, v) = (repeat_heads(l, "k_heads", &k, q.shape[1])?, repeat_heads(l, "v_heads", &v, q.shape[1])?);
    #[expect(clippy::cast_precision_loss, reason = "sizes are small")]
    let scale = match l.optional_float_attribute("scale")? {
        Some(scale) => scale,
        None => 1.0 / (q.shape[3] as f32).sqrt(),
    };
    let q = l.scale("scale", &q, scale)?;
    let k = l.transpose("keys", &k, &[0, 1, 3, 2])?;
    let mut scores = matmul(l, "scores", &q, &k)?;
    let raw = scores.clone();
    if softcap > 0.0 {
        let shrunk = l.scale("softcap_shrink", &scores, 1.0 / softcap)?;
        let shape = shrunk.shape.clone();
        let tanh = l.emit("softcap", ModelOp::Unary(UnaryFn::Tanh), &[&shrunk], shape)?;
        scores = l.scale("softcap_grow", &tanh, softcap)?;
    }
    let capped = scores.clone();
    let shape = scores.shape.clone();
    if let Some(mask) = l.optional(3) {
        scores = add_mask(l, &scores, &mask)?;
    }
    if causal {
        scores = add_causal(l, &scores, past)?;
    }
    if scores.shape != shape {
        return Err(Stop::invalid(format!("a mask makes the scores {:?}, expected {shape:?}", scores.shape)));
    }
    let biased = scores.clone();
    let weights = l.emit("softmax", ModelOp::Softmax { axis: 3 }, &[&scores], shape)?;
    match mode {
        0 => l.set(3, raw),
        1 => l.set(3, capped),
        2 => l.set(3, biased),
        3 => l.set(3, weights.clone()),
        _ => return Err(Stop::invalid(format!("attribute `qk_matmul_output_mode` is {mode}"))),
    }
    let mut y = matmul(l, "values", &weights, &v)?;
    if rank == 3 {
        let [batch, count, length, size] = y.shape[..] else { return Err(Stop::invalid("expected rank 4")) };
        let turned = l.transpose("turn", &y, &[0, 2, 1, 3])?;
        y = l.reshape("join", &turned, vec![batch, length, count * size])?;
    }
    l.set(0, y);
    Ok(())
}

fn heads(l: &Lowering<'_>, name: &str) -> Result<Option<usize>, Stop> {
    l.optional_int(name)?
        .map(|count| usize::try_from(count).ok().filter(|&count| count > 0))
        .map(|count| count.ok_or_else(|| Stop::invalid(format!("attribute `{name}` is not positive"))))
        .transpose()
}

/// An input as `[batch, heads, length, size]`.
fn split_heads(l: &mut Lowering<'_>, part: &str, input: usize, heads: Option<usize>) -> Result<Operand, Stop> {
    let x = l.input(input)?;
    require_float(&x, part)?;
    match (x.shape.as_slice(), heads) {
        (&[_, _, _, _], _) => Ok(x),
        (&[batch, length, hidden], Some(heads)) if hidden % heads == 0 => {
            let split = l.reshape(&format!("{part}_split"), &x, vec![batch, length, heads, hidden / heads])?;
            l.transpose(&format!("{part}_turn"), &split, &[0, 2, 1, 3])
        }
        (shape, heads) => Err(Stop::invalid(format!("input {part} is {shape:?}, heads {heads:?}"))),
    }
}

fn append(l: &mut Lowering<'_>, part: &str, past: &Operand, x: &Operand) -> Result<Operand, Stop> {
    let mut shape = x.shape.clone();
    shape[2] = shape[2].saturating_add(past.shape.get(2).copied().unwrap_or(0));
    if past.shape.contains(&0) { Ok(x.clone()) } else { l.emit(part, ModelOp::Concat { axis: 2 }, &[past, x], shape) }
}

/// Each head as often as the queries' heads need it.
fn repeat_heads(l: &mut Lowering<'_>, part: &str, x: &Operand, count: usize) -> Result<Operand, Stop> {
    let [batch, heads, length, size] = x.shape[..] else { return Err(Stop::invalid("expected rank 4")) };
    if heads == count {
        return Ok(x.clone());
    }
    if heads == 0 || !count.is_multiple_of(heads) {
        return Err(Stop::invalid(format!("{count} heads of queries, {heads} of keys and values")));
    }
    let single = l.reshape(&format!("{part}_group"), x, vec![batch, heads, 1, length, size])?;
    let all = l.expand(part, &single, &[batch, heads, count / heads, length, size])?;
    l.reshape(&format!("{part}_join"), &all, vec![batch, count, length, size])
}

fn add_mask(l: &mut Lowering<'_>, scores: &Operand, mask: &Operand) -> Result<Operand, Stop> {
    let mask = &pad_mask(l, mask, scores.shape[3])?;
    match (mask.kind, mask.data()) {
        (Kind::Float, _) => l.binary("mask", ModelOp::Add, scores, mask),
        (Kind::Bool, Some(data @ Data::Bool(flags))) => {
            l.charge(flags.len())?;
            let keep = Constant { shape: mask.shape.clone(), data: data.clone() };
            l.masked("mask", scores, keep)
        }
        _ => Err(Stop::hinted(
            "the mask depends on the model's input",
            "choose by constant masks only, or fix the mask input to a number",
        )),
    }
}

/// Keys that a mask says nothing about are left out.
fn pad_mask(l: &mut Lowering<'_>, mask: &Operand, keys: usize) -> Result<Operand, Stop> {
    let Some((&extent, outer)) = mask.shape.split_last() else { return Ok(mask.clone()) };
    if extent >= keys || extent == 1 {
        return Ok(mask.clone());
    }
    let tail = [outer, &[keys - extent]].concat();
    let count = tail.iter().product();
    l.charge(count)?;
    let data = if mask.kind == Kind::Bool { Data::Bool(vec![false; count]) } else { Data::Float(vec![f32::NEG_INFINITY; count]) };
    let tail = l.constant("tail", tail, data)?;
    l.emit("mask_pad", ModelOp::Concat { axis: outer.len() }, &[mask, &tail], [outer, &[keys]].concat())
}

/// Query `i` sees key `j` where `j <= i + past`.
fn add_causal(l: &mut Lowering<'_>, scores: &Operand, past: usize) -> Result<Operand, Stop> {
    let (rows, columns) = (scores.shape[2], scores.shape[3]);
    l.charge(rows.saturating_mul(columns))?;
    let flags = (0..rows).flat_map(|i| (0..columns).map(move |j| j <= i + past)).collect();
    let keep = Constant { shape: vec![1, 1, rows, columns], data: Data::Bool(flags) };
    l.masked("causal", scores, keep)
}
