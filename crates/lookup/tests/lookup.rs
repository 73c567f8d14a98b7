//! The lookup argument against honest and malicious provers.

use veritorch_lookup::{Column, ColumnClaim, LookupArgument, LookupError, LookupSpec, TableSpec};
use veritorch_sumcheck::products::{self, PadLayout, PadSecrets};
use veritorch_sumcheck::{E2, E3, Ext, ProverTranscript, SecretRng, TranscriptError, Value, VerifierTranscript};

/// Deterministic numbers.
struct Rng(u64);

impl Rng {
    fn next(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

struct Case {
    argument: LookupArgument,
    columns: Vec<Vec<Vec<i64>>>,
}

/// Columns in the narrowest type that the prover has a path of its own for.
struct Narrowed(Vec<Vec<(Vec<i32>, Vec<i64>)>>);

impl Narrowed {
    fn columns(&self) -> Vec<Vec<Column<'_>>> {
        let column = |both: &'_ (Vec<i32>, Vec<i64>)| both.0.len() == both.1.len();
        let pick = |both| if column(both) { Column::I32(&both.0) } else { Column::I64(&both.1) };
        self.0.iter().map(|own| own.iter().map(pick).collect()).collect()
    }
}

impl Case {
    /// Random entries; the value column is the table's.
    fn new(tables: Vec<TableSpec>, lookups: &[(usize, &[usize])]) -> Self {
        let mut rng = Rng(7);
        let mut columns = Vec::new();
        for &(table, shape) in lookups {
            let len: usize = shape.iter().product();
            let rows: Vec<usize> = (0..len).map(|_| rng.next(tables[table].num_rows() as u64) as usize).collect();
            let mut own = vec![rows.iter().map(|&row| tables[table].min() + row as i64).collect::<Vec<i64>>()];
            if let TableSpec::Function { values, .. } = &tables[table] {
                own.push(rows.iter().map(|&row| i64::from(values[row])).collect());
            }
            columns.push(own);
        }
        let lookups = lookups.iter().map(|&(table, shape)| LookupSpec { table, shape: shape.to_vec() }).collect();
        Self { argument: LookupArgument::new(lookups, tables).unwrap(), columns }
    }

    fn narrowed(&self) -> Narrowed {
        let both = |column: &Vec<i64>| {
            let narrow: Result<Vec<i32>, _> = column.iter().map(|&value| i32::try_from(value)).collect();
            (narrow.unwrap_or_default(), column.clone())
        };
        Narrowed(self.columns.iter().map(|own| own.iter().map(both).collect()).collect())
    }

    fn wide(&self) -> Vec<Vec<Column<'_>>> {
        self.columns.iter().map(|own| own.iter().map(|column| Column::I64(column)).collect()).collect()
    }

    fn multiplicities(&self) -> Result<Vec<Vec<u32>>, LookupError> {
        self.argument.multiplicities(&self.narrowed().columns(), &[])
    }

    /// Counts of what is in the tables; the rest is left out.
    fn careless_multiplicities(&self) -> Vec<Vec<u32>> {
        let used = self.argument.used_tables();
        let lengths = self.argument.tables().iter().enumerate();
        let mut counts: Vec<Vec<u32>> =
            lengths.map(|(k, table)| vec![0; if used.contains(&k) { table.num_rows() } else { 0 }]).collect();
        for (lookup, columns) in self.argument.lookups().iter().zip(&self.columns) {
            for entry in 0..columns[0].len() {
                let tuple: Vec<i64> = columns.iter().map(|column| column[entry]).collect();
                if let Some(row) = self.argument.tables()[lookup.table].row(&tuple) {
                    counts[lookup.table][row] += 1;
                }
            }
        }
        counts
    }

    fn prove<E: Ext>(&self, multiplicities: &[Vec<u32>]) -> Vec<u8> {
        let mut transcript = ProverTranscript::new("test");
        let _ = self.argument.prove::<E>(&mut transcript, &self.narrowed().columns(), &[], multiplicities).unwrap();
        transcript.into_proof()
    }

}

fn three_tables() -> Vec<TableSpec> {
    vec![
        TableSpec::Range { min: 0, log_len: 4 },
        TableSpec::Function { min: -8, values: (-8..8).map(|q: i32| q.max(0) * 3 - 1).collect() },
        TableSpec::Range { min: -4, log_len: 3 },
        TableSpec::Function { min: 0, values: vec![5, -7] },
    ]
}

/// Table 2 is not used; axes of 3, 5, 1 and 7 are padded.
fn mixed() -> Case {
    Case::new(three_tables(), &[(0, &[3, 5]), (1, &[2, 3, 7]), (1, &[4]), (0, &[1]), (3, &[5, 1]), (0, &[])])
}

fn verify<E: Ext>(argument: &LookupArgument, proof: &[u8]) -> Result<(), LookupError> {
    let mut transcript = VerifierTranscript::new("test", proof);
    let _ = argument.verify::<E>(&mut transcript)?;
    Ok(transcript.finish()?)
}

fn refused(check: &'static str) -> Result<(), LookupError> {
    Err(LookupError::Transcript(TranscriptError::Check { check }))
}

fn truth<E: Ext, V>(claim: &ColumnClaim<E, V>, shape: &[usize], values: &[i64]) -> E {
    claim.form.vector(shape).into_iter().zip(values).map(|(weight, &value)| weight * E::from_int(value)).sum()
}

fn round_trip<E: Ext>(case: &Case) {
    let multiplicities = case.multiplicities().unwrap();
    let mut transcript = ProverTranscript::new("test");
    let own = case.argument.prove::<E>(&mut transcript, &case.narrowed().columns(), &[], &multiplicities).unwrap();
    let proof = transcript.into_proof();
    let mut transcript = ProverTranscript::new("test");
    let _ = case.argument.prove::<E>(&mut transcript, &case.wide(), &[], &multiplicities).unwrap();
    assert!(transcript.into_proof() == proof, "64-bit columns give another proof");
    let mut transcript = VerifierTranscript::new("test", &proof);
    let outcome = case.argument.verify::<E>(&mut transcript).unwrap();

    let expected: Vec<(usize, usize)> =
        case.columns.iter().enumerate().flat_map(|(lookup, own)| (0..own.len()).map(move |column| (lookup, column))).collect();
    assert_eq!(outcome.columns.iter().map(|claim| (claim.source, claim.column)).collect::<Vec<_>>(), expected);
    assert_eq!(outcome.multiplicities.iter().map(|claim| claim.source).collect::<Vec<_>>(), case.argument.used_tables());
    assert_eq!(own.point, outcome.point);
    for (claim, own) in outcome.columns.iter().zip(&own.columns) {
        let expected = truth(claim, &case.argument.lookups()[claim.source].shape, &case.columns[claim.source][claim.column]);
        assert_eq!((&claim.form, own.value), (&own.form, expected));
        transcript.check_zero("column", claim.value.clone() - Value::public(expected)).unwrap();
    }
    for (claim, own) in outcome.multiplicities.iter().zip(&own.multiplicities) {
        let counts: Vec<i64> = multiplicities[claim.source].iter().map(|&count| i64::from(count)).collect();
        let expected = truth(claim, &[counts.len()], &counts);
        assert_eq!((&claim.form, own.value), (&own.form, expected));
        transcript.check_zero("multiplicity", claim.value.clone() - Value::public(expected)).unwrap();
    }
    transcript.finish().unwrap();
}

/// A proof whose messages are masked, with the elements that hide them.
fn prove_masked<E: Ext>(case: &Case, multiplicities: &[Vec<u32>], seed: u8) -> (Vec<u8>, PadLayout, PadSecrets<E>) {
    let mut rehearsal = VerifierTranscript::rehearse("test");
    rehearsal.mask();
    let _ = case.argument.verify::<E>(&mut rehearsal).unwrap();
    let layout = PadLayout::new(rehearsal.masking());
    let secrets = PadSecrets::<E>::random(&layout, &mut SecretRng::from_seed(&[seed; 32]));
    let mut transcript = ProverTranscript::new("test");
    transcript.mask(secrets.pads());
    let _ = case.argument.prove::<E>(&mut transcript, &case.narrowed().columns(), &[], multiplicities).unwrap();
    products::prove(&mut transcript, &layout, &secrets);
    transcript.unmask();
    (transcript.into_proof(), layout, secrets)
}

/// The first check of a masked proof that does not hold.
fn verify_masked<E: Ext>(case: &Case, multiplicities: &[Vec<u32>], proof: &[u8], layout: &PadLayout, secrets: &PadSecrets<E>) -> Result<(), LookupError> {
    let mut transcript = VerifierTranscript::new("test", proof);
    transcript.mask();
    let outcome = case.argument.verify::<E>(&mut transcript)?;
    products::verify::<E>(&mut transcript, layout)?;
    for (check, value) in transcript.take_checks::<E>() {
        if secrets.reveal(&value) != E::ZERO {
            return refused(check);
        }
    }
    for claim in &outcome.columns {
        let expected = truth(claim, &case.argument.lookups()[claim.source].shape, &case.columns[claim.source][claim.column]);
        assert_eq!(secrets.reveal(&claim.value), expected);
    }
    for claim in &outcome.multiplicities {
        let counts: Vec<i64> = multiplicities[claim.source].iter().map(|&count| i64::from(count)).collect();
        assert_eq!(secrets.reveal(&claim.value), truth(claim, &[counts.len()], &counts));
    }
    Ok(transcript.finish()?)
}

fn masked_round_trip<E: Ext>() {
    for (seed, case) in (0..).zip(cases()) {
        let multiplicities = case.multiplicities().unwrap();
        let (proof, layout, secrets) = prove_masked::<E>(&case, &multiplicities, seed);
        verify_masked(&case, &multiplicities, &proof, &layout, &secrets).unwrap();
        // Every message has a pad, but for the three ends of the argument on products.
        assert_eq!(proof.len(), (layout.num_pads() + 3) * E::DEGREE * 8);
    }
}

#[test]
fn masked_proofs() {
    masked_round_trip::<E2>();
    masked_round_trip::<E3>();
}

#[test]
fn masked_proofs_of_false_statements_fail_the_same_check() {
    for row in 0..16 {
        let case = mixed();
        let mut multiplicities = case.multiplicities().unwrap();
        multiplicities[0][row] += 1;
        let (proof, layout, secrets) = prove_masked::<E2>(&case, &multiplicities, 3);
        let masked = verify_masked(&case, &multiplicities, &proof, &layout, &secrets);
        assert!(masked.is_err());
        assert_eq!(masked, verify::<E2>(&case.argument, &case.prove::<E2>(&multiplicities)));
    }
}

#[test]
fn altered_masked_proofs_fail_a_check() {
    let case = mixed();
    let multiplicities = case.multiplicities().unwrap();
    let (proof, layout, secrets) = prove_masked::<E2>(&case, &multiplicities, 4);
    for byte in (0..proof.len()).step_by(8) {
        let mut altered = proof.clone();
        altered[byte] ^= 1;
        assert!(verify_masked(&case, &multiplicities, &altered, &layout, &secrets).is_err(), "byte {byte}");
    }
}

fn cases() -> Vec<Case> {
    let relu = |log: usize| TableSpec::Function { min: -(1 << (log - 1)), values: (-(1i32 << (log - 1))..1 << (log - 1)).map(|q| q.max(0)).collect() };
    vec![
        mixed(),
        Case::new(vec![TableSpec::Range { min: 0, log_len: 0 }], &[(0, &[1])]),
        Case::new(vec![TableSpec::Range { min: 3, log_len: 6 }], &[(0, &[64])]),
        Case::new(vec![TableSpec::Range { min: -9, log_len: 1 }], &[(0, &[3, 3, 3, 3])]),
        Case::new(vec![relu(8), TableSpec::Range { min: 0, log_len: 8 }], &[(1, &[8, 16, 16]), (0, &[8, 16, 16]), (1, &[10, 7, 7])]),
        Case::new(vec![relu(5), TableSpec::Range { min: 0, log_len: 9 }], &[(0, &[3, 14, 14]), (1, &[3, 28, 28]), (1, &[1, 1, 1, 9]), (0, &[2])]),
        Case::new(vec![relu(10), TableSpec::Range { min: -5, log_len: 10 }], &[(0, &[1000]), (1, &[2048]), (0, &[31, 33]), (1, &[2047])]),
    ]
}

#[test]
fn honest_proofs_end_in_true_claims() {
    for case in cases() {
        round_trip::<E2>(&case);
        round_trip::<E3>(&case);
    }
}

#[test]
fn nothing_to_look_up_is_an_empty_proof() {
    let case = Case::new(three_tables(), &[]);
    let multiplicities = case.multiplicities().unwrap();
    assert!(multiplicities.iter().all(Vec::is_empty));
    assert!(case.prove::<E2>(&multiplicities).is_empty());
    verify::<E2>(&case.argument, &[]).unwrap();
}

#[test]
fn every_integer_type_gives_the_same_proof() {
    let case = Case::new(three_tables(), &[(0, &[3, 5]), (1, &[7])]);
    let multiplicities = case.multiplicities().unwrap();
    let (a, b, c) = (
        case.columns[0][0].iter().map(|&v| v as i8).collect::<Vec<_>>(),
        case.columns[1][0].iter().map(|&v| v as i16).collect::<Vec<_>>(),
        case.columns[1][1].iter().map(|&v| v as i32).collect::<Vec<_>>(),
    );
    let columns = vec![vec![Column::I8(&a)], vec![Column::I16(&b), Column::I32(&c)]];
    let mut transcript = ProverTranscript::new("test");
    let _ = case.argument.prove::<E2>(&mut transcript, &columns, &[], &multiplicities).unwrap();
    assert_eq!(transcript.into_proof(), case.prove::<E2>(&multiplicities));
}

/// Proves a case whose columns were changed after the honest run; the prover does all it can.
fn cheat<E: Ext>(change: impl Fn(&mut Case), adjust: impl Fn(&mut Vec<Vec<u32>>)) -> Result<(), LookupError> {
    let mut case = mixed();
    change(&mut case);
    let mut multiplicities = case.careless_multiplicities();
    adjust(&mut multiplicities);
    verify::<E>(&case.argument, &case.prove::<E>(&multiplicities))
}

#[test]
fn a_value_outside_its_table_is_refused() {
    for value in [16, -1, 1 << 40, i64::MIN] {
        let change = |case: &mut Case| case.columns[0][0][11] = value;
        let mut case = mixed();
        change(&mut case);
        assert_eq!(
            case.multiplicities(),
            Err(LookupError::OutsideTable { lookup: 0, entry: 11, values: vec![value], table: 0 })
        );
        assert_eq!(cheat::<E2>(change, |_| ()), refused("lookup halves"));
        assert_eq!(cheat::<E3>(change, |_| ()), refused("lookup halves"));
        // Whatever row is blamed for it.
        for row in 0..16 {
            assert_eq!(cheat::<E2>(change, |counts| counts[0][row] += 1), refused("lookup halves"));
        }
    }
}

#[test]
fn one_wrong_entry_among_many_is_refused() {
    for (lookup, column) in [(0, 0), (1, 0), (1, 1)] {
        let mut case = cases().swap_remove(4);
        case.columns[lookup][column][777] ^= 1 << 12;
        assert!(matches!(case.multiplicities(), Err(LookupError::OutsideTable { entry: 777, .. })));
        assert_eq!(verify::<E2>(&case.argument, &case.prove::<E2>(&case.careless_multiplicities())), refused("lookup halves"));
    }
}

#[test]
fn a_wrong_function_value_with_its_key_in_range_is_refused() {
    let change = |case: &mut Case| case.columns[1][1][20] += 1;
    assert_eq!(cheat::<E2>(change, |_| ()), refused("lookup halves"));
    for row in 0..16 {
        assert_eq!(cheat::<E2>(change, |counts| counts[1][row] += 1), refused("lookup halves"));
    }
    // A value of another row.
    let swap = |case: &mut Case| case.columns[1][1].swap(0, 1);
    assert_ne!(mixed().columns[1][1][0], mixed().columns[1][1][1]);
    assert_eq!(cheat::<E3>(swap, |_| ()), refused("lookup halves"));
    // Two errors that cancel in a sum.
    let shift = |case: &mut Case| {
        case.columns[1][1][3] += 1;
        case.columns[1][1][4] -= 1;
    };
    assert_eq!(cheat::<E2>(shift, |_| ()), refused("lookup halves"));
}

#[test]
fn wrong_multiplicities_are_refused() {
    assert_eq!(cheat::<E2>(|_| (), |_| ()), Ok(()));
    for (table, row) in [(0, 0), (0, 15), (1, 3), (3, 1)] {
        assert_eq!(cheat::<E2>(|_| (), |counts| counts[table][row] += 1), refused("lookup halves"));
    }
    let moved = |counts: &mut Vec<Vec<u32>>| {
        let row = counts[0].iter().position(|&count| count > 0).unwrap();
        counts[0][row] -= 1;
        counts[0][(row + 1) % 16] += 1;
    };
    assert_eq!(cheat::<E2>(|_| (), moved), refused("lookup halves"));
}

#[test]
fn a_tuple_of_another_table_is_refused() {
    // 10 is in table 0 but not in table 2; the prover counts it there.
    let honest = Case::new(three_tables(), &[(0, &[4]), (2, &[4])]);
    let mut case = Case::new(three_tables(), &[(0, &[4]), (2, &[4])]);
    case.columns[1][0][2] = 10;
    let mut multiplicities = case.careless_multiplicities();
    assert!(verify::<E2>(&honest.argument, &honest.prove::<E2>(&honest.multiplicities().unwrap())).is_ok());
    assert_eq!(verify::<E2>(&case.argument, &case.prove::<E2>(&multiplicities)), refused("lookup halves"));
    multiplicities[0][10] += 1;
    assert_eq!(verify::<E2>(&case.argument, &case.prove::<E2>(&multiplicities)), refused("lookup halves"));

    // Key 3 with value 0 in a function table is not the 3 of a range.
    let tables = || vec![TableSpec::Range { min: 0, log_len: 2 }, TableSpec::Function { min: 0, values: vec![1, 1, 1, 0] }];
    let mut case = Case::new(tables(), &[(1, &[4]), (0, &[4])]);
    case.columns[0] = vec![vec![0, 1, 2, 2], vec![1, 1, 1, 0]];
    let mut multiplicities = case.careless_multiplicities();
    for table in 0..2 {
        multiplicities[table][3] += 1;
        assert_eq!(verify::<E2>(&case.argument, &case.prove::<E2>(&multiplicities)), refused("lookup halves"));
        multiplicities[table][3] -= 1;
    }
}

#[test]
fn real_entries_hidden_as_padding_are_refused() {
    // The prover pretends that the axis has three real entries; the verifier knows of four.
    let tables = || vec![TableSpec::Range { min: 0, log_len: 2 }];
    let honest = Case::new(tables(), &[(0, &[2, 4])]);
    let mut hidden = Case::new(tables(), &[(0, &[2, 3])]);
    let multiplicities = hidden.multiplicities().unwrap();
    let proof = hidden.prove::<E2>(&multiplicities);
    verify::<E2>(&hidden.argument, &proof).unwrap();
    assert_eq!(verify::<E2>(&honest.argument, &proof), refused("lookup numerators"));
    // And the other way round: padding counted as real.
    hidden.columns = vec![vec![vec![0; 6]]];
    let proof = honest.prove::<E2>(&honest.multiplicities().unwrap());
    assert_eq!(verify::<E2>(&hidden.argument, &proof), refused("lookup numerators"));
}

#[test]
fn a_table_of_the_provers_own_is_refused() {
    let own = |values: Vec<i32>| Case::new(vec![TableSpec::Function { min: 0, values }], &[(0, &[6])]);
    let (public, private) = (own(vec![0, 1, 2, 3]), own(vec![0, 1, 2, 4]));
    let proof = private.prove::<E2>(&private.multiplicities().unwrap());
    verify::<E2>(&private.argument, &proof).unwrap();
    assert_eq!(verify::<E2>(&public.argument, &proof), refused("lookup denominators"));
}

#[test]
fn every_word_of_the_proof_is_bound() {
    fn flips<E: Ext>() {
        let case = mixed();
        let proof = case.prove::<E>(&case.multiplicities().unwrap());
        verify::<E>(&case.argument, &proof).unwrap();
        for word in 0..proof.len() / 8 {
            for (byte, bit) in [(0, 1), (3, 16), (5, 128)] {
                let mut proof = proof.clone();
                proof[8 * word + byte] ^= bit;
                assert!(verify::<E>(&case.argument, &proof).is_err(), "word {word}, byte {byte}");
            }
            let mut proof = proof.clone();
            proof[8 * word..8 * word + 8].copy_from_slice(&u64::MAX.to_le_bytes());
            let error = verify::<E>(&case.argument, &proof);
            assert!(matches!(error, Err(LookupError::Transcript(TranscriptError::NonCanonical { .. }))), "word {word}");
        }
        for len in 0..proof.len() {
            let error = verify::<E>(&case.argument, &proof[..len]);
            assert!(matches!(error, Err(LookupError::Transcript(TranscriptError::Truncated { .. }))), "{len} bytes");
        }
        let longer = [proof.as_slice(), &[0]].concat();
        assert_eq!(verify::<E>(&case.argument, &longer), Err(LookupError::Transcript(TranscriptError::Trailing { bytes: 1 })));
    }
    flips::<E2>();
    flips::<E3>();
}

#[test]
fn altered_evaluations_are_refused_or_end_in_false_claims() {
    let case = mixed();
    let multiplicities = case.multiplicities().unwrap();
    let proof = case.prove::<E2>(&multiplicities);
    let used = case.argument.used_tables().len();
    let num_columns: usize = case.columns.iter().map(Vec::len).sum();
    let first = proof.len() - 16 * (num_columns + used);
    for index in 0..num_columns + used {
        let mut proof = proof.clone();
        proof[first + 16 * index] ^= 1;
        let expected = if index < num_columns { "lookup denominators" } else { "lookup numerators" };
        assert_eq!(verify::<E2>(&case.argument, &proof), refused(expected), "evaluation {index}");
    }
}

#[test]
fn malformed_statements_are_errors() {
    let statement = |lookups: Vec<LookupSpec>, tables: Vec<TableSpec>| {
        matches!(LookupArgument::new(lookups, tables), Err(LookupError::Statement { .. }))
    };
    let lookup = |table, shape: &[usize]| vec![LookupSpec { table, shape: shape.to_vec() }];
    assert!(statement(lookup(4, &[1]), three_tables()));
    assert!(statement(lookup(0, &[3, 0]), three_tables()));
    assert!(statement(lookup(0, &[usize::MAX, 2]), three_tables()));
    assert!(statement(lookup(0, &[1 << 39, 4]), three_tables()));
    assert!(statement(vec![], vec![TableSpec::Function { min: 0, values: vec![1, 2, 3] }]));
    assert!(statement(vec![], vec![TableSpec::Function { min: 0, values: vec![] }]));
    assert!(statement(vec![], vec![TableSpec::Range { min: 0, log_len: 64 }]));
    assert!(statement(vec![], vec![TableSpec::Range { min: i64::MIN, log_len: 1 }]));
}

#[test]
fn columns_that_do_not_fit_the_statement_are_errors() {
    let case = mixed();
    let multiplicities = case.multiplicities().unwrap();
    let prove = |columns: &[Vec<Column<'_>>], multiplicities: &[Vec<u32>]| {
        case.argument.prove::<E2>(&mut ProverTranscript::new("test"), columns, &[], multiplicities).map(|_| ()).unwrap_err()
    };
    let narrowed = case.narrowed();
    let mut columns = narrowed.columns();
    columns[0][0] = Column::I16(&[1, 2]);
    assert_eq!(prove(&columns, &multiplicities), LookupError::ColumnLength { lookup: 0, column: 0, expected: 15, actual: 2 });
    columns[0].clear();
    assert!(matches!(prove(&columns, &multiplicities), LookupError::ColumnLength { lookup: 0, .. }));
    assert!(matches!(prove(&columns[1..], &multiplicities), LookupError::Statement { .. }));
    let mut wrong = multiplicities.clone();
    wrong[1].pop();
    assert_eq!(prove(&case.wide(), &wrong), LookupError::MultiplicityLength { table: 1, expected: 16, actual: 15 });
    assert!(matches!(prove(&case.wide(), &wrong[1..]), LookupError::Statement { .. }));
}

#[test]
fn security_terms_are_those_of_the_sizes() {
    let tables = vec![TableSpec::Range { min: 0, log_len: 16 }];
    let lookups = vec![LookupSpec { table: 0, shape: vec![1 << 20] }];
    let argument = LookupArgument::new(lookups, tables).unwrap();
    let terms = argument.security_terms::<E2>();
    assert_eq!(terms.iter().map(|term| term.1 as u32).collect::<Vec<_>>(), [107, 119]);
    assert!(argument.security_terms::<E3>().iter().all(|term| term.1 > 170.0));
}
