//! Unique: the distinct entries (or slices along an axis) of a constant, their first places, where each went, and how often.

use std::collections::BTreeMap;

use crate::builder::Stop;
use crate::constant::Data;
use crate::lowering::{Lowering, axis};

pub(super) fn lower(l: &mut Lowering<'_>) -> Result<(), Stop> {
    let sorted = l.int("sorted", 1)? != 0;
    let named = l.optional_int("axis")?;
    let x = l.input(0)?;
    let (shape, at) = match named {
        Some(named) => (x.shape.clone(), axis(named, x.shape.len())?),
        None => (vec![x.shape.iter().product()], 0),
    };
    let Some(data) = x.data() else {
        return Err(Stop::hinted("its input depends on the model's input", "circuits have static shapes: unique works on constants"));
    };
    let (extent, inner) = (shape[at], shape[at + 1..].iter().product::<usize>());
    let outer = shape[..at].iter().product::<usize>();
    l.charge(data.len().saturating_mul(4))?;
    let key = |place: usize| -> (i64, u32) {
        match data {
            Data::Int(data) => (data[place], 0),
            Data::Bool(data) => (data[place].into(), 0),
            // the order of floats as unsigned integers
            Data::Float(data) => {
                let bits = (data[place] + 0.0).to_bits();
                (0, if bits >> 31 == 1 { !bits } else { bits | 1 << 31 })
            }
        }
    };
    let slice = |k: usize| (0..outer).flat_map(move |o| (0..inner).map(move |i| (o * extent + k) * inner + i));
    let mut found: BTreeMap<Vec<(i64, u32)>, (usize, i64)> = BTreeMap::new();
    let keys: Vec<Vec<(i64, u32)>> = (0..extent).map(|k| slice(k).map(key).collect()).collect();
    for (k, key) in keys.iter().enumerate() {
        found.entry(key.clone()).or_insert((k, 0)).1 += 1;
    }
    let mut firsts: Vec<(usize, i64)> = found.values().copied().collect();
    if !sorted {
        firsts.sort_unstable();
    }
    let rank_of: BTreeMap<usize, i64> = firsts.iter().map(|first| first.0).zip(0..).collect();
    let indices: Vec<usize> = firsts.iter().map(|first| first.0).collect();
    let whole = |numbers: Vec<i64>| Data::Int(numbers);
    let mut unique = shape.clone();
    unique[at] = indices.len();
    let places: Vec<usize> =
        (0..outer).flat_map(|o| indices.iter().flat_map(move |&k| (0..inner).map(move |i| (o * extent + k) * inner + i))).collect();
    let entries = match data {
        Data::Int(data) => Data::Int(places.iter().map(|&k| data[k]).collect()),
        Data::Bool(data) => Data::Bool(places.iter().map(|&k| data[k]).collect()),
        Data::Float(data) => Data::Float(places.iter().map(|&k| data[k]).collect()),
    };
    let y = l.constant("unique", unique, entries)?;
    l.set(0, y);
    let inverse = keys.iter().map(|key| rank_of[&found[key].0]).collect();
    let first = indices.iter().map(|&k| i64::try_from(k).unwrap_or(i64::MAX)).collect();
    let counts = firsts.iter().map(|first| first.1).collect();
    for (k, (name, numbers)) in [("first", first), ("inverse", inverse), ("counts", counts)].into_iter().enumerate() {
        let numbers: Vec<i64> = numbers;
        let y = l.constant(name, vec![numbers.len()], whole(numbers))?;
        l.set(k + 1, y);
    }
    Ok(())
}
