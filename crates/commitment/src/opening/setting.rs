//! A small opening for tests of both kinds: two stacks, claims whose values are linear in pads, and checks.

use p3_field::PrimeCharacteristicRing;
use veritorch_sumcheck::products::{PadLayout, PadSecrets};
use veritorch_sumcheck::random::SecretRng;
use veritorch_sumcheck::transcript::{Hidden, Masking, Transcript};
use veritorch_sumcheck::mle::log_padded;
use veritorch_sumcheck::{Ext, F, Factor, Form, Value};

use super::{Opening, Place, Relations, TensorClaim};
use crate::code::RowCode;
use crate::inner::Inner;
use crate::matrix::MatrixData;
use crate::security::SecurityLevel;
use crate::stack::{Cells, StackLayout};
use crate::whir::Root;

pub(super) const DOMAIN: &str = "opening attack";
pub(super) const LEVEL: SecurityLevel = SecurityLevel { bits: 104, grinding: 2 };
/// Claims, which come before the checks.
pub(super) const NUM_CLAIMS: usize = 6;
pub(super) const NUM_CHECKS: usize = 2;

/// What is committed, and the scheme.
pub(super) struct Setting<E: Ext> {
    pub(super) opening: Opening<E>,
    pub(super) tensors: [Vec<Vec<F>>; 2],
    shapes: [Vec<Vec<usize>>; 2],
    pub(super) pads: (usize, PadLayout),
    secrets: PadSecrets<E>,
}

impl<E: Ext> Setting<E> {
    /// Rows of 512 cells at full security.
    pub(super) fn new(seed: u8) -> Self {
        let mut setting = Self::with_tensors(seed, [vec![vec![3, 500], vec![700], vec![]], vec![vec![2, 512]]]);
        let shapes = &setting.shapes;
        setting.opening = Opening::new(shapes, true, LEVEL).unwrap();
        setting
    }

    /// Rows of 16 cells and few columns, for many runs.
    pub(super) fn toy(seed: u8) -> Self {
        Self::with_tensors(seed, [vec![vec![3, 5], vec![4], vec![]], vec![vec![2, 8]]])
    }

    fn with_tensors(seed: u8, mut shapes: [Vec<Vec<usize>>; 2]) -> Self {
        let layout = PadLayout::new(Masking { num_pads: 4, products: vec![(0, 1), (2, 2)] });
        let mut rng = SecretRng::from_seed(&[seed; 32]);
        let mut tensors = shapes.clone().map(|shapes| shapes.iter().map(|shape| (0..shape.iter().product()).map(|_| rng.base()).collect()).collect::<Vec<Vec<F>>>());
        let secrets = PadSecrets::random(&layout, &mut rng);
        let pads = (shapes[0].len(), layout);
        tensors[0].push(secrets.cells());
        shapes[0].push(vec![E::DEGREE, pads.1.len()]);
        let toy = SecurityLevel { bits: 6, grinding: 0 };
        let opening = Opening {
            stacks: shapes.iter().map(|shapes| StackLayout::new(shapes)).collect(),
            code: RowCode::once(4, true, toy),
            inner: Inner::new(9, LEVEL).unwrap(),
            hidden: true,
            level: toy,
        };
        Self { opening, tensors, shapes, pads, secrets }
    }

    /// Fresh pads for the same tensors.
    pub(super) fn renew(&mut self, rng: &mut SecretRng) {
        self.secrets = PadSecrets::random(&self.pads.1, rng);
        self.tensors[0][self.pads.0] = self.secrets.cells();
    }

    /// Commits to both stacks.
    pub(super) fn commit(&self, rng: &mut SecretRng) -> Vec<(Root, MatrixData)> {
        (0..2)
            .map(|stack| {
                let cells: Vec<&dyn Cells> = self.tensors[stack].iter().map(|tensor| tensor as &dyn Cells).collect();
                self.opening.commit(stack, &cells, Some(rng)).unwrap()
            })
            .collect()
    }

    /// Claims and checks without their constants; the first tensor has two claims, the pads have none of their own.
    pub(super) fn relations(&self, transcript: &mut impl Transcript) -> Relations<E> {
        let mut draw = |count| transcript.challenges::<E>("setting", count);
        let mut point = |place: Place| {
            let axes = self.shapes[place.stack][place.tensor].iter();
            (place, Form::separable(axes.map(|&len| Factor::Eq(draw(log_padded(len)))).collect()))
        };
        let place = |stack, tensor| Place { stack, tensor };
        let mut terms: Vec<Vec<(Place, Form<E>)>> = [place(0, 0), place(0, 1), place(0, 2), place(0, 0), place(1, 0)].map(|place| vec![point(place)]).into();
        let powers = Form::separable(vec![Factor::Explicit(draw(2)), Factor::Powers(F::from_u64(7))]);
        terms.push(vec![(place(1, 0), powers), (place(0, 1), Form::separable(vec![Factor::Eq(draw(log_padded(self.shapes[0][1][0])))]))]);
        let (pad, product, dummy) = (Hidden::Pad, Hidden::Product, Hidden::Dummy);
        let hidden: [&[Hidden]; NUM_CLAIMS + NUM_CHECKS] =
            [&[pad(0)], &[], &[product(0)], &[pad(1), pad(3)], &[pad(2)], &[pad(0), pad(1)], &[pad(0), product(1), dummy(0)], &[pad(2), product(3)]];
        let mut values = hidden.map(|keys| Value::linear(E::ZERO, keys.iter().copied().zip(draw(keys.len())))).into_iter();
        let claims = terms.into_iter().zip(values.by_ref()).map(|(terms, value)| TensorClaim { terms, value }).collect();
        Relations { claims, checks: ["first", "second"].into_iter().zip(values).collect(), pads: Some(self.pads.clone()) }
    }

    /// What the constants of true relations are.
    pub(super) fn constants(&self, relations: &Relations<E>) -> Vec<E> {
        let term = |(place, form): &(Place, Form<E>)| -> E {
            let vector = form.vector(&self.shapes[place.stack][place.tensor]);
            vector.iter().zip(&self.tensors[place.stack][place.tensor]).map(|(&a, &b)| a * b).sum()
        };
        let claims = relations.claims.iter().map(|claim| claim.terms.iter().map(term).sum::<E>() - self.secrets.reveal(&claim.value));
        claims.chain(relations.checks.iter().map(|(_, value)| -self.secrets.reveal(value))).collect()
    }
}

/// Adds constants to the values.
pub(super) fn add<E: Ext>(relations: &mut Relations<E>, constants: &[E]) {
    let claims = relations.claims.iter_mut().map(|claim| &mut claim.value);
    for (value, &constant) in claims.chain(relations.checks.iter_mut().map(|(_, value)| value)).zip(constants) {
        *value += Value::public(constant);
    }
}
