//! Decision trees, and entries that private numbers choose.

use super::*;

/// Two trees of at most two levels on two features, as a forest's weights: words `2 threshold + feature`, children, leaf values.
fn forest(builder: &mut CircuitBuilder) -> Trees {
    let words = [2 * 1, 2 * -1 + 1, 2 * 3, 2 * 3, 2 * 0 + 1, 2 * 3, 2 * 3, 2 * 3];
    let children = [2, 4, 2, 3, 6, 5, 6, 7];
    let leaves = [0, 0, 10, 20, 0, 50, 60, 70];
    let mut weight = |name: &str, values: &[i64]| builder.weight(name, [1, 2, 4], values).unwrap();
    let (words, children) = (weight("words", &words), weight("children", &children));
    Trees { num_trees: 2, depth: 2, words, log_features: 1, children, leaves: vec![weight("leaves", &leaves)], bits: 3 }
}

fn forest_circuit() -> Circuit {
    let mut builder = builder(Visibility::Private);
    let x = input(&mut builder, "x", &[2], (-4, 3), 1.0).unwrap();
    let forest = forest(&mut builder);
    let y = trees(&mut builder, "y", x, &forest).unwrap()[0];
    finish(builder, y)
}

fn field_values(values: &[i64]) -> Vec<u64> {
    values.iter().map(|&v| to_field(v)).collect()
}

#[test]
fn paths_through_trees_are_unique() {
    let circuit = forest_circuit();
    let weights = [[2, -1, 6, 6, 1, 6, 6, 6], [2, 4, 2, 3, 6, 5, 6, 7], [0, 0, 10, 20, 0, 50, 60, 70]];
    let walk = |weights: &[[i64; 8]; 3], x: [i64; 2]| {
        let mut inputs = vec![field_values(&x)];
        inputs.extend(weights.iter().map(|values| field_values(values)));
        let all = solutions(&circuit, &inputs, 2);
        assert!(all.len() < 2, "two paths for {x:?}");
        let y = circuit.outputs[0].tensor.index();
        all.first().map(|values| values[y].iter().map(|&v| from_field(v)).collect::<Vec<_>>())
    };
    for a in -4..4 {
        for b in -4..4 {
            let first = if a > 1 { 20 } else { 10 };
            let second = if b > -1 { 50 } else if b > 0 { 70 } else { 60 };
            assert_eq!(walk(&weights, [a, b]), Some(vec![first, second]), "{a} {b}");
        }
    }
    // Hostile weights choose nothing: a child that is no node, a threshold or a feature that does not exist have no witness.
    for (which, at, value) in [(1, 0, 8), (1, 0, -1), (1, 0, 7), (0, 0, 8), (0, 0, -9), (0, 1, 7), (0, 1, -10)] {
        let mut hostile = weights;
        hostile[which][at] = value;
        let result = walk(&hostile, [0, 0]);
        assert_eq!(result.is_some(), value == 7, "{which} {at} {value}: {result:?}");
    }
}

#[test]
fn gathers_from_activations_read_one_sample() {
    let circuit = forest_circuit();
    // Without the bound of a feature, the table of all samples' entries would lend another sample's.
    for (index, tensor) in circuit.tensors.iter().enumerate() {
        let Op::Gather { index: number, data } = tensor.op else { continue };
        if matches!(circuit.tensor(data).op, Op::Weight { .. }) {
            continue;
        }
        let mut broken = circuit.clone();
        broken.constraints.retain(|constraint| !matches!(constraint, Constraint::Lookup { columns, .. } if columns.as_slice() == [number]));
        let refusal = broken.check().unwrap_err().to_string();
        assert!(refusal.contains("range-checked") || refusal.contains("remainder"), "{index}: {refusal}");
    }
    let batch = circuit.instantiate(3);
    batch.check().unwrap();
    let tables: Vec<usize> = batch.tables.iter().filter(|table| table.tensor().is_some()).map(Table::len).collect();
    assert!(tables.contains(&8) && batch.tensors.len() > circuit.tensors.len(), "{tables:?}");
}
