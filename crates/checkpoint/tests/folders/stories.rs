//! A trained model: stories260K.

use veritorch_checkpoint::{LoadOptions, load};
use veritorch_graph::model::evaluate;

use crate::{array, distance, fixture, stories};

const SEQ_LEN: usize = 64;
const VOCABULARY: usize = 512;

#[test]
fn logits_and_greedy_ids_are_those_of_single_precision() {
    let checkpoint = load(&stories(), &LoadOptions::new(SEQ_LEN)).expect("checkpoint");
    let reference = fixture("stories260K.npz");
    let greedy = array(&reference, "greedy");
    let logits = &evaluate(&checkpoint.graph, &[greedy[..SEQ_LEN].to_vec()]).expect("evaluates")[0];
    for (position, row) in logits.chunks(VOCABULARY).enumerate() {
        let best = (0..VOCABULARY).max_by(|&a, &b| row[a].total_cmp(&row[b])).expect("tokens");
        assert_eq!(best as f32, greedy[position + 1], "token {}", position + 1);
    }
    let rows = array(&reference, "rows");
    let chosen: Vec<f32> =
        rows.iter().flat_map(|&row| logits[row as usize * VOCABULARY..][..VOCABULARY].to_vec()).collect();
    // the folder's weights are rounded to half precision
    assert!(distance(&chosen, &array(&reference, "logits")) < 2e-3);
}
