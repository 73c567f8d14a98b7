//! A small model with a proof of it.
#![expect(dead_code, reason = "each target uses some of it")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::OnceLock;

use veritorch::artefact::{self, File, Kind};
use veritorch::{Array, Proof, Silent, Verifier};

const MODEL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../python/tests/core/models/mlp.onnx");

/// A verifier with a valid proof, and their files' sections.
pub struct Fixture {
    pub verifier: Verifier,
    pub proof: Proof,
    pub key_sections: Vec<Vec<u8>>,
    pub proof_sections: Vec<Vec<u8>>,
}

pub fn fixture() -> &'static Fixture {
    static FIXTURE: OnceLock<Fixture> = OnceLock::new();
    FIXTURE.get_or_init(|| {
        let graph = veritorch::import(Path::new(MODEL), &veritorch::ImportOptions::default(), &Silent).expect("the model loads");
        let input = graph.value(graph.inputs[0]);
        let values = (0..4 * input.len()).map(|i| (i * 37 % 101) as f32 / 50.0 - 1.0).collect();
        let shape = [vec![4], input.shape.clone()].concat();
        let name = input.name.clone();
        let calibration = BTreeMap::from([(name, Array::new(shape, values).expect("lengths agree"))]);
        let options = veritorch::CompileOptions::default();
        let circuit = veritorch::compile_graph(graph, &calibration, &options, &Silent).expect("the model compiles");
        let proof = circuit.prove(&circuit.noise(1, 7), &Silent).expect("the input is proved").proof;
        let verifier = circuit.verifier();
        let key_sections = sections(&verifier.to_bytes());
        let proof_sections = sections(&proof.to_bytes());
        Fixture { verifier, proof, key_sections, proof_sections }
    })
}

fn sections(bytes: &[u8]) -> Vec<Vec<u8>> {
    let sizes = File::parse(Path::new("fixture"), bytes).expect("the file is valid").section_sizes();
    let mut start = bytes.len() - sizes.iter().map(|(_, size)| size).sum::<usize>();
    sizes
        .iter()
        .map(|(_, size)| {
            let section = bytes[start..start + size].to_vec();
            start += size;
            section
        })
        .collect()
}

/// The file with one section replaced, its checksums right.
pub fn with_section(kind: Kind, sections: &[Vec<u8>], index: usize, section: Vec<u8>) -> Vec<u8> {
    let mut sections = sections.to_vec();
    sections[index] = section;
    artefact::encode(kind, &sections)
}
