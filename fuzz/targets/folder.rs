//! A folder with a small commitment, its opening and its ledger.
#![expect(dead_code, reason = "each target uses some of it")]

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use veritorch::Profile;
use veritorch::artefact::{File, Kind};
use veritorch::commitment::{Steps, Tensor, TensorValues, commit, opening_path};
use veritorch::ledger::ledger_path;

/// Where the files lie, and what is in them; sections beside whole files.
pub struct Folder {
    pub commitment: PathBuf,
    pub contents: Vec<u8>,
    pub arrays: Vec<u8>,
    pub opening: PathBuf,
    pub secret: Vec<u8>,
    pub tensors: Vec<u8>,
    pub ledger: Vec<u8>,
    pub grant: Vec<u8>,
}

pub fn folder() -> &'static Folder {
    static FOLDER: OnceLock<Folder> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = std::env::temp_dir().join(format!("veritorch-fuzz-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("there is a temporary folder");
        let commitment = folder.join("x.commitment");
        let tensor = Tensor { shape: vec![2, 3], values: TensorValues::Integers(vec![1, -2, 3, 40_000, 0, -5]) };
        let tensors = BTreeMap::from([("x".to_owned(), tensor)]);
        commit(&tensors, Steps::Own(Profile::default()), 2).expect("integers are committed").save(&commitment).expect("it is saved");
        let opening = opening_path(&commitment);
        let read = |path: &PathBuf, kind: Kind| {
            let bytes = fs::read(path).expect("it was saved");
            let section = bytes[File::parse_as(path, &bytes, kind).expect("it is whole").range(0)].to_vec();
            (bytes, section)
        };
        let (contents, arrays) = read(&commitment, Kind::Commitment);
        let (secret, tensors) = read(&opening, Kind::Opening);
        let (ledger, grant) = read(&ledger_path(&opening), Kind::Ledger);
        Folder { commitment, contents, arrays, opening, secret, tensors, ledger, grant }
    })
}
