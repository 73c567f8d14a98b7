//! Matching arrays to ports, rounding and saturation.

use veritorch_graph::circuit::{Op, Policy, Tensor, TensorId, Visibility};

use super::*;

fn circuit(shape: &[usize], scale: Vec<f64>) -> Circuit {
    Circuit {
        name: "m".to_owned(),
        tensors: vec![Tensor {
            name: "x".to_owned(),
            shape: shape.to_vec(),
            op: Op::Input { index: 0 },
            min: -512,
            max: 511,
            node: "x".to_owned(),
        }],
        tables: vec![],
        params: vec![],
        constraints: vec![],
        inputs: vec![Port { name: "x".to_owned(), tensor: TensorId(0), shape: shape.to_vec(), scale }],
        outputs: vec![],
        policy: Policy { input: Visibility::Public, ..Policy::default() },
        batch: 0,
    }
}

fn array(shape: &[usize], data: &[f32]) -> Array {
    Array::new(shape.to_vec(), data.to_vec()).unwrap()
}

#[test]
fn halves_round_away_from_zero_and_values_saturate() {
    let circuit = circuit(&[6], vec![0.5]);
    let values = [0.25, -0.25, 0.24, 255.5, 256.0, -1000.0];
    let (integers, saturation) = quantise(&circuit, &circuit.inputs[0], &array(&[6], &values));
    assert_eq!(integers, [1, -1, 0, 511, 511, -512]);
    let saturation = saturation.unwrap();
    assert_eq!((saturation.count, saturation.total, saturation.worst), (1, 6, -1000.0));
    assert_eq!(saturation.range, (-256.0, 255.5));
    let (_, none) = quantise(&circuit, &circuit.inputs[0], &array(&[6], &[0.0, 1.0, 2.0, 3.0, 4.0, 256.0]));
    assert_eq!(none, None);
}

#[test]
fn scales_run_along_the_last_axis() {
    let circuit = circuit(&[2, 2], vec![1.0, 0.5]);
    let (integers, _) = quantise(&circuit, &circuit.inputs[0], &array(&[2, 2], &[3.0, 3.0, -2.0, -2.0]));
    assert_eq!(integers, [3, 6, -2, -4]);
    let back = dequantise(&circuit.inputs[0], &integers, BatchForm::Single);
    assert_eq!(back, array(&[2, 2], &[3.0, 3.0, -2.0, -2.0]));
}

#[test]
fn batches_are_recognised() {
    assert_eq!(BatchForm::of(&[1, 3, 2], &[1, 3, 2]), Some(BatchForm::Single));
    assert_eq!(BatchForm::of(&[4, 3, 2], &[1, 3, 2]), Some(BatchForm::Leading(4)));
    assert_eq!(BatchForm::of(&[4, 1, 3, 2], &[1, 3, 2]), Some(BatchForm::Stacked(4)));
    assert_eq!(BatchForm::of(&[4, 3, 2], &[3, 2]), Some(BatchForm::Stacked(4)));
    assert_eq!(BatchForm::of(&[4, 3, 2], &[2, 3, 2]), None);
    assert_eq!(BatchForm::of(&[], &[]), Some(BatchForm::Single));
    assert_eq!(BatchForm::of(&[5], &[]), Some(BatchForm::Stacked(5)));
    assert_eq!(BatchForm::Leading(4).shape(&[1, 10]), [4, 10]);
    assert_eq!(BatchForm::Leading(4).shape(&[10]), [4, 10]);
    assert_eq!(BatchForm::Stacked(4).shape(&[1, 10]), [4, 1, 10]);
}

fn check(arrays: &[(&str, Array)]) -> Result<BatchForm, Error> {
    let expected = [Expected { name: "a", shape: &[1, 2] }, Expected { name: "b", shape: &[3] }];
    let arrays = arrays.iter().map(|(name, array)| ((*name).to_owned(), array.clone())).collect();
    match_arrays("input", &expected, &arrays).map(|(_, form)| form)
}

#[test]
fn arrays_are_matched_by_name_shape_and_batch() {
    let (a, b) = (array(&[1, 2], &[0.0; 2]), array(&[3], &[0.0; 3]));
    assert_eq!(check(&[("a", a.clone()), ("b", b.clone())]).unwrap(), BatchForm::Single);
    let (a2, b2) = (array(&[2, 2], &[0.0; 4]), array(&[2, 3], &[0.0; 6]));
    assert_eq!(check(&[("a", a2.clone()), ("b", b2)]).unwrap(), BatchForm::Stacked(2));
    assert!(matches!(check(&[("a", a2), ("b", b.clone())]), Err(Error::Batches { first_batch: 2, second_batch: 1, .. })));
    assert!(matches!(check(&[("a", a.clone())]), Err(Error::MissingArray { name, .. }) if name == "b"));
    let error = check(&[("a", a.clone()), ("b", b.clone()), ("c", b.clone())]).unwrap_err();
    assert_eq!(error.to_string(), "input `c` is not in the model, which has: a, b");
    let error = check(&[("a", array(&[2, 1], &[0.0; 2])), ("b", b.clone())]).unwrap_err();
    assert!(error.to_string().contains("expected shape [1, 2]"), "{error}");
    let error = check(&[("a", array(&[1, 2], &[0.0, f32::NAN])), ("b", b.clone())]).unwrap_err();
    assert_eq!(error.to_string(), "input `a` at [0, 1] is NaN");
    assert!(matches!(check(&[("a", array(&[0, 2], &[])), ("b", b)]), Err(Error::NoSamples { .. })));
}
