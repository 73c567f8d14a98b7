//! Renewed model commitments: one identity, one chain that anyone can check, and no weights that are changed on the way.

use veritorch_execute::Params;
use veritorch_prove::renewal::{model_identity, with_renewals};
use veritorch_prove::{
    InMemory, Link, Profile, ProveError, ProvingKey, Setup, Silent, prove, renew, security, verify, verify_renewals,
};

use crate::circuits;

fn key(profile: Profile) -> ProvingKey {
    let case = circuits::mlp();
    ProvingKey::setup(case.circuit, case.params, Setup { profile, lifetime: 2 }, &Silent).unwrap()
}

#[test]
fn a_chain_leads_to_the_first_table() {
    for profile in [Profile::Standard, Profile::High] {
        let first = key(profile);
        let (second, one) = renew(&first, &InMemory::new(1), &Silent).unwrap();
        let (third, two) = renew(&second, &InMemory::new(1), &Silent).unwrap();
        let chain = [one, two];
        verify_renewals(&third.vk, &chain).unwrap();
        verify_renewals(&second.vk, &chain[..1]).unwrap();
        assert_eq!(model_identity(&third.vk, &chain).unwrap(), model_identity(&first.vk, &[]).unwrap());
        assert_ne!(model_identity(&third.vk, &[]).unwrap(), model_identity(&first.vk, &[]).unwrap());
        let proof = prove(&third, &circuits::mlp().inputs, 1, &InMemory::new(1), &Silent).unwrap().proof;
        let _ = verify(&third.vk, &proof).unwrap();
        let alone = security(&third.vk, 1).unwrap();
        let all = with_renewals(alone.clone(), &third.vk, &chain).unwrap();
        assert!(all.bits < alone.bits && all.bits >= profile.target_bits(), "{:?}", all.terms);
    }
}

#[test]
fn links_that_are_missing_swapped_or_touched_are_refused() {
    let first = key(Profile::Standard);
    let (second, one) = renew(&first, &InMemory::new(1), &Silent).unwrap();
    let (third, two) = renew(&second, &InMemory::new(1), &Silent).unwrap();
    let other_root = Link { root: [5; 32], ..one.clone() };
    let mut touched = two.clone();
    touched.proof[100] ^= 1;
    for chain in [
        vec![one.clone()],
        vec![two.clone(), one.clone()],
        vec![one.clone(), one.clone()],
        vec![other_root, two],
        vec![one, touched],
    ] {
        let error = verify_renewals(&third.vk, &chain).unwrap_err().to_string();
        assert!(error.contains("renewal"), "{error}");
    }
}

#[test]
fn other_weights_are_not_a_renewal() {
    let case = circuits::mlp();
    let first = key(Profile::Standard);
    let (mut second, link) = renew(&first, &InMemory::new(1), &Silent).unwrap();
    // The same proof for a table of other weights.
    let mut values: Vec<Vec<i64>> = (0..case.params.len()).map(|p| case.params.values(p)).collect();
    values[0][0] ^= 1;
    let params = Params::from_values(&case.circuit.params, &values).unwrap();
    second.vk = ProvingKey::setup(case.circuit, params, Setup { profile: Profile::Standard, lifetime: 2 }, &Silent).unwrap().vk;
    assert!(verify_renewals(&second.vk, &[link]).is_err());
}

#[test]
fn a_renewal_uses_up_an_opening_and_needs_masks() {
    let error = renew(&key(Profile::Standard), &InMemory::new(0), &Silent).unwrap_err();
    assert!(matches!(error, ProveError::Openings(_)), "{error}");
    let case = circuits::mlp();
    let public = ProvingKey::setup(case.circuit, case.params, Setup { lifetime: 0, ..Setup::default() }, &Silent).unwrap();
    assert!(matches!(renew(&public, &InMemory::new(1), &Silent), Err(ProveError::Commitment(_))));
}

#[test]
fn no_secret_is_printed() {
    let key = key(Profile::Standard);
    let text = format!("{key:?}");
    // What stands behind the public part says how much there is, and nothing of what it is.
    let (_, secrets) = text.rsplit_once("params: ").unwrap();
    let words: Vec<&str> = secrets.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    assert_eq!(words.first(), Some(&"Params"));
    assert!(words.contains(&"ModelProver") && words.len() <= 12, "{secrets}");
}
