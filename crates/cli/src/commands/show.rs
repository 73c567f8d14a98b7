//! Outputs for people and as JSON.

use serde_json::{Map, Value, json};
use veritorch::{Array, Arrays};

/// Longest output that is printed whole.
const SHOWN: usize = 12;

/// `{"shape": [..], "data": [..], "argmax": [..]}` by name.
pub(crate) fn to_json(arrays: &Arrays) -> Value {
    let entry = |array: &Array| json!({ "shape": array.shape, "data": array.data, "argmax": argmax(array) });
    Value::Object(arrays.iter().map(|(name, array)| (name.clone(), entry(array))).collect::<Map<_, _>>())
}

/// One line per output and sample.
pub(crate) fn to_text(arrays: &Arrays, batch: usize) -> String {
    let mut text = String::new();
    for (name, array) in arrays {
        let samples = if batch > 1 && array.shape.first() == Some(&batch) { batch } else { 1 };
        let len = array.data.len() / samples.max(1);
        for (index, values) in array.data.chunks(len.max(1)).enumerate() {
            let sample = if samples > 1 { format!("[{index}]") } else { String::new() };
            let shown: Vec<String> = values.iter().take(SHOWN).map(|value| format!("{value:.4}")).collect();
            let more = if values.len() > SHOWN { format!(", .. ({} values)", values.len()) } else { String::new() };
            let class = class(values).map_or(String::new(), |class| format!("  class {class}"));
            text.push_str(&format!("{name}{sample} = [{}{more}]{class}\n", shown.join(", ")));
        }
    }
    text
}

/// Position of the greatest entry along the last axis.
fn argmax(array: &Array) -> Vec<usize> {
    let len = array.shape.last().copied().unwrap_or(1).max(1);
    array.data.chunks(len).map(|values| class(values).unwrap_or(0)).collect()
}

/// Position of the greatest value, the first of several; `None` where there is no choice.
fn class(values: &[f32]) -> Option<usize> {
    let best = |best: usize, index: usize| if values[index] > values[best] { index } else { best };
    (values.len() > 1).then(|| (0..values.len()).fold(0, best))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_name_their_class() {
        let array = Array::new(vec![2, 3], vec![0.0, 2.0, 1.0, 5.0, 5.0, -1.0]).unwrap();
        let arrays = Arrays::from([("y".to_owned(), array)]);
        assert_eq!(to_text(&arrays, 2), "y[0] = [0.0000, 2.0000, 1.0000]  class 1\ny[1] = [5.0000, 5.0000, -1.0000]  class 0\n");
        assert_eq!(to_json(&arrays)["y"]["argmax"], json!([1, 0]));
    }

    #[test]
    fn long_outputs_are_cut() {
        let array = Array::new(vec![1, 20], vec![0.0; 20]).unwrap();
        let text = to_text(&Arrays::from([("y".to_owned(), array)]), 1);
        assert!(text.contains(".. (20 values)"), "{text}");
    }
}
