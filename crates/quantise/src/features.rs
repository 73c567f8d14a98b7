//! Steps of features that only decision trees read: comparisons are to come out as they do on floats.
//!
//! Features have a step each, a power of two, such that the greatest of their values and thresholds fits: numbers with few digits, and
//! thresholds half-way between them, are exact. A threshold is an integer t with `q(x) <= t` where `x <= threshold`; only the one
//! step that holds the threshold has reals on both sides, and there calibration decides which side it is on. Where calibration has values on both sides
//! of one step, features get 24 bits instead of 16.

use std::collections::BTreeMap;

use veritorch_graph::model::{ModelGraph, ModelOp, ValueId};

use crate::calibrate::Calibration;
use crate::options::Settings;

/// Bits of features: one lookup each, or two.
const BITS: [u32; 2] = [16, 24];
/// Bits of a feature's number and a threshold together.
pub(crate) const WORD_BITS: u32 = 31;

/// Formats of the features of an input.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Features {
    /// Of all integers, signed.
    pub(crate) bits: u32,
    /// Real value of 1, by feature.
    pub(crate) steps: Vec<f64>,
}

/// The formats of an input that only trees read; `None` for others, and where the caller gives steps.
pub(crate) fn choose(graph: &ModelGraph, calibration: &Calibration, settings: &Settings, input: ValueId) -> Option<Features> {
    let is_trees = |op: &ModelOp| matches!(op, ModelOp::Trees { .. });
    let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(&input)).peekable();
    readers.peek()?;
    if settings.options.input_steps.is_some() || graph.outputs.contains(&input) || !readers.clone().all(|node| is_trees(&node.op)) {
        return None;
    }
    let values = calibration.columns(input.index())?;
    let mut thresholds: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    for node in readers {
        for row in graph.value(node.inputs[1]).data()?.chunks(3) {
            // Leaves have the greatest threshold there is.
            if row[1] < f32::MAX {
                thresholds.entry(row[0] as usize).or_default().push(row[1]);
            }
        }
    }
    let log_features = values.len().next_power_of_two().max(2).ilog2();
    let chosen = settings.options.input_bits.map(|bits| vec![bits]);
    let mut found = None;
    for bits in chosen.unwrap_or_else(|| BITS.to_vec()) {
        let bits = bits.min(WORD_BITS.saturating_sub(log_features)).max(4);
        let steps: Vec<f64> = values
            .iter()
            .enumerate()
            .map(|(feature, seen)| {
                let own = thresholds.get(&feature).map_or(&[][..], Vec::as_slice);
                step(seen.iter().chain(own).fold(0.0f32, |max, v| max.max(v.abs())), bits)
            })
            .collect();
        let clear = thresholds.iter().all(|(&feature, own)| {
            let (Some(seen), Some(&step)) = (values.get(feature), steps.get(feature)) else { return true };
            own.iter().all(|&threshold| side(seen, threshold, step).is_some())
        });
        found = Some(Features { bits, steps });
        if clear {
            break;
        }
    }
    found
}

/// The integer t for which `q(x) <= t` stands for `x <= threshold`.
pub(crate) fn threshold(seen: &[f32], threshold: f32, step: f64) -> i64 {
    let nearest = (f64::from(threshold) / step).round();
    // Without values to go by, the side that more of the step is on.
    let below = side(seen, threshold, step).flatten().unwrap_or(f64::from(threshold) / step >= nearest);
    nearest as i64 - i64::from(!below)
}

/// Whether values in the threshold's step are at most the threshold: `None` if some are and some are not, `Some(None)` without any.
fn side(seen: &[f32], threshold: f32, step: f64) -> Option<Option<bool>> {
    let nearest = (f64::from(threshold) / step).round();
    // Sorted: the values that round to this integer.
    let from = seen.partition_point(|&v| (f64::from(v) / step).round() < nearest);
    let to = seen.partition_point(|&v| (f64::from(v) / step).round() <= nearest);
    match &seen[from..to] {
        [] => Some(None),
        [first, .., last] | [first @ last] => match (*first <= threshold, *last <= threshold) {
            (a, b) if a == b => Some(Some(a)),
            _ => None,
        },
    }
}

/// The least power of two of which so many bits hold a magnitude.
fn step(magnitude: f32, bits: u32) -> f64 {
    let most = ((1i64 << (bits - 1)) - 1) as f64;
    let magnitude = if magnitude > 0.0 { f64::from(magnitude) } else { 1.0 };
    libm::exp2(libm::log2(magnitude / most).ceil())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comparisons_with_calibrated_values_are_those_of_floats() {
        let seen: Vec<f32> = (0..1000).map(|i| (i as f32 * 0.37).sin() * 3.0).collect();
        let mut sorted = seen.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let step = step(3.0, 16);
        let mut unclear = 0;
        for pair in sorted.windows(2) {
            let between = pair[0] + (pair[1] - pair[0]) / 2.0;
            for limit in [between, pair[0]] {
                if side(&sorted, limit, step).is_none() {
                    unclear += 1;
                    continue;
                }
                let t = threshold(&sorted, limit, step);
                assert!(seen.iter().all(|&x| ((f64::from(x) / step).round() as i64 <= t) == (x <= limit)), "{limit}");
            }
        }
        assert!(unclear < 40, "{unclear} of 1998");
    }

    #[test]
    fn halves_between_whole_numbers_are_exact() {
        let seen: Vec<f32> = (0..17).map(|i| i as f32).collect();
        let step = step(16.0, 16);
        assert_eq!(step, 2f64.powi(-10));
        assert_eq!(threshold(&seen, 2.5, step), 2560);
        assert_eq!(threshold(&seen, 3.0f32.next_down(), step), 3071);
    }
}
