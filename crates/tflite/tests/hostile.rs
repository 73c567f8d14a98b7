//! Bytes that are no model, or a damaged one: an error that says so, never a panic, never much memory.

use std::path::Path;

use proptest::prelude::*;
use veritorch_onnx::ImportOptions;
use veritorch_tflite::{TfliteError, load_bytes_with};

fn model(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(format!("{name}.tflite"));
    std::fs::read(path).expect("a fixture")
}

fn load(bytes: &[u8]) -> Result<(), TfliteError> {
    let graph = load_bytes_with(bytes, &ImportOptions::default())?;
    graph.check().expect("a graph that loads is valid");
    Ok(())
}

#[test]
fn what_is_no_model_is_told_so() {
    for bytes in [b"".as_slice(), b"TFL3", b"\x08\0\0\0TFL3", b"\xff\xff\xff\xffTFL3\0\0\0\0", b"\x08\0\0\0TFL4\0\0\0\0"] {
        let error = load(bytes).expect_err("no model");
        assert!(error.to_string().starts_with("not a tensorflow lite model: "), "{error}");
    }
}

#[test]
fn truncated_models_are_errors() {
    for name in ["cnn", "reductions", "transformer"] {
        let bytes = model(name);
        let step = (bytes.len() / 400).max(1);
        for end in (0..bytes.len()).step_by(step) {
            assert!(load(&bytes[..end]).is_err(), "{name}, {end} of {} bytes", bytes.len());
        }
    }
}

#[test]
fn lists_that_tables_share_are_bounded() {
    // 2^16 operators that are one table, whose inputs are the list of operators itself
    let mut bytes = model("cnn");
    let count = 1u32 << 16;
    let at = |bytes: &[u8], k: usize| u32::from_le_bytes(bytes[k..k + 4].try_into().expect("four bytes")) as usize;
    let root = at(&bytes, 0);
    let field = |bytes: &[u8], table: usize, k: usize| {
        let vtable = table - at(bytes, table);
        table + usize::from(u16::from_le_bytes(bytes[vtable + 4 + 2 * k..][..2].try_into().expect("two bytes")))
    };
    let target = |bytes: &[u8], field: usize| field + at(bytes, field);
    let graphs = target(&bytes, field(&bytes, root, 2));
    let graph = target(&bytes, graphs + 4);
    let operators = field(&bytes, graph, 3);
    let operator = target(&bytes, target(&bytes, operators) + 4);
    let list = bytes.len();
    bytes.extend(count.to_le_bytes());
    for k in 0..count as usize {
        // distances are counted forwards: all point to a copy of the table behind the list
        let distance = 4 * (count as usize - k) + 64;
        bytes.extend((distance as u32).to_le_bytes());
    }
    let copy = list + 4 + 4 * count as usize + 64;
    bytes.resize(copy, 0);
    let vtable = operator - at(&bytes, operator);
    bytes.extend(((copy - vtable) as u32).to_le_bytes());
    bytes.resize(copy + 64, 0);
    let distance = (list - operators) as u32;
    bytes[operators..operators + 4].copy_from_slice(&distance.to_le_bytes());
    assert!(load(&bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn damaged_models_do_not_panic(
        which in 0usize..4,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut bytes = model(["cnn", "shapes", "pairs", "open_batch"][which]);
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = load(&bytes);
    }

    #[test]
    fn random_numbers_do_not_panic(at in any::<prop::sample::Index>(), number in any::<i32>(), which in 0usize..3) {
        let mut bytes = model(["windows", "reductions", "transformer"][which]);
        let at = at.index(bytes.len() - 4) / 4 * 4;
        bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
        let _ = load(&bytes);
    }
}
