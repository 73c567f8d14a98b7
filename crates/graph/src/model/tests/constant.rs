use std::sync::Arc;

use crate::model::{Constant, Element, Stored};

const MATRIX: [f32; 6] = [1.0, -2.0, 0.5, 3.0, 0.0, -0.25];

/// The matrix in the upper halves of singles, behind four bytes of something else.
fn bytes() -> Vec<u8> {
    let numbers = MATRIX.iter().flat_map(|x| x.to_le_bytes()[2..].to_vec());
    [0xff; 4].into_iter().chain(numbers).collect()
}

#[test]
fn stored_numbers_are_read_in_order_or_transposed() {
    let stored = Stored::new(Arc::new(bytes()), 4..16, Element::Bf16).expect("in range");
    assert_eq!(Constant::Stored(stored.clone()), Constant::from(MATRIX.to_vec()));
    let transposed = Constant::Stored(stored.transposed(3).expect("two rows"));
    assert_eq!(*transposed.read(), [1.0, 3.0, -2.0, 0.0, 0.5, -0.25]);
    assert_eq!(transposed.len(), 6);
}

#[test]
fn transposes_of_many_rows() {
    let data: Vec<f32> = (0..35u8 * 3).map(f32::from).collect();
    let bytes: Vec<u8> = data.iter().flat_map(|x| x.to_le_bytes()).collect();
    let stored = Stored::new(Arc::new(bytes), 0..420, Element::F32).and_then(|stored| stored.transposed(3));
    let transposed = Constant::Stored(stored.expect("35 rows"));
    let expected: Vec<f32> = (0..3).flat_map(|column| data[column..].iter().step_by(3).copied()).collect();
    assert_eq!(*transposed.read(), expected);
}

#[test]
fn halves_are_exact() {
    for (bits, number) in [(0x3c00u16, 1.0f32), (0xc000, -2.0), (0x3555, 0.333_251_95), (1, 5.960_464_5e-8), (0x7bff, 65504.0)] {
        let stored = Stored::new(Arc::new(bits.to_le_bytes()), 0..2, Element::F16).expect("in range");
        assert_eq!(*Constant::Stored(stored).read(), [number]);
    }
}

#[test]
fn views_beyond_the_bytes_are_refused() {
    for (range, element) in [(4..18, Element::Bf16), (4..15, Element::F16), (4..10, Element::F32)] {
        assert!(Stored::new(Arc::new(bytes()), range, element).is_none());
    }
    let stored = Stored::new(Arc::new(bytes()), 4..16, Element::Bf16).expect("in range");
    assert_eq!(*Constant::Stored(stored.clone().first(2).expect("in range")).read(), MATRIX[..2]);
    assert!(stored.clone().first(7).is_none());
    assert!(stored.clone().transposed(4).is_none() && stored.transposed(0).is_none());
}
